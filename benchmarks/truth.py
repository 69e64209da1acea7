"""Whether a tagger's scores are true, so that of the spans with a score near 0.3 three in ten are right.

    python benchmarks/truth.py --data DIR --tagger FOLDER

Spans of sentences that training never showed, with held-out and with known types: those that the shipped calibration
was chosen on, so the table shows that it fits, not how far it carries. The tagger must not have learnt the held-out
groups, as the one that ships has in the end. No test split is read.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from benchmarks import tables
from benchmarks.setting import circumstances, loaded, options_of
from models.training.heldout import load_familiar, load_groups, spans_of
from models.training.sets import load_mix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.tagger import Tagger
    from models.training.heldout import Group

#: Bounds of the bins.
BOUNDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.01)


def main() -> None:
    """Measure and write the tables."""
    options = options_of(__doc__).parse_args()
    tagger = loaded(options.tagger)
    mix = load_mix()
    groups = [*load_groups(options.data, mix), *load_familiar(options.data, mix)]
    notes = [
        f"{tagger.calibration}",
        f"budget {options.budget}; held-out and familiar groups of the mix, {len(groups)} in all; "
        f"{circumstances(options, tagger).partition('; tagger ')[2]}",
    ]
    found = scored(tagger, groups)
    notes.append(sorting(tagger, groups))
    print(
        tables.write("truth", "Scores against the truth", bins(found), notes, options.out).read_text(encoding="utf-8")
    )


def scored(tagger: Tagger, groups: Sequence[Group]) -> list[tuple[float, bool]]:
    """Score and truth of every span."""
    return [
        (span.score, (span.start, span.end, span.label) in gold)
        for group in groups
        for document, spans in zip(group.documents, spans_of(tagger, group), strict=True)
        for gold in [{(s.start, s.end, s.label) for s in document.entities or ()}]
        for span in spans
    ]


def bins(found: Sequence[tuple[float, bool]]) -> list[dict[str, Any]]:
    """A row for each bin of scores that has spans."""
    rows = []
    for low, high in pairwise(BOUNDS):
        inside = [(score, right) for score, right in found if low <= score < high]
        if inside:
            rows.append(
                {
                    "from": f"{low:.2f}",
                    "spans": len(inside),
                    "mean score": f"{sum(score for score, _ in inside) / len(inside):.2f}",
                    "share right": f"{sum(right for _, right in inside) / len(inside):.2f}",
                }
            )
    return rows


def sorting(tagger: Tagger, groups: Sequence[Group]) -> str:
    """How well the margin tells documents with something wrong from others, as a sentence."""
    threshold, margin = tagger.calibration.threshold, tagger.calibration.margin
    flagged: dict[bool, list[bool]] = {True: [], False: []}
    for group in groups:
        for document, spans in zip(group.documents, spans_of(tagger, group), strict=True):
            said = {(s.start, s.end, s.label) for s in spans if s.score >= threshold}
            wrong = said != {(s.start, s.end, s.label) for s in document.entities or ()}
            flagged[any(abs(span.score - threshold) < margin for span in spans)].append(wrong)
    documents = sum(map(len, flagged.values()))
    shares = {flag: 100 * sum(wrong) / max(1, len(wrong)) for flag, wrong in flagged.items()}
    return (
        f"the margin flags {100 * len(flagged[True]) / documents:.0f} % of {documents} documents; "
        f"something is wrong in {shares[True]:.0f} % of those and in {shares[False]:.0f} % of the others"
    )


if __name__ == "__main__":
    main()
