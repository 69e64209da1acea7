"""Where the face looks: a server, the services of the environment, or the embedded stack under `TAGWERK_HOME`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class FaceSettings(BaseSettings):
    """What every command needs to know before it can speak to anybody."""

    model_config = SettingsConfigDict(env_prefix="TAGWERK_", env_ignore_empty=True, frozen=True, extra="ignore")

    home: Path = Field(default_factory=lambda: Path.home() / ".tagwerk", description="state of the embedded stack")
    url: str | None = Field(None, description="address of a server; none: the services or the embedded stack")
    key: SecretStr | None = Field(None, description="the key that the server is asked with")


class FlowerSettings(BaseSettings):
    """Who may look at Flower."""

    model_config = SettingsConfigDict(env_prefix="TAGWERK_FLOWER_", env_ignore_empty=True, frozen=True, extra="ignore")

    basic_auth: SecretStr | None = Field(None, description="user:password, several separated by commas")
