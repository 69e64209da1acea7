"""What can go wrong at the face: one class a cause, with the exit code that the command ends with."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


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


def _are(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"
