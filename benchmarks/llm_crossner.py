"""In-context tagging on the five CrossNER domains: examples found by words, by sentence, by lot, and none at all.

    python benchmarks/llm_crossner.py --data DIR [--model FOLDER] [--split test]

The domain's train split is the index; nothing is trained. Beside it stand the vote of the nearest words of the same
index, which needs no language model, and the table of IF-WRANER (Nandi and Agrawal, EMNLP 2024 Industry). Nothing may
be chosen by these figures: they are looked at once a release.
"""

from __future__ import annotations

import random
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import crossner, tables
from benchmarks.peers import IN_CONTEXT
from benchmarks.setting import circumstances, fingerprint, loaded, options_of
from models.asking import Retrieved
from models.compact import CompactGenerator
from models.incontext_artifact import load_model
from models.llm import LLMTagger
from models.scores import Scorer
from models.shipped import SHIPPED
from models.states import StateReader
from retrieval.examples import build
from retrieval.index import ExampleIndex
from retrieval.search import ExampleSearch, Mode
from retrieval.settings import RetrievalSettings
from retrieval.voting import LabelVote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.crossner import Domain
    from models.asking import Retriever
    from models.tagger import Tagger
    from models.types import Document, Label, Span

K = 5
COMPACT = SHIPPED / "compact"
BUDGET = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One way of tagging, and how good it is."""

    name: str
    #: F1 by domain, with `misc` and without it.
    whole: dict[str, float]
    plain: dict[str, float]
    #: Sentences a second, the search included.
    speed: float


class ByLot:
    """A search that finds any examples."""

    def __init__(self, documents: Sequence[Document], seed: int = 0) -> None:
        self._documents, self._random = documents, random.Random(seed)

    def near(self, texts: Sequence[str]) -> list[Retrieved]:
        """Some examples for each text."""
        return [Retrieved(examples=tuple(self._random.sample(self._documents, K))) for _ in texts]


class Bench:
    """One domain's examples, indexed, and the ways of tagging with them."""

    def __init__(self, generator: CompactGenerator, train: Domain) -> None:
        settings = RetrievalSettings(_env_file=None)
        index = ExampleIndex(settings)
        examples = build(train.documents, generator.reader)
        self._generator = generator
        searches: dict[str, Retriever | None] = {
            "words": ExampleSearch(index, examples, generator.reader, tenant="benchmark", k=K, mode=Mode.MAXSIM),
            "words, by votes": ExampleSearch(
                index, examples, generator.reader, tenant="benchmark", k=K, mode=Mode.VOTE
            ),
            "sentence": ExampleSearch(index, examples, generator.reader, tenant="benchmark", k=K, mode=Mode.SENTENCE),
            "by lot": ByLot(train.documents),
            "none": None,
        }
        self.taggers = {name: LLMTagger(generator, search) for name, search in searches.items()}
        self.vote = LabelVote(index, examples, generator.reader, tenant="benchmark")

    def answers(self, name: str, texts: Sequence[str], labels: Sequence[Label]) -> list[Sequence[Span]]:
        """Spans of each text by one way of tagging; none of them degraded."""
        if name == VOTE:
            return [voted.spans for voted in self.vote.tag(texts)]
        found = self.taggers[name].predict(texts, labels, budget=BUDGET)
        assert not any(prediction.flags for prediction in found)
        return [prediction.spans for prediction in found]


VOTE = "vote of the nearest words"
WAYS = ("words", "words, by votes", "sentence", "by lot", "none", VOTE)


def main() -> None:
    """Measure and write the table."""
    parser = options_of(__doc__)
    parser.add_argument("--model", type=Path, default=COMPACT, help="folder of an in-context model")
    options = parser.parse_args()
    tagger = loaded(options.tagger)
    generator = generator_of(options.model, tagger, StateReader(tagger))
    rows = measured(generator, options.data, options.split, options.limit)
    size = sum(parameter.numel() for parameter in generator.network.parameters()) / 1e6
    notes = [
        circumstances(options, tagger),
        f"model {options.model.name} ({fingerprint(options.model)}), {size:.1f} million parameters on top of the "
        f"tagger's encoder; {K} examples from the train split of the domain, 100 or 200 sentences",
        "strict span and type, micro-averaged, in per cent; `misc` counted, as the figures of others are; last but one "
        "column without it",
        "every span is one of the text under a label that was offered: decoding leaves nothing else to write",
        f"ours reads scores as chosen on held-out training sets (eagerness {generator.reading.eagerness})",
        *(peer.note() for peer in IN_CONTEXT),
    ]
    path = tables.write(
        f"llm_crossner_{options.split}", "CrossNER from examples in the prompt", table(rows), notes, options.out
    )
    print(path.read_text(encoding="utf-8"))


def generator_of(folder: Path, tagger: Tagger, reader: StateReader) -> CompactGenerator:
    """An in-context model where and as its tagger runs."""
    network, manifest = load_model(folder, reader.fingerprint)
    device, dtype = tagger.device, tagger.dtype
    return CompactGenerator(reader, network.to(device), reading=manifest.reading, device=device, dtype=dtype)


def measured(generator: CompactGenerator, data: Path, split: str, limit: int | None) -> list[Row]:
    """All ways of tagging on all domains."""
    whole: dict[str, dict[str, float]] = {way: {} for way in WAYS}
    plain: dict[str, dict[str, float]] = {way: {} for way in WAYS}
    seconds = dict.fromkeys(WAYS, 0.0)
    sentences = 0
    for name in crossner.DOMAINS:
        for misc, scores in ((True, whole), (False, plain)):
            bench = Bench(generator, crossner.read(data, name, "train", misc=misc))
            asked = crossner.read(data, name, split, misc=misc, limit=limit)
            sentences += len(asked.documents)
            for way in WAYS:
                began = time.monotonic()
                scores[way][name] = 100 * judged(bench, way, asked)
                seconds[way] += time.monotonic() - began
            print(
                {way: round(each[name], 1) for way, each in scores.items()},
                name,
                "with misc" if misc else "",
                flush=True,
            )
    return [Row(name=way, whole=whole[way], plain=plain[way], speed=sentences / seconds[way]) for way in WAYS]


def judged(bench: Bench, way: str, asked: Domain) -> float:
    """Strict micro-F1 of one way of tagging."""
    scorer = Scorer()
    answers = bench.answers(way, [document.text for document in asked.documents], list(asked.labels.values()))
    for document, spans in zip(asked.documents, answers, strict=True):
        scorer.add(document.entities or (), spans)
    return scorer.total().f1


def table(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Ours, then those of others."""
    ours: list[dict[str, Any]] = [
        {
            "examples": row.name if row.name == VOTE else f"ours, {row.name}",
            **row.whole,
            "average": statistics.mean(row.whole.values()),
            "without misc": statistics.mean(row.plain.values()),
            "sentences/s": row.speed,
        }
        for row in rows
    ]
    others: list[dict[str, Any]] = [
        {"examples": peer.name, **peer.f1, "without misc": None, "sentences/s": None} for peer in IN_CONTEXT
    ]
    return [*ours, *others]


if __name__ == "__main__":
    main()
