"""The room's settings: the one place where it reads the environment (prefix `TAGWERK_`)."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 -- pydantic reads the annotation when the class is made
from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

#: The language model that ships, and how one that an endpoint serves begins.
COMPACT, REMOTE = "compact", "remote:"


class WorkerSettings(BaseSettings):
    """How a worker runs its models."""

    model_config = SettingsConfigDict(env_prefix="TAGWERK_", env_ignore_empty=True, frozen=True, extra="ignore")

    device: str = Field("auto", description="auto, cpu, cuda, cuda:1: where models run")
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field("auto", description="number format")
    batch_pieces: PositiveInt = Field(4096, description="most padded word pieces in one batch")
    adapt_minutes: PositiveFloat = Field(20, description="most minutes of each training of an adaptation")
    adapt_steps: PositiveInt = Field(1500, description="most steps of each training of an adaptation")
    encoder: str | None = Field(None, description="folder or Hugging Face name where the base encoder is found")
    llm: str = Field(
        COMPACT,
        min_length=1,
        description="language model of adaptations: compact, a Hugging Face name or folder, or remote:MODEL",
    )
    llm_adapter: Path | None = Field(
        None, description="folder of an adapter that this model wears, as `tagwerk train llm` writes it"
    )
    llm_url: str | None = Field(
        None, pattern="^https?://", description="OpenAI-compatible endpoint that serves remote:MODEL"
    )
    llm_api_key: SecretStr | None = Field(None, description="the key that the endpoint asks for")
