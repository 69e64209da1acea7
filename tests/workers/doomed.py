"""An adapt worker that is a process of its own and dies by SIGKILL where it is told to.

Imported by a process that forks the workers, so that each does not load the model library anew.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import transformers.models.bert.modeling_bert
from transformers import AutoModel, AutoTokenizer

from corpora.blobs import BlobStore
from jobs.store import Ledger
from models import artifact, llm_artifact
from models.training.extend import Extension
from models.training.incontext import InContextLearning
from tests.workers.building import hands
from tests.workers.prompting import PromptedRuntime, places
from tests.workers.school import School
from workers import adapting, lease
from workers.workshop import Workshop

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from torch import Tensor

    from jobs.records import Claim, NewTagger, StoredTagger

#: What loading a tagger imports, and a fork has already.
LIBRARY = (AutoModel, AutoTokenizer, transformers.models.bert.modeling_bert)
#: Where a worker may be told to die, in the order in which it comes there.
DEATHS = (
    "judging 0.1",
    "judging 0.6",
    "learning 0.3",
    "comparing 0.0",
    "half an artifact",
    "before it is placed",
    "before the commit",
    "after the commit",
)
#: The same of an adaptation of a language model.
PROMPTED_DEATHS = (
    "judging 0.1",
    "judging 0.6",
    "learning 0.3",
    "half an artifact",
    "before it is placed",
    "before the commit",
    "after the commit",
)


def work(url: str, blobs: Path, taggers: Path, chunk_id: int, steps: Path, death: str | None) -> None:
    """Do an adaptation, or die at it; every step that is learnt is a line of the file `steps`."""
    lease.ASK_EVERY = adapting.TOLD_SHARE = adapting.TOLD_SECONDS = 0.0
    _count(steps)
    _doom(death)
    ledger = _Doomed.open(url)
    assert isinstance(ledger, _Doomed)
    ledger.death = death
    school = School(ledger=ledger, blobs=BlobStore(blobs), taggers=taggers)
    adapting.run(school.hands(), chunk_id)


class _Doomed(Ledger):
    """A ledger whose worker dies before or after a call."""

    death: str | None = None

    def progress(self, claimed: Claim, stage: str, share: float) -> bool:
        told = super().progress(claimed, stage, share)
        where, _, least = (self.death or "").partition(" ")
        if where == stage and share >= float(least):
            _die()
        return told

    def commit_tagger(self, claimed: Claim, made: NewTagger) -> StoredTagger | None:
        if self.death == "before the commit":
            _die()
        registered = super().commit_tagger(claimed, made)
        if self.death == "after the commit":
            _die()
        return registered


def _doom(death: str | None) -> None:
    if death == "half an artifact":
        # The hash of a weights file is taken when the file is there and the manifest is not.
        artifact.file_sha256 = _die  # type: ignore[assignment, attr-defined]
    if death == "before it is placed":
        Workshop.place = _die  # type: ignore[method-assign, assignment]


def _count(steps: Path) -> None:
    learn = Extension.loss

    def counted(self: Extension, step: int) -> Tensor:
        with steps.open("a") as file:
            file.write(f"{len(self.support)} {step}\n")
        return learn(self, step)

    Extension.loss = counted  # type: ignore[method-assign]


def _die(*_: Any) -> None:  # noqa: ANN401 -- in the place of functions of several forms
    os.kill(os.getpid(), signal.SIGKILL)


def work_prompted(
    url: str, blobs: Path, taggers: Path, chunk_id: int, steps: Path, death: str | None, shipped: Path
) -> None:
    """Do an adaptation of the compact language model that ships in a folder, or die at it; as `work`."""
    lease.ASK_EVERY = adapting.TOLD_SHARE = adapting.TOLD_SECONDS = 0.0
    for module, name, value in places(shipped):
        setattr(module, name, value)
    _count_prompted(steps)
    if death == "half an artifact":
        llm_artifact.file_sha256 = _die  # type: ignore[assignment, attr-defined]
    _doom(death if death == "before it is placed" else None)
    ledger = _Doomed.open(url)
    assert isinstance(ledger, _Doomed)
    ledger.death = death
    adapting.run(hands(ledger, BlobStore(blobs), PromptedRuntime(), taggers=taggers), chunk_id)


def _count_prompted(steps: Path) -> None:
    learn = InContextLearning.loss

    def counted(self: InContextLearning, step: int) -> Tensor:
        with steps.open("a") as file:
            file.write(f"{step}\n")
        return learn(self, step)

    InContextLearning.loss = counted  # type: ignore[method-assign]
