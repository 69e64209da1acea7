"""What becomes of mentions whose label was removed from the prompt: the failure that IF-WRANER's regularisers are for.

    python benchmarks/removed_labels.py --data DIR --models regularised=FOLDER plain=FOLDER

Nandi and Agrawal (EMNLP 2024 Industry) saw politicians tagged as persons although only persons who are no politicians
were asked for. Here each domain's most frequent labels are removed one at a time, from the labels and from the tags of
the examples, and its mentions are looked up in the answers: one there under another label is a violation. The
compact model cannot write a label that was not offered, so this is the only kind that is left to it.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import crossner, tables
from benchmarks.llm_crossner import BUDGET, K, generator_of
from benchmarks.setting import circumstances, fingerprint, loaded, options_of
from models.llm import LLMTagger
from models.states import StateReader
from models.training.removal import violations, without
from retrieval.examples import build
from retrieval.index import ExampleIndex
from retrieval.search import ExampleSearch
from retrieval.settings import RetrievalSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.compact import CompactGenerator
    from models.types import Document, Label

#: Labels of each domain that are removed, one at a time.
REMOVED = 3


def main() -> None:
    """Measure and write the table."""
    parser = options_of(__doc__)
    parser.add_argument("--models", nargs="+", required=True, metavar="NAME=FOLDER", help="models to compare")
    options = parser.parse_args()
    tagger = loaded(options.tagger)
    reader = StateReader(tagger)
    folders = {name: Path(folder) for name, _, folder in (each.partition("=") for each in options.models)}
    rows: list[dict[str, Any]] = []
    for name in crossner.DOMAINS:
        train = crossner.read(options.data, name, "train")
        asked = crossner.read(options.data, name, options.split, limit=options.limit)
        for removed in frequent(train.documents):
            row: dict[str, Any] = {"domain": name, "removed": removed}
            for model, folder in folders.items():
                found = violated(generator_of(folder, tagger, reader), train, asked.documents, removed)
                row |= {"mentions": found[1], model: 100 * found[0] / max(1, found[1])}
            rows.append(row)
            print(row, flush=True)
    total = sum(row["mentions"] for row in rows)
    means = {model: sum(row[model] * row["mentions"] for row in rows) / max(1, total) for model in folders}
    rows.append({"domain": "all", "removed": "", "mentions": total, **means})
    notes = [
        circumstances(options, tagger),
        *(f"{model}: {folder.name} ({fingerprint(folder)})" for model, folder in folders.items()),
        f"share of the removed label's mentions that the answer holds under another label, in per cent; {K} examples, "
        f"the {REMOVED} most frequent labels of each domain's train split; mentions of the test sentences",
    ]
    path = tables.write("removed_labels", "Labels removed from the prompt", rows, notes, options.out)
    print(path.read_text(encoding="utf-8"))


def frequent(documents: Sequence[Document]) -> list[str]:
    """The most frequent labels."""
    counts = Counter(span.label for document in documents for span in document.entities or ())
    return [label for label, _ in counts.most_common(REMOVED)]


def violated(
    generator: CompactGenerator, train: crossner.Domain, documents: Sequence[Document], removed: str
) -> tuple[int, int]:
    """How many mentions of `removed` come back under another label, and how many there are."""
    labels: list[Label] = [label for label in train.labels.values() if label.name != removed]
    shown = [without(document, removed) for document in train.documents]
    settings = RetrievalSettings(_env_file=None)
    examples = build(shown, generator.reader)
    search = ExampleSearch(ExampleIndex(settings), examples, generator.reader, tenant="benchmark", k=K)
    asked = [document for document in documents if any(span.label == removed for span in document.entities or ())]
    answers = LLMTagger(generator, search).predict([document.text for document in asked], labels, budget=BUDGET)
    counts = [violations(document, removed, answer.spans) for document, answer in zip(asked, answers, strict=True)]
    return sum(count for count, _ in counts), sum(count for _, count in counts)


if __name__ == "__main__":
    main()
