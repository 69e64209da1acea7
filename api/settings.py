"""The settings of the HTTP interface: the one place where this room reads the environment (prefix `TAGWERK_`)."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

MIB = 2**20


class ApiSettings(BaseSettings):
    """What requests may cost; sizes in bytes."""

    model_config = SettingsConfigDict(env_prefix="TAGWERK_", env_ignore_empty=True, extra="ignore", frozen=True)

    max_request_bytes: int = Field(
        8 * MIB, gt=0, description="largest JSON body; uploads have TAGWERK_MAX_CORPUS_BYTES"
    )
    max_uploads: int = Field(16, gt=0, description="uploads that are read at the same time; further ones wait")
    upload_wait_seconds: float = Field(10, gt=0, description="how long an upload waits to be read before it is refused")
    upload_stall_seconds: float = Field(60, gt=0, description="silence of a sender after which its upload is given up")
