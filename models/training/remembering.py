"""What a tagger is to remember of its examples: the units of its support set, read by the tagger that was taught.

Owns which units are kept and how often what follows what; how a memory is read is in `models.memory`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from models.batching import by_length, padded
from models.inside import InsideBiEncoder
from models.memory import OUTSIDE, Memory
from models.tagger import Tagger
from models.training.contrasting import inside_of
from models.training.objectives import IGNORED
from models.training.support import targets_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.biencoder import Batch
    from models.memory import Recall
    from models.training.support import Supported
    from models.types import Label

#: Most units that are kept: a memory is read with every text. Most spans outside of entities of one batch, for each of
#: its passages.
MOST = 2560
HARD = 64
#: Pieces read at a time.
_BUDGET = 4096


@torch.inference_mode()
def remembering(tagger: Tagger, support: Sequence[Supported], labels: Sequence[Label], recall: Recall) -> Tagger:
    """The same tagger with a memory of its support set.

    Of spans outside of entities those are kept that the tagger finds likest to a label; of words, all.
    """
    position = {label.name: i + 1 for i, label in enumerate(labels)}
    entities = sum(len(each.spans) for each in support)
    hard = min(HARD, max(1, (MOST - entities) // len(support)))
    vectors, classes = [], []
    for group in by_length([padded(len(each.passage.pieces)) for each in support], _BUDGET):
        shown = [support[i] for i in group]
        batch = tagger.read([each.passage for each in shown], labels).to(tagger.device)
        targets = targets_of(shown, batch, position, tagger.network.config.max_width).to(tagger.device)
        units, owners = _units(tagger, batch, targets, labels, hard)
        vectors.append(functional.normalize(units.float(), dim=-1))
        classes.append(owners)
    owners = torch.cat(classes) - 1
    # Entities first: they are what there is little of.
    kept = (owners == OUTSIDE).long().argsort(stable=True)[:MOST]
    memory = Memory(recall=recall, vectors=torch.cat(vectors)[kept].clone(), owners=owners[kept].clone())
    network, calibration = tagger.network, tagger.calibration
    return Tagger(tagger.encoder, network, calibration, device=tagger.device, dtype=tagger.dtype, memory=memory)


def _units(tagger: Tagger, batch: Batch, targets: Tensor, labels: Sequence[Label], hard: int) -> tuple[Tensor, Tensor]:
    """Vectors (n, d) of the units of a batch that are to be kept, and their classes (n)."""
    network = tagger.network
    with torch.autocast(tagger.device.type, tagger.dtype, enabled=tagger.dtype != torch.float32):
        pieces = network.encode_pieces(batch)
        if isinstance(network, InsideBiEncoder):
            classes = inside_of(targets, batch.word_mask, network.config.max_width, len(labels))[batch.word_mask]
            kept = classes != IGNORED
            return network.word_units(pieces, batch)[0][kept], classes[kept]
        scored = [*network.spans_inside(pieces, batch, tagger.label_vectors(labels))]
        places = torch.cat([each for each, _ in scored])
        classes = targets[tuple(places.unbind(-1))]
        likest = torch.cat([scores.float().amax(-1) for _, scores in scored]).masked_fill(classes != 0, float("-inf"))
        most = min(hard * len(batch.word_mask), int((classes == 0).sum()))
        kept = torch.cat([(classes > 0).nonzero()[:, 0], likest.topk(most).indices])
        return network.span_units(pieces, batch, places[kept]), classes[kept]


def transitions(support: Sequence[Supported]) -> tuple[float, ...]:
    """Abstract log-chances, as of `Recall.transitions`, counted in the support set with one count added to each."""
    counts = torch.ones(5)
    for each in support:
        kinds = [""] * len(each.passage.words)
        for first, last, label in each.spans:
            kinds[first : last + 1] = [label] * (last + 1 - first)
        for one, other in pairwise(kinds):
            if one:
                counts[2 if not other else 3 if other == one else 4] += 1
            else:
                counts[1 if other else 0] += 1
    chances = torch.cat([counts[:2] / counts[:2].sum(), counts[2:] / counts[2:].sum()])
    return tuple(chances.log().tolist())
