"""What can go wrong at the face: one class a cause, with the exit code that the command ends with."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from jobs.errors import NothingToRollBack

if TYPE_CHECKING:
    from pydantic import ValidationError

    from api.schemas import Complaint, Problem


class FaceError(Exception):
    """A command cannot go on."""

    code = "face_error"
    permanent = True
    #: 1: it was tried and failed; 2: it was asked wrongly.
    exit_code = 1


class BadSettings(FaceError):
    """A `TAGWERK_...` variable has a value that it cannot have."""

    code = "bad_settings"
    exit_code = 2

    def __init__(self, found: ValidationError) -> None:
        said = (f"TAGWERK_{str(each['loc'][0]).upper()} is {each['input']!r}: {each['msg']}" for each in found.errors())
        super().__init__("\n".join(said))


class MissingSettings(FaceError):
    """Some services are configured and others are not."""

    code = "missing_settings"
    exit_code = 2

    def __init__(self, present: list[str], missing: list[str]) -> None:
        super().__init__(
            f"{' and '.join(present)} {_are(present)} set but {' and '.join(missing)} {_are(missing)} not; "
            "set all three to use running services, or none of them for the embedded stack"
        )


class LedgerNotReady(FaceError):
    """The ledger's tables are not those of this version."""

    code = "ledger_not_ready"

    def __init__(self) -> None:
        super().__init__("the ledger has not the tables of this version; run `tagwerk migrate`")


class UnusableHome(FaceError):
    """The embedded stack's folder cannot be made or written."""

    code = "unusable_home"
    exit_code = 2

    def __init__(self, home: object, reason: str | None) -> None:
        super().__init__(f"{home} cannot hold the embedded stack: {reason}; set TAGWERK_HOME to a folder of your own")


class StackFailed(FaceError):
    """A process of the embedded stack does not stay up."""

    code = "stack_failed"


class UnusableInput(FaceError):
    """A file or a value that the command was given cannot be used."""

    code = "unusable_input"
    exit_code = 2


class UnusableOutput(FaceError):
    """The file that the command was told to write cannot be written."""

    code = "unusable_output"
    exit_code = 2

    def __init__(self, target: object, reason: str | None) -> None:
        super().__init__(f"the output {target} cannot be written: {reason}")


class CannotListen(FaceError):
    """An address is taken, or is not this machine's."""

    code = "cannot_listen"

    def __init__(self, host: str, port: int, reason: str | None) -> None:
        super().__init__(f"cannot listen on {host}:{port}: {reason}; choose another --port or --host")


class MissingServer(FaceError):
    """A client was made without a server to speak to."""

    code = "missing_server"
    exit_code = 2

    def __init__(self) -> None:
        super().__init__("there is no server to speak to; give its address, or set TAGWERK_URL")


class BadServerAddress(FaceError):
    """The address of a server is none."""

    code = "bad_server_address"
    exit_code = 2

    def __init__(self, address: str) -> None:
        # What stands before an @ may be a password.
        shown = f"***{address[address.rindex('@') :]}" if "@" in address else address
        super().__init__(f"{shown!r} is not the address of a server; write https://host or http://host:port")


class MissingKey(FaceError):
    """A server is to be spoken to and there is no key."""

    code = "missing_key"
    exit_code = 2

    def __init__(self) -> None:
        super().__init__("TAGWERK_KEY is not set; it holds the key that `tagwerk keys create` made at the server")


class BadKey(FaceError):
    """What is given as a key has characters that no key has."""

    code = "bad_key"
    exit_code = 2

    def __init__(self) -> None:
        super().__init__("the key has characters that no key has; copy it again, `tw_` and all, into TAGWERK_KEY")


class ServiceError(FaceError):
    """The server refused a request."""

    code = "service_error"

    def __init__(self, problem: Problem) -> None:
        super().__init__(_told(problem))
        #: What the server said: status, code, detail, and complaints with their lines.
        self.problem = problem
        #: How often it was asked; before a second time the first answer was lost.
        self.tries = 1
        # A conflict is with how a job stands at the moment; how a tagger stands does not change by itself.
        may_pass = problem.status == HTTPStatus.CONFLICT and problem.code != NothingToRollBack.code
        asked_wrongly = 400 <= problem.status < 500 and not may_pass
        self.exit_code = 2 if asked_wrongly else 1


class Unauthorized(ServiceError):
    """The server does not take the key."""

    code = "unauthorized"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        # What the server advises is for those who write requests by hand.
        reason = problem.detail.partition(";")[0]
        self.args = (f"the server refuses the key: {reason}; `tagwerk keys create` there makes another",)


class RequestAtWork(ServiceError):
    """The same submission is at work already; its answer is there soon."""

    code = "request_at_work"
    permanent = False

    def __init__(self, problem: Problem, retry_after: float | None) -> None:
        super().__init__(problem)
        self.retry_after = retry_after


class ServiceUnavailable(FaceError):
    """The server does not answer, or not now."""

    code = "service_unavailable"
    permanent = False

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        #: Seconds after which the server wants to be asked again, where it said so.
        self.retry_after = retry_after


class StrangeAnswer(FaceError):
    """What answers is not a server of this kind."""

    code = "strange_answer"

    def __init__(self, url: str, found: str) -> None:
        super().__init__(f"{url} answers as no Tagwerk server does ({found}); check the address in TAGWERK_URL")


class WaitTimeout(FaceError):
    """A job did not end in the time that somebody was ready to wait."""

    code = "wait_timeout"
    permanent = False

    def __init__(self, job_id: str, seconds: float) -> None:
        super().__init__(f"job {job_id!r} has not ended after {seconds:g} s; it goes on, wait again for it")
        self.job_id = job_id


def _told(problem: Problem) -> str:
    """The complaints, one a line, as the rooms that find them would tell them; without any, the detail."""
    lines = [_line(complaint) for complaint in problem.errors]
    more = (problem.total or 0) - len(lines)
    return "\n".join([*lines, f"and {more:,} more"] if more > 0 else lines) if lines else problem.detail


def _line(complaint: Complaint) -> str:
    place = f"line {complaint.line}: "
    return (
        complaint.detail if complaint.line is None or complaint.detail.startswith(place) else place + complaint.detail
    )


def _are(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"
