"""What can go wrong with jobs: one class a cause, each with a machine word and whether trying again helps."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: A password may itself hold : and @, so it ends at the last @ there is.
_SECRETS = re.compile(r"(//[^:/]*:).*(?=@)|((?:password|passwd)=)[^&]*")

#: Characters that are quoted of a value that came from outside.
_QUOTED = 60
#: Names that are told of those that there are.
_LISTED = 12


class LedgerError(Exception):
    """Base of everything this room raises on purpose."""

    #: Machine word, stable across releases.
    code: ClassVar[str]
    #: True where the same call can never succeed; False where trying again later may.
    permanent: ClassVar[bool] = True


class UnknownJob(LedgerError):
    """No job has this id."""

    code = "unknown_job"

    def __init__(self, job_id: str) -> None:
        super().__init__(f"there is no job {_quoted(job_id)}; `tagwerk jobs list` shows those that exist")


class UnknownFile(LedgerError):
    """No file has this id."""

    code = "unknown_file"

    def __init__(self, file_id: str) -> None:
        super().__init__(f"there is no file {_quoted(file_id)}; upload it, and use the id in the answer")


class UnknownKey(LedgerError):
    """No key has this id."""

    code = "unknown_key"

    def __init__(self, key_id: str) -> None:
        # Who pastes a token instead of its id must not find the secret in a log.
        shown = f"{key_id[:13]}…" if key_id.startswith("tw_") else key_id
        advice = f"its id is 'key_{key_id[3:13]}'; " if key_id.startswith("tw_") else ""
        super().__init__(f"there is no key {_quoted(shown)}; {advice}`tagwerk keys list` shows those that exist")


class KeyInUse(LedgerError):
    """Another request with the same idempotency key is at work."""

    code = "idempotency_key_in_use"
    permanent = False

    def __init__(self, key: str) -> None:
        super().__init__(f"a request with the idempotency key {_quoted(key)} is at work; try again in a moment")


class KeyReused(LedgerError):
    """An idempotency key came with one request before and comes with another now."""

    code = "idempotency_key_reused"

    def __init__(self, key: str) -> None:
        super().__init__(
            f"the idempotency key {_quoted(key)} was used for another request; take a new key for this one"
        )


class BadTenant(LedgerError, ValueError):
    """The name of a tenant has a form that none can have."""

    code = "bad_tenant"

    def __init__(self, tenant: str) -> None:
        super().__init__(f"{_quoted(tenant)} cannot be a tenant; use 1 to 64 of a-z, 0-9, _ and -")


class BadName(LedgerError, ValueError):
    """The name of a job, a file or a key holds what cannot be stored."""

    code = "bad_name"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"the name {_quoted(name)} {reason}")


class IllegalTransition(LedgerError):
    """The state machine has no such move."""

    code = "illegal_transition"

    def __init__(self, old: str, new: str, job_id: str | None = None) -> None:
        who = f"job {job_id!r}" if job_id else "a job"
        super().__init__(f"{who} cannot go from {str(old)!r} to {str(new)!r}; read its state again before acting")


class JobFinished(LedgerError):
    """The job is already in a final state."""

    code = "job_finished"

    def __init__(self, job_id: str, state: str) -> None:
        super().__init__(f"job {job_id!r} is already {str(state)!r}; a finished job cannot be cancelled")
        self.state = state


class JobUnfinished(LedgerError):
    """The job is not in a final state yet, so what failed is not settled."""

    code = "job_unfinished"

    def __init__(self, job_id: str, state: str) -> None:
        super().__init__(f"job {job_id!r} is still {str(state)!r}; wait for it to end or cancel it, then retry")
        self.state = state


class NothingToRetry(LedgerError):
    """No document of the job failed."""

    code = "nothing_to_retry"

    def __init__(self, job_id: str) -> None:
        super().__init__(f"no document of job {job_id!r} failed; there is nothing to retry")


class UnknownTagger(LedgerError):
    """A job names a tagger that there is not."""

    code = "unknown_tagger"

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"there is no tagger {_quoted(name)}; known are {_listed(known)}")


class NothingPromoted(UnknownTagger):
    """A tagger is named without its version, and no version of it is promoted."""

    code = "nothing_promoted"

    def __init__(self, name: str, versions: Sequence[str]) -> None:
        LedgerError.__init__(
            self, f"no version of tagger {_quoted(name)} is promoted; name one of {_listed(versions)}, or promote one"
        )


class NothingToRollBack(LedgerError):
    """No version of a tagger was promoted before the one that is."""

    code = "nothing_to_roll_back"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"no version of tagger {_quoted(name)} was promoted before the one that is; there is nothing to go back to"
        )


class BadTaggerName(LedgerError, ValueError):
    """A tagger that is to be made has a name that it cannot have."""

    code = "bad_tagger_name"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"the name {_quoted(name)} {reason}")


class UnknownMethod(LedgerError):
    """An adaptation is asked for by a method that there is not."""

    code = "unknown_method"

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no method {_quoted(name)}; known are extend, contrastive, retrieve, lora, finetype")


class NoTaggersFolder(LedgerError):
    """A tagger made here is needed, or to be made, where nobody said in which folder they lie."""

    code = "no_taggers_folder"

    def __init__(self) -> None:
        super().__init__("TAGWERK_TAGGERS is not set; it names the folder of the taggers made here")


class DamagedTagger(LedgerError):
    """The file that says what a tagger is cannot be read as one."""

    code = "damaged_tagger"

    def __init__(self, manifest: Path, cause: Exception) -> None:
        super().__init__(f"{manifest} does not describe a tagger ({cause!r}); copy its folder again or make it anew")


class UnknownEngine(LedgerError):
    """A job names an engine that there is not."""

    code = "unknown_engine"

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no engine {name!r}; known are biencoder, llm")


class EngineMismatch(LedgerError):
    """A job names an engine that its tagger is not of."""

    code = "engine_mismatch"

    def __init__(self, tagger: str, own: str, engine: str) -> None:
        super().__init__(f"the tagger {tagger!r} is of the engine {own!r}, not {engine!r}; leave one of the two out")
        self.tagger, self.own = tagger, own


class KindMismatch(LedgerError):
    """A job names a tagger that does not do what the job is for."""

    code = "kind_mismatch"

    def __init__(self, tagger: str, own: str, *, finds: bool) -> None:
        what = (
            "finds entities and gives no types; name one of the engine 'typer'"
            if finds
            else "gives types to mentions and finds none; name it as the typer of the job, or ask for a job that types"
        )
        super().__init__(f"the tagger {tagger!r} is of the engine {own!r}: it {what}")


class MethodMismatch(LedgerError):
    """An adaptation is to go on from a tagger that its method cannot teach."""

    code = "method_mismatch"

    def __init__(self, tagger: str, own: str, method: str, engine: str) -> None:
        super().__init__(
            f"the method {method!r} goes on from taggers of the engine {engine!r}, and {tagger!r} is of {own!r}; "
            "name another tagger, or none"
        )


class BadLedgerUrl(LedgerError):
    """The database URL names something that cannot hold the ledger."""

    code = "bad_ledger_url"

    def __init__(self, url: str) -> None:
        super().__init__(f"{_masked(url)!r} cannot hold the ledger; use postgresql://... or sqlite:////path/to/file")


class LedgerUnavailable(LedgerError):
    """The database does not answer, or is too busy to."""

    code = "ledger_unavailable"
    permanent = False

    def __init__(self, url: str, cause: BaseException) -> None:
        super().__init__(f"the ledger at {_masked(url)} does not answer ({_first_line(cause)}); try again")


class BrokerUnavailable(LedgerError):
    """The broker does not answer; bells that did not ring stay owed."""

    code = "broker_unavailable"
    permanent = False

    def __init__(self, url: str, cause: BaseException, rung: tuple[int, ...] = ()) -> None:
        where = _masked(url)
        super().__init__(f"the broker at {where} does not answer ({_first_line(cause)}); bells stay owed, try again")
        #: Chunk ids that were rung before the broker went away.
        self.rung = rung


def _quoted(value: str) -> str:
    """The value in quotes, whatever it holds; cut where it is longer than anyone reads."""
    return ascii(value) if len(value) <= _QUOTED else f"{value[:_QUOTED]!a}..."


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more:,} more" if more > 0 else "")


def _masked(url: str) -> str:
    """The address without what stands between its user and the last @, or behind `password=`."""
    return _SECRETS.sub(r"\1\2***", url)


def _first_line(cause: BaseException) -> str:
    return next(iter(str(cause).splitlines()), "") or type(cause).__name__
