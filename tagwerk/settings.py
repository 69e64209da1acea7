"""Where the face looks: the services of the environment, or the embedded stack under `TAGWERK_HOME`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class FaceSettings(BaseSettings):
    """What every command needs to know before it can speak to a ledger."""

    model_config = SettingsConfigDict(env_prefix="TAGWERK_", env_ignore_empty=True, frozen=True, extra="ignore")

    home: Path = Field(default_factory=lambda: Path.home() / ".tagwerk", description="state of the embedded stack")
