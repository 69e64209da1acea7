"""What can go wrong in a search for examples: one class a cause, permanent or transient as a fact of the class."""

from __future__ import annotations

from typing import ClassVar


class RetrievalError(Exception):
    """Base of everything this room raises."""

    code: ClassVar[str] = "retrieval_error"
    #: True where trying again cannot help.
    permanent: ClassVar[bool] = True


class BadExampleSet(RetrievalError):
    """Examples that cannot be indexed, or whose files are damaged."""

    code = "bad_example_set"


class EncoderMismatch(RetrievalError):
    """The encoder that reads the texts is not the one that read the examples."""

    code = "encoder_mismatch"

    def __init__(self, reader: str, examples: str) -> None:
        super().__init__(
            f"the examples were read by the encoder {examples[:12]}, the texts are by {reader[:12]}: "
            "build the example set anew with the encoder that is in use"
        )


class IndexUnavailable(RetrievalError):
    """The index does not answer, or not now."""

    code = "index_unavailable"
    permanent = False


class IndexTimeout(RetrievalError):
    """The index did not answer in time."""

    code = "index_timeout"
    permanent = False

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the index did not answer within {seconds:g} s")


class IndexIncomplete(RetrievalError):
    """A collection is gone, was emptied, or was never filled to its end."""

    code = "index_incomplete"
    permanent = False


class ForeignVectors(RetrievalError):
    """A collection holds vectors that are not those of its examples; filling it anew mends that."""

    code = "foreign_vectors"
    permanent = False


class IndexRefused(RetrievalError):
    """The index refuses us: the key is missing, wrong or not allowed to do this."""

    code = "index_refused"
