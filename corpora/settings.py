"""The room's settings: the one place where it reads the environment (prefix `TAGWERK_`)."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 -- pydantic reads the annotation when the class is made

from pydantic import PositiveInt  # noqa: TC002 -- as above
from pydantic_settings import BaseSettings, SettingsConfigDict

from corpora.limits import DEFAULT_LIMITS, Limits


class CorporaSettings(BaseSettings):
    """Where corpora are stored and how large they may be; sizes in bytes."""

    model_config = SettingsConfigDict(env_prefix="TAGWERK_", env_ignore_empty=True, frozen=True)

    #: Folder of stored corpora, shared by everything that reads them.
    blobs: Path | None = None
    max_line_bytes: PositiveInt = DEFAULT_LIMITS.max_line_bytes
    max_corpus_bytes: PositiveInt = DEFAULT_LIMITS.max_corpus_bytes
    chunk_documents: PositiveInt = DEFAULT_LIMITS.chunk_documents
    chunk_bytes: PositiveInt = DEFAULT_LIMITS.chunk_bytes

    def limits(self) -> Limits:
        """The limits as the value that the rest of the room takes."""
        return Limits(
            max_line_bytes=self.max_line_bytes,
            max_corpus_bytes=self.max_corpus_bytes,
            chunk_documents=self.chunk_documents,
            chunk_bytes=self.chunk_bytes,
        )
