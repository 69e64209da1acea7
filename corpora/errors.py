"""What this room refuses and how it says so: one class a cause, one `Problem` a complaint.

Every error is a fact about the input, so each is permanent: trying again changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable

KEPT_PROBLEMS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One complaint about an input; `message` is the whole sentence, line and value included."""

    #: Line of the file, from 1; None where the complaint is about the file.
    line: int | None
    code: str
    message: str

    @classmethod
    def at(cls, line: int | None, code: str, sentence: str) -> Problem:
        """A problem whose message begins with its line, where it has one."""
        return cls(line=line, code=code, message=sentence if line is None else f"line {line}: {sentence}")


class Refusal(Exception):
    """A complaint by code that does not know its line; the caller that does turns it into a `Problem`."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code, sentence)
        self.code = code
        self.sentence = sentence

    def at(self, line: int | None) -> Problem:
        """The same complaint with its line."""
        return Problem.at(line, self.code, self.sentence)


class CorpusError(Exception):
    """Base of everything this room raises about its input."""

    code: ClassVar[str] = "corpus_error"
    permanent: ClassVar[bool] = True


class _InvalidInput(CorpusError):
    def __init__(self, problems: Iterable[Problem], total: int | None = None) -> None:
        found = tuple(problems)
        self.problems = found[:KEPT_PROBLEMS]
        self.total = len(found) if total is None else total
        # Both arguments go to the base, so that the error survives pickling between processes.
        super().__init__(self.problems, self.total)

    def __str__(self) -> str:
        lines = [problem.message for problem in self.problems]
        more = self.total - len(lines)
        return "\n".join([*lines, f"and {more:,} more"] if more else lines)


class InvalidCorpus(_InvalidInput):
    """A corpus that cannot be read: `problems` holds the first 20 by line, `total` counts all."""

    code = "invalid_corpus"


class InvalidLabels(_InvalidInput):
    """A label file that cannot be used: `problems` holds the first 20, `total` counts all."""

    code = "invalid_labels"


class CorpusTooLarge(CorpusError):
    """A corpus whose expanded size passes the limit; reading stopped there."""

    code = "corpus_too_large"

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit

    def __str__(self) -> str:
        return (
            f"the corpus is larger than {self.limit:,} bytes when expanded; split it, or raise TAGWERK_MAX_CORPUS_BYTES"
        )


class UnknownBlob(CorpusError):
    """A key that names no stored corpus."""

    code = "unknown_blob"

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return f"no stored corpus has the key {self.key[:64]!r}; check that TAGWERK_BLOBS is the same everywhere"


class DamagedBlob(CorpusError):
    """A stored corpus that does not hold what was recorded of it."""

    code = "damaged_blob"

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(key, reason)
        self.key = key
        self.reason = reason

    def __str__(self) -> str:
        return f"the stored corpus {self.key!r} is damaged: {self.reason}; submit it again"
