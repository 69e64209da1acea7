"""The bi-encoder with words tagged inside a label or outside of all, as the token-level contrastive papers have it.

Das et al. (CONTaiNER, ACL 2022) tag words so (IO): each is of the class whose Gaussian, or whose nearest remembered
word, is nearest; neighbouring words of one class are one entity. Owns scores of words, what they say of spans, and the
path through a sentence by abstract transitions (Yang and Katiyar, EMNLP 2020, section 3.3). A word's vector is that of
the span that it alone makes, so that all heads go on from what the base has learnt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from models.biencoder import BiEncoder
from models.gaussians import likeness

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models.biencoder import Batch
    from models.memory import Neighbours

#: Log-odds are cut here: a chance of one has none.
_MOST = 20.0


class InsideBiEncoder(BiEncoder):
    """Scores words against labels; spans are runs of words of one label. Nested and adjacent ones are not told."""

    #: Kind of distance to labels where there is no memory that says it.
    distance = "euclidean"

    def word_units(self, pieces: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Vectors (n, d) of the n words of all passages, in order, and the score (n, 1) that labels have to beat."""
        rows, words = batch.word_mask.nonzero().unbind(-1)
        start, end = self._borders(pieces, batch)
        hidden = functional.relu(start[rows, words] + end[rows, words] + self.span_width.weight[0])
        return self.span_out(hidden), self.outside(hidden)

    def class_scores(self, units: Tensor, bar: Tensor, labels: Tensor, neighbours: Neighbours | None = None) -> Tensor:
        """Logits (n, 1 + l) of words: outside, then each label; `labels` (l, d) as of `project_labels`."""
        words = self.gaussians(units)
        kind = self.distance if neighbours is None else neighbours.recall.distance
        scores = likeness(words, self.gaussians(labels), kind)
        # What a label's log-odds are against its bar, seen from a distance of zero.
        scores = torch.cat([bar.float() - self.log_scale.exp(), scores], 1)
        if neighbours is None:
            return scores
        best, share = neighbours.nearest(words), neighbours.recall.share
        return torch.where(best.isfinite(), (1 - share) * scores + share * best, scores)

    def spans_inside(
        self, pieces: Tensor, batch: Batch, labels: Tensor, neighbours: Neighbours | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Places and log-odds of the runs of words of one label, which may be of any length, all at once."""
        units, bar = self.word_units(pieces, batch)
        chances = self.class_scores(units, bar, labels, neighbours).log_softmax(-1)
        steps = None if neighbours is None else neighbours.recall.transitions
        lengths = batch.word_mask.sum(1).tolist()
        found: list[tuple[int, int, int, int]] = []
        odds: list[Tensor] = []
        for row, emitted in enumerate(torch.split(chances, lengths)):
            path = emitted.argmax(-1).tolist() if steps is None else viterbi(emitted, steps)
            for first, last, kind in runs(path):
                found.append((row, first, last - first, kind - 1))
                chance = emitted[first : last + 1, kind].mean()
                odds.append(chance - torch.log1p(-chance.exp().clamp_max(1 - 1e-6)))
        if found:
            places = torch.tensor(found, device=pieces.device)
            scores = chances.new_full((len(found), labels.size(0)), -_MOST)
            scores[range(len(found)), places[:, 3]] = torch.stack(odds).clamp(-_MOST, _MOST)
            yield places[:, :3], scores


def runs(path: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """First word, last word and class of every run of one class that is not outside."""
    first = 0
    for i in range(1, len(path) + 1):
        if i == len(path) or path[i] != path[first]:
            if path[first]:
                yield first, i - 1, path[first]
            first = i


def viterbi(chances: Tensor, transitions: Sequence[float]) -> list[int]:
    """The likeliest classes of words (w, 1 + l) under abstract transitions as of `Recall.transitions`."""
    if not len(chances):
        return []
    steps = expanded(transitions, chances.size(1)).to(chances)
    best, came = chances[0], []
    for emitted in chances[1:]:
        best, origin = (best.unsqueeze(1) + steps).max(0)
        best = best + emitted
        came.append(origin)
    path = [int(best.argmax())]
    for origin in reversed(came):
        path.append(int(origin[path[-1]]))
    return path[::-1]


def expanded(transitions: Sequence[float], classes: int) -> Tensor:
    """Log-chances (from, to) for so many classes, outside among them; one for all others is shared out among them."""
    stays, enters, leaves, goes_on, changes = transitions
    labels = classes - 1
    steps = torch.full((classes, classes), changes - torch.log(torch.tensor(max(1.0, labels - 1))).item())
    steps.fill_diagonal_(goes_on)
    steps[0, 1:] = enters - torch.log(torch.tensor(float(max(1, labels)))).item()
    steps[1:, 0] = leaves
    steps[0, 0] = stays
    return steps
