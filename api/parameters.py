"""What paths, queries and headers may hold, declared once for all routes.

Owns their bounds and the words for the reference; and that a parameter nobody knows is refused.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

from fastapi import Header, Path, Query, Request
from pydantic import StringConstraints

from api.bodies import SHOWN
from api.complaints import listed, near
from api.errors import UnknownParameter
from api.schemas import NAME_MAX, PAGE_MAX, Complaint
from corpora.quoting import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: The largest number that a column of the ledger compares.
NUMBER_MAX = 2**63 - 2
#: Most lines of a page of results.
LINES_MAX = 10_000

JobId = Annotated[str, Path(alias="id", description="id of a job", examples=["job_06g7q4d2c8a1v5k9m3s0"])]
FileId = Annotated[str, Path(alias="id", description="id of a file", examples=["file_06g7q4d2c8a1v5k9m3s0"])]
TaggerName = Annotated[str, Path(alias="name", description="name of a tagger", examples=["default"])]
Since = Annotated[
    str | None,
    Query(
        alias="from",
        description="the version that the name is to be rolled back from, as `music@3`: where it stands for another "
        "already nothing changes, so that the request can be sent again",
    ),
]
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description="most entries of the page")]
AfterJob = Annotated[
    str | None,
    Query(pattern="^job_[0-9a-v]{20}$", description="last id of the page before, as its `after` says"),
]
AfterFile = Annotated[
    str | None,
    Query(pattern="^file_[0-9a-v]{20}$", description="last id of the page before, as its `after` says"),
]
AfterEntry = Annotated[
    int, Query(ge=0, le=NUMBER_MAX, description="last id of the page before, as its `after` says; 0: from the first")
]
AfterEscalation = Annotated[
    int | None, Query(ge=0, le=NUMBER_MAX, description="last id of the page before, as its `after` says")
]
LineLimit = Annotated[
    int | None,
    Query(
        ge=1,
        le=LINES_MAX,
        description="most lines of the page; a page of large lines has fewer. Without it the answer streams to the end",
    ),
]
AfterLine = Annotated[
    int, Query(ge=0, le=NUMBER_MAX, description="where to go on, as the `next` link says; 0: from the first line")
]
FileName = Annotated[
    str | None,
    StringConstraints(max_length=NAME_MAX, pattern=r"^[^\x00]*$"),
    Query(description="a name for people"),
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,255}$",
        description="Any text of 1 to 255 visible ASCII characters, made by the caller once for each job that is "
        "wanted. The same request with the same key, sent again, makes no second job: it is answered with the first.",
    ),
]


async def known_parameters(request: Request) -> None:
    """Refuse query parameters that the route does not have, or that come twice. Raises `UnknownParameter`."""
    known = [field.alias for field in request.scope["route"].dependant.query_params]
    given = Counter(name for name, _value in request.query_params.multi_items())
    wrong = [name for name in given if name not in known]
    wrong += [name for name in known if given[name] > 1]
    if wrong:
        # Comparing names takes long, and this runs where all requests run.
        advise = near if len(given) <= SHOWN else _known
        raise UnknownParameter([_refused(name, known, advise) for name in wrong[:SHOWN]], len(wrong))


def _refused(name: str, known: Sequence[str], advise: Callable[[str, Sequence[str]], str]) -> Complaint:
    if name in known:
        detail = f"the parameter {quoted(name)} came more than once; give it once"
        return Complaint(code="repeated_parameter", detail=detail)
    detail = f"the parameter {quoted(name)} is unknown; {advise(name, known)}"
    return Complaint(code="unknown_parameter", detail=detail)


def _known(_name: str, known: Sequence[str]) -> str:
    return listed(known)
