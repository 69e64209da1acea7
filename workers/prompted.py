"""Taggers of the engine `llm`: a language model, and a search for the examples that it is shown.

Owns the way from an artifact to a tagger, and the one index of a process that all of them search. An index that was
emptied or is new is filled from the artifact.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from retrieval.settings import Policy, RetrievalSettings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from models.llm import LLMTagger
    from models.llm_artifact import SearchPlan
    from models.tagger import Calibration
    from models.types import Document
    from retrieval.examples import ExampleSet
    from retrieval.index import ExampleIndex
    from retrieval.search import ExampleSearch
    from workers.language import Languages, Worn

#: Taggers kept ready; the one used longest ago goes first. The language models below them stay.
READY = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    tagger: LLMTagger
    #: What tells its examples apart from others; None: it is shown none.
    key: str | None


class PromptedTaggers:
    """Makes taggers and keeps some ready. Not thread-safe, as the runtime that it is a part of."""

    def __init__(self, languages: Languages, settings: RetrievalSettings) -> None:
        self._languages, self._settings = languages, settings
        self._ready: dict[tuple[str, Path], _Ready] = {}

    @cached_property
    def index(self) -> ExampleIndex:
        """The index of examples."""
        from retrieval.index import ExampleIndex

        return ExampleIndex(self._settings)

    def tagger(self, folder: Path, tenant: str) -> LLMTagger:
        """The tagger that lies in a folder, its examples in a collection of the tenant's.

        Raises a ModelError or a RetrievalError where it is not whole or does not fit what runs here.
        """
        place = (tenant, folder)
        ready = self._ready.pop(place) if place in self._ready else self._made(folder, tenant)
        self._ready[place] = ready
        if len(self._ready) > READY:
            self._put_away(next(iter(self._ready)))
        return ready.tagger

    def base(self, folder: Path) -> Worn:
        """The language model that an adaptation of a tagger goes on from; of the shipped one, what the settings name.

        With its adapter, where it has one. Raises as `tagger`.
        """
        from models import llm_artifact, manifests

        if manifests.read(folder).is_model:
            return self._languages.dressed
        manifest = llm_artifact.read_manifest(folder)
        adapter = folder / llm_artifact.ADAPTER if manifest.holds(llm_artifact.ADAPTER) else None
        worn = self._languages.wear(manifest.base, adapter)
        return self._languages.check(worn, manifest.base_fingerprint, folder)

    def calibration(self, folder: Path) -> Calibration:
        """How the scores of the tagger in a folder are read."""
        from models import llm_artifact, manifests
        from models.llm import CALIBRATION

        said = manifests.read(folder)
        return CALIBRATION if said.is_model else llm_artifact.read_manifest(folder).calibration

    def examples(self, documents: Sequence[Document]) -> ExampleSet:
        """Labelled documents with their words' vectors."""
        from retrieval.examples import build

        return build(documents, self._languages.reader)

    def search(self, examples: ExampleSet, plan: SearchPlan, tenant: str, index: ExampleIndex) -> ExampleSearch:
        """A search of examples in an index, by the settings' policy."""
        from retrieval.search import ExampleSearch, Mode

        return ExampleSearch(
            index,
            examples,
            self._languages.reader,
            tenant=tenant,
            k=plan.k,
            coverage=plan.coverage,
            mode=Mode(plan.mode),
            settings=self._settings,
        )

    def rehearsal(self, examples: ExampleSet, plan: SearchPlan) -> ExampleSearch:
        """A search of examples in an index of their own, whatever index there is: judging waits for nobody."""
        from retrieval.index import ExampleIndex

        alone = self._settings.model_copy(update={"qdrant_url": None, "retrieval_policy": Policy.WAIT})
        return self.search(examples, plan, "rehearsal", ExampleIndex(alone))

    def _made(self, folder: Path, tenant: str) -> _Ready:
        from models import llm_artifact, manifests
        from workers.settings import COMPACT

        if manifests.read(folder).is_model:
            worn = self._languages.wear(COMPACT)
            return _Ready(tagger=worn.tagger(None, self.calibration(folder)), key=None)
        manifest = llm_artifact.check_files(folder)
        worn = self.base(folder)
        if not manifest.holds(llm_artifact.EXAMPLES):
            return _Ready(tagger=worn.tagger(None, manifest.calibration), key=None)
        from retrieval.stored import load

        examples = load(folder / llm_artifact.EXAMPLES)
        found = self.search(examples, manifest.search, tenant, self.index)
        return _Ready(tagger=worn.tagger(found, manifest.calibration), key=examples.key)

    def _put_away(self, place: tuple[str, Path]) -> None:
        """Forget a tagger, and its examples too where they lie in this process's memory and no other shows them."""
        key = self._ready.pop(place).key
        tenant = place[0]
        still = {(other[0], ready.key) for other, ready in self._ready.items()}
        if key is not None and self.index.in_memory and (tenant, key) not in still:
            self.index.drop_all(tenant=tenant, key=key)
