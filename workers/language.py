"""The language models of one worker process: which one a name means, and each loaded once.

Owns names, loading and what a model wears; taggers that stand on them are made in `workers.prompted`. A model is named
`compact`, by its Hugging Face name or folder, or `remote:NAME` where an endpoint serves it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from models.errors import BadArtifact, GeneratorNotFound
from models.shipped import SHIPPED
from workers.settings import COMPACT, REMOTE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from models.asking import Generator, Retriever
    from models.encoder import Encoder
    from models.incontext import InContextModel
    from models.incontext_artifact import InContextManifest
    from models.language import LanguageModel
    from models.llm import LLMTagger
    from models.remote import RemoteGenerator
    from models.states import StateReader
    from models.tagger import Calibration, Tagger
    from workers.settings import WorkerSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Worn:
    """A language model and what it wears, ready to answer."""

    #: As TAGWERK_LLM names the model.
    base: str
    fingerprint: str
    generator: Generator
    #: Folder of its adapter; None: it is as it was trained.
    adapter: Path | None
    #: Most words of a window that it reads.
    window: int

    def tagger(self, retriever: Retriever | None, calibration: Calibration) -> LLMTagger:
        """A tagger of it; without a search it is shown no examples."""
        from models.llm import LLMTagger

        return LLMTagger(self.generator, retriever, calibration, window=self.window)


class Languages:
    """Loads language models. Not thread-safe, as the runtime that it is a part of."""

    def __init__(self, settings: WorkerSettings, default: Callable[[], Tagger], shipped: Path | None = None) -> None:
        """`default` gives the tagger whose encoder the compact model, which lies in `shipped`, stands on."""
        self._settings, self._default = settings, default
        self._folder = (shipped or SHIPPED) / COMPACT
        self._loaded: dict[str, LanguageModel] = {}
        self._remotes: dict[str, RemoteGenerator] = {}

    @property
    def named(self) -> str:
        """The model that adaptations use."""
        return self._settings.llm

    @property
    def dressed(self) -> Worn:
        """That model with the adapter that the settings give it; raises as `wear`."""
        return self.wear(self._settings.llm, self._settings.llm_adapter)

    @cached_property
    def reader(self) -> StateReader:
        """What reads words in context, of examples and of texts alike."""
        from models.states import StateReader

        return StateReader(self._default())

    @property
    def encoder(self) -> Encoder:
        """The encoder below the reader."""
        return self._default().encoder

    def wear(self, base: str, adapter: Path | None = None) -> Worn:
        """A model by its name, with an adapter where there is one; raises a ModelError where it cannot be had."""
        if base == COMPACT:
            return self._compact_wearing(adapter)
        if base.startswith(REMOTE):
            return self._remote(base)
        from models.causal import CausalGenerator

        language = self._causal(base)
        generator = CausalGenerator(language, adapter)
        return Worn(
            base=base,
            fingerprint=language.fingerprint,
            generator=generator,
            adapter=adapter,
            window=generator.window,
        )

    def fresh(self, worn: Worn) -> LanguageModel:
        """A causal model that nobody else uses, to be taught; without any adapter."""
        from models.language import load_language_model

        where = self._where(worn.base)
        return load_language_model(where, device=self._default().device, dtype=self._settings.dtype)

    def check(self, worn: Worn, fingerprint: str, folder: Path) -> Worn:
        """The same, where it is what the tagger in a folder was made with. Raises BadArtifact."""
        if worn.fingerprint != fingerprint:
            raise BadArtifact(
                f"{folder}: was made with the language model {worn.base} ({fingerprint[:12]}), and here that is "
                f"{self._where(worn.base)} ({worn.fingerprint[:12]}); set TAGWERK_LLM to the one that it was made with"
            )
        return worn

    @cached_property
    def compact(self) -> tuple[InContextModel, InContextManifest]:
        """The compact model's network, where models run."""
        from models.incontext_artifact import load_model

        network, manifest = load_model(self._folder, self.reader.fingerprint)
        return network.to(self._default().device), manifest

    def _compact_wearing(self, adapter: Path | None) -> Worn:
        from models.compact import CompactGenerator
        from models.incontext_lora import load_adapter
        from models.llm import WINDOW
        from models.llm_artifact import fingerprint

        network, manifest = self.compact
        generator = CompactGenerator(
            self.reader,
            network if adapter is None else load_adapter(network, adapter),
            reading=manifest.reading,
            device=self._default().device,
            dtype=self._default().dtype,
        )
        return Worn(
            base=COMPACT, fingerprint=fingerprint(manifest.files), generator=generator, adapter=adapter, window=WINDOW
        )

    def _causal(self, base: str) -> LanguageModel:
        from models.language import load_language_model

        where = self._where(base)
        if where not in self._loaded:
            self._loaded[where] = load_language_model(where, device=self._default().device, dtype=self._settings.dtype)
        return self._loaded[where]

    def _where(self, base: str) -> str:
        """Where a model is found: as with encoders, the setting says where it lies, not which one it is."""
        named = self._settings.llm
        return base if COMPACT in (base, named) or named.startswith(REMOTE) else named

    def _remote(self, base: str) -> Worn:
        from models.endpoint import Endpoint
        from models.remote import RemoteGenerator

        settings = self._settings
        if settings.llm != base or settings.llm_url is None:
            raise GeneratorNotFound(
                f"the language model {base!r} is served by an endpoint; set TAGWERK_LLM to that and TAGWERK_LLM_URL to "
                f"where it is (now: {settings.llm!r} and {settings.llm_url!r})"
            )
        if base not in self._remotes:
            key = settings.llm_api_key
            endpoint = Endpoint(
                url=settings.llm_url, model=base.removeprefix(REMOTE), key=key.get_secret_value() if key else None
            )
            self._remotes[base] = RemoteGenerator(endpoint)
        generator = self._remotes[base]
        # Which weights an endpoint serves it alone knows: its name is all there is.
        return Worn(base=base, fingerprint=base, generator=generator, adapter=None, window=generator.window)
