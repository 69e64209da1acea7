"""The settings of the ledger, the doorbell, the reaper and the taggers' registry, from `TAGWERK_...` variables."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 -- pydantic reads the annotation when the class is made

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class JobsSettings(BaseSettings):
    """Where the ledger and the broker are, and how patient the reaper is."""

    model_config = SettingsConfigDict(env_prefix="TAGWERK_", env_ignore_empty=True, extra="ignore")

    database_url: str | None = Field(None, description="PostgreSQL or SQLite URL of the ledger; none: embedded stack")
    broker_url: str | None = Field(
        None, description="redis:// or redis+socket:// URL of the broker; none: embedded stack"
    )
    lease_seconds: float = Field(60, gt=0, description="how long a claim holds without being renewed")
    reaper_tick_seconds: float = Field(10, gt=0, description="pause between two rounds of the reaper")
    job_hours: float = Field(24, ge=1 / 60, description="time after which a job that is not finished expires")
    taggers: Path | None = Field(None, description="folder of taggers made here; none: the shipped ones alone")
    max_crashes: int = Field(3, ge=1, description="lost leases after which a chunk counts as poison")
