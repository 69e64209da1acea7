"""The room's settings: the one place where it reads the environment (prefix `TAGWERK_`)."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field, PositiveFloat, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Policy(StrEnum):
    """What becomes of a text whose examples did not come in time or cannot be trusted."""

    #: It goes on without examples and says so.
    FLAG = "flag"
    #: It fails for now, to be tried again.
    WAIT = "wait"


class RetrievalSettings(BaseSettings):
    """Where labelled examples are searched, and how long an answer is waited for."""

    model_config = SettingsConfigDict(env_prefix="TAGWERK_", env_ignore_empty=True, frozen=True, extra="ignore")

    qdrant_url: str | None = Field(
        None, pattern="^https?://", description="URL of a Qdrant server; none: an index in the memory of each worker"
    )
    qdrant_api_key: SecretStr | None = Field(None, description="the key that the Qdrant server asks for")
    retrieval_timeout: PositiveFloat = Field(1.0, description="most seconds that one search on a server may take")
    retrieval_fill_timeout: PositiveFloat = Field(
        30.0, description="most seconds that one batch of examples may take on its way into a server"
    )
    retrieval_retry_seconds: PositiveFloat = Field(
        5.0, description="pause after an index could not be filled, in which it is not tried again"
    )
    retrieval_policy: Policy = Field(
        Policy.FLAG, description="flag: texts whose search failed are flagged; wait: they are tried again"
    )
