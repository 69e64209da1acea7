"""How long an index of examples takes to fill and to search, and how much of what is nearest it finds.

    python benchmarks/example_search.py --data DIR [--examples 10000] [--documents 1000] [--url http://qdrant:6333]

Sentences of `fewnerd_inter/inter_dev`: the first are the examples, the next the documents that ask. Recall is against
exact arithmetic over all vectors. Reading the texts is timed by itself: it is the same for every way of searching.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import tables
from benchmarks.setting import circumstances, loaded, options_of
from models.states import StateReader
from models.training.sets import join, read_file
from models.types import Document
from retrieval.collection import Layout, plan
from retrieval.encoding import encode, pooled
from retrieval.examples import build
from retrieval.index import PREFETCH, ExampleIndex
from retrieval.ranking import Neighbours, late_interaction, votes
from retrieval.search import VOTES, Mode
from retrieval.settings import RetrievalSettings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from retrieval.collection import Collection
    from retrieval.examples import ExampleSet

    Texts = Sequence[NDArray[np.float32]]

K = 5
#: Documents that are searched for together, as a worker does.
TOGETHER = 16
TENANT = "benchmark"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Seconds of one way of searching, and what it found."""

    filling: float
    searching: float
    #: What the searching took of this process's processor, on all threads; other work on the machine does not count.
    processor: float
    documents: int
    found: list[list[int]]


def main() -> None:
    """Measure and write the table."""
    options = _options()
    tagger = loaded(options.tagger)
    reader = StateReader(tagger)
    documents = sentences(options.data, options.examples + options.documents)
    began = time.monotonic()
    examples = build(documents[: options.examples], reader)
    texts = [each.vectors for each in encode(reader, [each.text for each in documents[options.examples :]])]
    reading = (options.examples + options.documents) / (time.monotonic() - began)
    rows = [row(way, measured, expected) for way, measured, expected in measure(examples, texts, options)]
    notes = [
        circumstances(options, tagger),
        f"{len(examples.documents):,} examples with {len(examples.vectors):,} words of {examples.width} numbers; "
        f"reading texts and examples took {1000 / reading:.1f} ms each, which is not in the table",
        f"recall@{K}: share of the {K} nearest by exact arithmetic that was found, over the first {options.judged} "
        "documents of the row; documents are asked for in batches of "
        f"{TOGETHER}, each checked against the collection's seal",
        f"a Qdrant server at {options.url}, its own graph and settings" if options.url else IN_MEMORY,
        "other work may share the machine: the processor time is what an idle one comes near",
    ]
    title = f"Searching {options.examples:,} examples " + ("on a server" if options.url else "in memory")
    name = "example_search_server" if options.url else "example_search"
    print(tables.write(name, title, rows, notes, options.out).read_text("utf-8"))


IN_MEMORY = (
    "QdrantClient(':memory:') compares everything, so what recall loses is lost to looking only at what one vector "
    "finds; a server searches a graph, where its HNSW and quantisation settings cost recall as well"
)


def measure(
    examples: ExampleSet, texts: Texts, options: argparse.Namespace
) -> list[tuple[str, Measured, list[list[int]]]]:
    """Each way of searching in turn, and what it should have found; leaves nothing in the index."""
    judged = texts[: options.judged]
    settings = RetrievalSettings(qdrant_url=options.url, retrieval_timeout=600, retrieval_fill_timeout=600)
    found = []
    for way, (mode, prefetch, most) in ways(options).items():
        index = ExampleIndex(settings, prefetch=prefetch)
        done = timed(index, examples, texts[:most], mode)
        index.close()
        found.append((way, done, exact(examples, judged[:most], mode)))
        print(f"{way}: {done.filling:.1f} s to fill, {done.searching:.1f} s to search", flush=True)
    return found


def ways(options: argparse.Namespace) -> dict[str, tuple[Mode, int, int]]:
    """Each way of searching: its mode, how many are compared by their words, how many documents ask."""
    every, few = options.documents, options.slow_documents
    return {
        "one vector a text": (Mode.SENTENCE, PREFETCH, every),
        f"words, late interaction of the {PREFETCH} that one vector finds": (Mode.MAXSIM, PREFETCH, every),
        "words, late interaction of all": (Mode.MAXSIM, options.examples * 100, few),
        f"words, each votes with its {VOTES} nearest": (Mode.VOTE, PREFETCH, few),
    }


def timed(index: ExampleIndex, examples: ExampleSet, texts: Texts, mode: Mode) -> Measured:
    """Fill a collection, search it, remove it."""
    layout = Layout.WORDS if mode is Mode.VOTE else Layout.TEXTS
    collection = plan(examples, tenant=TENANT, layout=layout)
    index.drop(collection)
    began = time.monotonic()
    index.ensure(collection)
    filled, used = time.monotonic(), time.process_time()
    found = [
        hits
        for first in range(0, len(texts), TOGETHER)
        for hits in nearest(index, collection, texts[first : first + TOGETHER], mode)
    ]
    searching, processor = time.monotonic() - filled, time.process_time() - used
    index.drop(collection)
    return Measured(filling=filled - began, searching=searching, processor=processor, documents=len(texts), found=found)


def nearest(index: ExampleIndex, collection: Collection, texts: Texts, mode: Mode) -> list[list[int]]:
    """Numbers of the nearest examples of each text."""
    if mode is Mode.VOTE:
        near = index.words(collection, texts, limit=VOTES)
        ranked = [votes(each, collection.owners) for each in near]
    else:
        ranked = index.nearest(collection, texts, limit=2 * K, by_words=mode is Mode.MAXSIM)
    return [[hit.example for hit in hits[:K]] for hits in ranked]


def exact(examples: ExampleSet, texts: Texts, mode: Mode) -> list[list[int]]:
    """The same by arithmetic over all vectors."""
    words = examples.rows(0, len(examples.vectors))
    starts = examples.bounds[:-1]
    if mode is Mode.VOTE:
        owners = np.repeat(np.arange(len(starts)), np.diff(examples.bounds))
        return [[hit.example for hit in votes(_nearest_words(words, text), owners)[:K]] for text in texts]
    score: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    if mode is Mode.MAXSIM:

        def score(text: NDArray[np.float32]) -> NDArray[np.float32]:
            return late_interaction(text, words, starts)
    else:
        means = np.stack([pooled(words[first:last]) for first, last in itertools.pairwise(examples.bounds)])

        def score(text: NDArray[np.float32]) -> NDArray[np.float32]:
            return np.asarray(means @ pooled(text), dtype=np.float32)

    return [np.argsort(-score(text), kind="stable")[:K].tolist() for text in texts]


def _nearest_words(words: NDArray[np.float32], text: NDArray[np.float32]) -> Neighbours:
    cosines = text @ words.T
    rows = np.argpartition(-cosines, VOTES, axis=1)[:, :VOTES]
    return Neighbours(rows=rows, scores=np.take_along_axis(cosines, rows, axis=1))


def row(way: str, measured: Measured, expected: Sequence[Sequence[int]]) -> dict[str, Any]:
    """A line of the table."""
    return {
        "way": way,
        "seconds to fill": measured.filling,
        "documents": measured.documents,
        "seconds to search": measured.searching,
        "ms a document": 1000 * measured.searching / measured.documents,
        "processor ms a document": 1000 * measured.processor / measured.documents,
        f"recall@{K}": f"{recall(measured.found, expected):.3f}",
    }


def recall(found: Sequence[Sequence[int]], expected: Sequence[Sequence[int]]) -> float:
    """Share of the expected that was found, over as many documents as there are expectations of."""
    shares = [len(set(one) & set(other)) / len(other) for one, other in zip(found, expected, strict=False)]
    return sum(shares) / len(shares)


def sentences(data: Path, count: int) -> list[Document]:
    """The first sentences of the set, each once."""
    records = read_file(data / "fewnerd_inter" / "inter_dev.jsonl.gz")
    texts = dict.fromkeys(join(record["tokens"])[0] for record in records)
    chosen = list(texts)[:count]
    if len(chosen) < count:
        raise SystemExit(f"the set has {len(chosen):,} different sentences, fewer than {count:,}")
    return [Document(id=str(number), text=text, entities=()) for number, text in enumerate(chosen)]


def _options() -> argparse.Namespace:
    parser = options_of(__doc__, sets=False)
    parser.add_argument("--data", type=Path, required=True, help="folder with one folder a set")
    parser.add_argument("--examples", type=int, default=10_000)
    parser.add_argument("--documents", type=int, default=1_000)
    parser.add_argument("--slow-documents", type=int, default=20, help="documents for what takes seconds each")
    parser.add_argument("--judged", type=int, default=200, help="most documents that recall is measured on")
    parser.add_argument("--url", help="a Qdrant server; none: in memory")
    return parser.parse_args()


if __name__ == "__main__":
    main()
