"""Adaptations as the tests of this room need them: a folder of taggers, a small base, examples, hands."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from corpora.ingest import ingest
from corpora.limits import DEFAULT_LIMITS
from jobs.records import NewTagger
from jobs.routing import pieces
from jobs.states import JobKind
from models.training.extend import ExtendConfig
from models.training.finetype import FineTypeConfig
from tests.models.training.support_set import PERSON, PLACE, documents
from tests.workers.building import hands
from workers import adapting
from workers.runtime import Runtime
from workers.settings import WorkerSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from corpora.blobs import BlobStore
    from jobs.store import Ledger
    from workers.hands import Hands

LABELS = [{"name": each.name, "description": each.description, "threshold": None} for each in (PERSON, PLACE)]
#: Steps of each training, and trainings of an adaptation over so few examples: three parts and the whole.
STEPS, TRAININGS = 3, 4
EXAMPLES = 6


class QuickRuntime(Runtime):
    """The real runtime, whose trainings take three steps and keep each."""

    def __init__(self) -> None:
        super().__init__(WorkerSettings(device="cpu", dtype="float32"))

    def fine_typing(self) -> tuple[FineTypeConfig, float]:
        return FineTypeConfig(steps=STEPS, batch=4), 5.0

    def extension(self) -> ExtendConfig:
        return ExtendConfig(passes=0, least_steps=STEPS, budget=256, dropout=0.0, rehearsal=0.0, checkpoint_minutes=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class School:
    """A ledger, its blobs, and a folder of taggers in which `tiny@1` lies."""

    ledger: Ledger
    blobs: BlobStore
    taggers: Path

    @classmethod
    def founded(cls, ledger: Ledger, blobs: BlobStore, taggers: Path, tiny: Path) -> School:
        """A school whose base is a copy of the artifact `tiny`."""
        school = cls(ledger=ledger, blobs=blobs, taggers=taggers)
        base = school.job("tiny", tagger="default")
        shutil.copytree(tiny, taggers / base)
        claim = ledger.claim(school.chunk(), worker="w", lease_s=60)
        assert claim is not None
        assert ledger.commit_tagger(claim, NewTagger(name="tiny", receipt={}, promote=True))
        return school

    def job(self, name: str = "music", lines: list[str] | None = None, **chosen: Any) -> str:  # noqa: ANN401
        """A queued adaptation of `tiny@1` over these example lines, or good ones."""
        corpus = ingest(io.BytesIO("\n".join(lines or examples()).encode()), self.blobs, DEFAULT_LIMITS)
        usual: dict[str, Any] = {"kind": JobKind.ADAPT, "tagger": "tiny@1", "engine": "biencoder", "labels": LABELS}
        usual["options"] = {"method": "extend", "name": name}
        job_id = self.ledger.create_job(**(usual | {"hours": 1} | chosen))
        chunks = pieces(JobKind.ADAPT, corpus.bytes, corpus.chunks)
        self.ledger.enqueue(job_id, blob=corpus.key, documents=1, chunks=chunks, queue="adapt")
        return job_id

    def chunk(self) -> int:
        """The id of the one adaptation whose bell is owed."""
        [chunk_id] = self.ledger.owed("adapt", 10)
        return chunk_id

    def hands(self, *, ledger: Ledger | None = None, stopping: Callable[[], bool] = lambda: False) -> Hands:
        """What a worker of this school works with."""
        used = ledger or self.ledger
        return hands(used, self.blobs, QuickRuntime(), taggers=self.taggers, stopping=stopping)

    def work(self, ledger: Ledger | None = None) -> None:
        """Do the one adaptation whose bell is owed."""
        adapting.run(self.hands(ledger=ledger), self.chunk())

    def shares(self, job_id: str) -> list[tuple[str, float]]:
        """Stage and share of every progress event of a job."""
        events = [event for event in self.ledger.events(job_id) if event.name == "progress"]
        return [(event.data["stage"], event.data["share"]) for event in events]

    def left_over(self) -> list[str]:
        """What lies below the folder of taggers beside finished artifacts."""
        return sorted(path.name for path in self.taggers.rglob("*") if path.name.endswith(".partial")) + sorted(
            path.name for path in (self.taggers / ".work").glob("*")
        )


def examples(count: int = EXAMPLES) -> list[str]:
    """So many lines of good examples."""
    return [
        json.dumps(
            {
                "id": each.id,
                "text": each.text,
                "entities": [{"start": s.start, "end": s.end, "label": s.label} for s in each.entities or ()],
            }
        )
        for each in documents(count)
    ]
