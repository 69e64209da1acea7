"""In-context tagging on the five CrossNER domains: examples found by words, by sentence, by lot, and none at all.

    python benchmarks/llm_crossner.py --data DIR [--models compact=FOLDER other=FOLDER] [--split test]

The domain's train split is the index; nothing is trained. Beside it stand the vote of the nearest words of the same
index, which needs no language model, and the table of IF-WRANER (Nandi and Agrawal, EMNLP 2024 Industry). Nothing may
be chosen by these figures: they are looked at once a release.
"""

from __future__ import annotations

import random
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import crossner, tables
from benchmarks.peers import IN_CONTEXT
from benchmarks.setting import circumstances, fingerprint, loaded, options_of
from models.asking import Answer, Retrieved
from models.compact import CompactGenerator
from models.incontext_artifact import load_model, read_model_manifest
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
    from argparse import Namespace
    from collections.abc import Iterator, Sequence

    from benchmarks.crossner import Domain
    from models.asking import Ask, Retriever
    from models.tagger import Tagger
    from models.types import Document, Label, Span

K = 5
COMPACT = SHIPPED / "compact"
BUDGET = 8192


VOTE = "vote of the nearest words"
WAYS = ("words", "sentence", "by lot", "none", VOTE)
#: What models beside the first are asked for, and all of them without `misc`.
BRIEF = ("words", "none")


@dataclass(slots=True, kw_only=True)
class Row:
    """One way of tagging, and how good it is."""

    name: str
    #: F1 by domain, with `misc` and without it.
    whole: dict[str, float] = field(default_factory=dict)
    plain: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    sentences: int = 0
    #: Spans that are none of the text or carry a label that was not offered.
    invalid: int = 0
    #: Prompts that did not hold all the examples that were found.
    crowded: int = 0


class ByLot:
    """A search that finds any examples."""

    def __init__(self, documents: Sequence[Document], seed: int = 0) -> None:
        self._documents, self._random = documents, random.Random(seed)

    def near(self, texts: Sequence[str]) -> list[Retrieved]:
        """Some examples for each text."""
        return [Retrieved(examples=tuple(self._random.sample(self._documents, K))) for _ in texts]


class Counting:
    """A generator that counts prompts which did not hold all their examples."""

    def __init__(self, generator: CompactGenerator) -> None:
        self._generator = generator
        self.name = generator.name
        self.crowded = 0

    def answer(self, asks: Sequence[Ask], *, budget: int) -> Iterator[list[tuple[int, Answer | Exception]]]:
        """What the generator answers."""
        for batch in self._generator.answer(asks, budget=budget):
            self.crowded += sum(isinstance(each, Answer) and each.shown < len(asks[i].examples) for i, each in batch)
            yield batch


class Bench:
    """One domain's examples, indexed, and the ways of tagging with them."""

    def __init__(self, generator: CompactGenerator, train: Domain) -> None:
        index = ExampleIndex(RetrievalSettings(_env_file=None))
        reader = generator.reader
        examples = build(train.documents, reader)
        self.generator = Counting(generator)
        modes = {"words": Mode.MAXSIM, "sentence": Mode.SENTENCE}
        searches: dict[str, Retriever | None] = {
            name: ExampleSearch(index, examples, reader, tenant="benchmark", k=K, mode=mode)
            for name, mode in modes.items()
        }
        searches |= {"by lot": ByLot(train.documents), "none": None}
        self._taggers = {name: LLMTagger(self.generator, search) for name, search in searches.items()}
        self._vote = LabelVote(index, examples, reader, tenant="benchmark")

    def answers(self, way: str, texts: Sequence[str], labels: Sequence[Label]) -> list[Sequence[Span]]:
        """Spans of each text by one way of tagging. Raises RuntimeError where a search failed."""
        if way == VOTE:
            return [voted.spans for voted in self._vote.tag(texts)]
        found = self._taggers[way].predict(texts, labels, budget=BUDGET)
        if any(prediction.flags for prediction in found):
            raise RuntimeError(f"{way}: {Counter(flag for each in found for flag in each.flags)}")
        return [prediction.spans for prediction in found]


def main() -> None:
    """Measure and write the table."""
    parser = options_of(__doc__)
    parser.add_argument("--models", nargs="+", default=[f"compact={COMPACT}"], metavar="NAME=FOLDER")
    options = parser.parse_args()
    tagger = loaded(options.tagger)
    reader = StateReader(tagger)
    folders = {name: Path(folder) for name, _, folder in (each.partition("=") for each in options.models)}
    rows: list[Row] = []
    for number, (name, folder) in enumerate(folders.items()):
        generator = generator_of(folder, tagger, reader)
        rows += measured(name, generator, WAYS if number == 0 else BRIEF, options)
    path = tables.write(
        f"llm_crossner_{options.split}",
        "CrossNER from examples in the prompt",
        table(rows),
        [circumstances(options, tagger), *map(described, folders.items()), *NOTES, *(p.note() for p in IN_CONTEXT)],
        options.out,
    )
    print(path.read_text(encoding="utf-8"))


NOTES = (
    f"{K} examples from the train split of the domain, which is the index: 100 sentences, 200 in politics and science",
    "strict span and type, micro-averaged, in per cent; `misc` counted, as the figures of others are, and left out in "
    "the column that says so",
    "crowded: prompts that did not hold all the examples found; invalid: spans outside the text or under other labels",
    "the vote's settings were chosen on held-out training sets, with 60 examples of each",
)


def described(model: tuple[str, Path]) -> str:
    """What a model is, for the notes."""
    name, folder = model
    manifest = read_model_manifest(folder)
    config, reading = manifest.receipt["config"], manifest.reading
    alone = reading.eagerness if reading.alone is None else reading.alone
    return (
        f"{name}: {fingerprint(folder)}, {config['loop']['minutes']:g} minutes of training, labels removed in "
        f"{config['episodes']['removed']:.0%} of the prompts; eagerness {reading.eagerness}, without examples {alone}, "
        "chosen on held-out training sets"
    )


def generator_of(folder: Path, tagger: Tagger, reader: StateReader) -> CompactGenerator:
    """An in-context model where and as its tagger runs."""
    network, manifest = load_model(folder, reader.fingerprint)
    device, dtype = tagger.device, tagger.dtype
    return CompactGenerator(reader, network.to(device), reading=manifest.reading, device=device, dtype=dtype)


def measured(name: str, generator: CompactGenerator, ways: Sequence[str], options: Namespace) -> list[Row]:
    """One model, in all these ways, on all domains."""
    rows = {way: Row(name=f"{name}, {way}" if way != VOTE else way) for way in ways}
    for domain in crossner.DOMAINS:
        for misc in (True, False):
            bench = Bench(generator, crossner.read(options.data, domain, "train", misc=misc))
            asked = crossner.read(options.data, domain, options.split, misc=misc, limit=options.limit)
            for way in ways if misc else BRIEF:
                row = rows[way]
                f1 = judged(bench, way, asked, row)
                (row.whole if misc else row.plain)[domain] = f1
                print(name, domain, "with misc" if misc else "without misc", way, round(f1, 1), flush=True)
    return list(rows.values())


def judged(bench: Bench, way: str, asked: Domain, row: Row) -> float:
    """Strict micro-F1 of one way of tagging, in per cent; adds the counts to `row`."""
    scorer, offered = Scorer(), {label.name for label in asked.labels.values()}
    texts = [document.text for document in asked.documents]
    bench.generator.crowded = 0
    began = time.monotonic()
    answers = bench.answers(way, texts, list(asked.labels.values()))
    row.seconds += time.monotonic() - began
    row.sentences += len(texts)
    row.crowded += bench.generator.crowded
    for document, spans in zip(asked.documents, answers, strict=True):
        scorer.add(document.entities or (), spans)
        size = len(document.text)
        row.invalid += sum(not (0 <= s.start < s.end <= size and s.label in offered) for s in spans)
    return 100 * scorer.total().f1


def table(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Ours, then those of others."""
    ours: list[dict[str, Any]] = [
        {
            "examples": row.name,
            **row.whole,
            "average": statistics.mean(row.whole.values()),
            "without misc": statistics.mean(row.plain.values()) if row.plain else None,
            "crowded %": 100 * row.crowded / row.sentences,
            "invalid": row.invalid,
            "sentences/s": row.sentences / row.seconds,
        }
        for row in rows
    ]
    blank = dict.fromkeys(("without misc", "crowded %", "invalid", "sentences/s"))
    return [*ours, *({"examples": peer.name, **peer.f1, **blank} for peer in IN_CONTEXT)]


if __name__ == "__main__":
    main()
