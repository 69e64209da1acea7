"""What the HTTP interface itself refuses: one class a cause, each with a machine word and whether trying again helps.

Owns no status: `api.problems` says which each becomes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from corpora.quoting import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.schemas import Complaint


class ApiError(Exception):
    """Base of everything this room raises on purpose."""

    #: Machine word, stable across releases.
    code: ClassVar[str]
    #: True where the same request can never succeed; False where trying again later may.
    permanent: ClassVar[bool] = True


class Unauthorized(ApiError):
    """No key, or one that opens nothing."""

    code = "unauthorized"

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}; send the header `Authorization: Bearer tw_...` with a key that is not revoked")


class Forbidden(ApiError):
    """A key that opens something else."""

    code = "forbidden"

    def __init__(self, scope: str) -> None:
        super().__init__(f"a key of scope '{scope}' does not open this; use one of the other scope")


class NotFound(ApiError):
    """Nothing has this path."""

    code = "not_found"

    def __init__(self, path: str) -> None:
        super().__init__(f"there is nothing at {quoted(path)}; /openapi.json lists every path")


class MethodNotAllowed(ApiError):
    """The path is there and takes other methods."""

    code = "method_not_allowed"

    def __init__(self, method: str, path: str, allowed: Sequence[str]) -> None:
        self.allowed = tuple(allowed)
        super().__init__(f"{quoted(path)} does not take {quoted(method)}; it takes {' and '.join(allowed)}")


class InvalidRequest(ApiError):
    """Fields, parameters or headers that are not what they should be."""

    code = "invalid_request"

    def __init__(self, complaints: Sequence[Complaint], total: int | None = None) -> None:
        self.complaints = tuple(complaints)
        self.total = len(self.complaints) if total is None else total
        super().__init__("; ".join(complaint.detail for complaint in self.complaints[:3]))


class UnusableLabels(InvalidRequest):
    """Labels that cannot be used."""

    code = "invalid_labels"


class UnusableTypes(InvalidRequest):
    """Types that mentions cannot be told by."""

    code = "invalid_types"


class MismatchedKind(InvalidRequest):
    """A job names a tagger that does not do what the job is for."""

    code = "kind_mismatch"


class UnusableTagger(InvalidRequest):
    """A job names a tagger that there is not."""

    code = "unknown_tagger"


class UnusableEngine(InvalidRequest):
    """A job names an engine that there is not."""

    code = "unknown_engine"


class MismatchedEngine(InvalidRequest):
    """A job names a tagger and an engine that it is not of."""

    code = "engine_mismatch"


class MismatchedMethod(InvalidRequest):
    """An adaptation names a method, and a tagger that it does not go on from."""

    code = "method_mismatch"


class UnusableMethod(InvalidRequest):
    """An adaptation names a method that there is not."""

    code = "unknown_method"


class UnusableTaggerName(InvalidRequest):
    """An adaptation is to make a tagger of a name that none can have."""

    code = "bad_tagger_name"


class UnusableExamples(InvalidRequest):
    """Examples that nothing can be learnt from."""

    code = "invalid_examples"


class UnknownParameter(InvalidRequest):
    """A query parameter that the path does not have, or has twice."""

    code = "unknown_parameter"


class InvalidJson(ApiError):
    """A body that is not JSON."""

    code = "invalid_json"

    def __init__(self, sentence: str, line: int | None = None) -> None:
        self.line = line
        super().__init__(sentence)


class UnsupportedMediaType(ApiError):
    """A body of another type than JSON."""

    code = "unsupported_media_type"

    def __init__(self, media_type: str) -> None:
        super().__init__(f"the body has the content type {quoted(media_type)}; send application/json")


class RequestTooLarge(ApiError):
    """A JSON body over the limit."""

    code = "request_too_large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"the body is larger than {limit:,} bytes; send less, or raise TAGWERK_MAX_REQUEST_BYTES")


class NoCorpus(ApiError):
    """A job whose corpus was never stored."""

    code = "no_corpus"

    def __init__(self, job_id: str) -> None:
        super().__init__(f"job {job_id!r} has no corpus: it was not valid, or is still being read")


class UploadStalled(ApiError):
    """A sender that fell silent in the middle of an upload."""

    code = "upload_stalled"
    permanent = False

    def __init__(self, seconds: float) -> None:
        super().__init__(f"nothing came for {seconds:g} seconds; upload the file again")


class TooManyUploads(ApiError):
    """As many uploads as may be read at a time are being read."""

    code = "too_many_uploads"
    permanent = False

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} uploads are being read, as many as may be at a time; try again in a moment")


class StorageFull(ApiError):
    """No room for the corpus."""

    code = "storage_full"
    permanent = False

    def __init__(self) -> None:
        super().__init__("there is no room for this corpus; it can be uploaded once the operator has made some")


class StorageUnavailable(ApiError):
    """The folder of corpora cannot be used."""

    code = "storage_unavailable"
    permanent = False

    def __init__(self) -> None:
        super().__init__("stored corpora cannot be reached; try again")


class LedgerNotMigrated(ApiError):
    """A database without the tables of this version."""

    code = "ledger_not_migrated"
    permanent = False

    def __init__(self) -> None:
        super().__init__("the ledger has not the tables of this version; the operator must run `tagwerk migrate`")


class InternalError(ApiError):
    """A fault of the service, of which nothing is told but the request's id."""

    code = "internal_error"
    permanent = False

    def __init__(self) -> None:
        super().__init__("the service failed in a way that it does not know; tell the operator the request's id")


class MissingSettings(ApiError):
    """The service was started without an address that it needs."""

    code = "missing_settings"

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(f"{' and '.join(names)} must be set; the service needs a database, a broker and a blob folder")
