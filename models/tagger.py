"""The bi-encoder as an engine: texts and labels in, predictions out.

Owns the path from text to spans in one process: windows, batches by token budget, cached label vectors,
decoding. Knows nothing of jobs; which device it runs on is its caller's choice.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from models.batching import by_length, collate, padded
from models.decoding import candidates, flat, overlaps
from models.passages import OVERLAP, WINDOW, passages
from models.suffix import MOST, suffix
from models.types import Prediction, Span
from models.verbalise import label_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models.biencoder import Batch, BiEncoder
    from models.encoder import Encoder
    from models.memory import Memory, Neighbours
    from models.passages import Passage
    from models.types import Label

#: Special pieces around a text.
SPECIAL_PIECES = 2
#: Most pieces of a label's text that are read.
LABEL_PIECES = 128
#: Most padded pieces of labels' texts in one batch: they are short, and what a batch holds should stay in the cache.
LABEL_BUDGET = 1024
#: Most label vectors kept; the oldest go first.
CACHED_LABELS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How scores are read; chosen on held-out data and stored with the weights."""

    temperature: float = 1.0
    #: Added to every score: types that a user asks for are likelier than those that training offered.
    shift: float = 0.0
    #: Threshold of labels that name none.
    threshold: float = 0.5
    #: How far under its threshold a span still counts as a near miss, and how far above it as a close call.
    margin: float = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of the text at `index`: a prediction, or the error that it alone met."""

    index: int
    prediction: Prediction | None = None
    error: Exception | None = None


@dataclass(slots=True)
class _Pending:
    passages: list[Passage]
    missing: int
    spans: list[Span]


class Tagger:
    """A loaded bi-encoder, ready to tag."""

    def __init__(
        self,
        encoder: Encoder,
        network: BiEncoder,
        calibration: Calibration,
        *,
        device: torch.device | None = None,
        dtype: torch.dtype = torch.float32,
        memory: Memory | None = None,
    ) -> None:
        self.encoder = encoder
        self.network = network.eval()
        self.calibration = calibration
        #: What it remembers of its examples, if anything.
        self.memory = memory
        self.device = device or torch.device("cpu")
        self.dtype = dtype
        # Padding rounds a batch up to a multiple of 8, which must still fit the encoder.
        room = encoder.max_pieces - (MOST if network.config.suffix else 0)
        self._window = min(WINDOW, room // 8 * 8 - SPECIAL_PIECES)
        self._overlap = min(OVERLAP, self._window // 3)
        self._label_vectors: dict[str, Tensor] = {}

    def recalibrated(self, calibration: Calibration) -> Tagger:
        """The same network read by another calibration; label vectors are shared."""
        other = Tagger(
            self.encoder, self.network, calibration, device=self.device, dtype=self.dtype, memory=self.memory
        )
        other._label_vectors = self._label_vectors
        return other

    def thresholds(self, labels: Sequence[Label]) -> dict[str, float]:
        """The threshold that each label is held to."""
        default = self.calibration.threshold
        return {label.name: default if label.threshold is None else label.threshold for label in labels}

    @torch.inference_mode()
    def label_vectors(self, labels: Sequence[Label], budget: int = LABEL_BUDGET) -> Tensor:
        """Unit vectors (l, dimension) of the labels, computed once for each wording."""
        texts = [label_text(label) for label in labels]
        # In an order of their own: half precision rounds by what else is in a batch, and their order must not matter.
        missing = sorted({text for text in texts if text not in self._label_vectors})
        ids = [self._label_ids(text) for text in missing]
        for group in by_length([len(i) for i in ids], budget):
            vectors = self._encode_labels([ids[i] for i in group])
            self._label_vectors.update(zip([missing[i] for i in group], vectors, strict=True))
        found = torch.stack([self._label_vectors[text] for text in texts])
        while len(self._label_vectors) > CACHED_LABELS:
            del self._label_vectors[next(iter(self._label_vectors))]
        return found

    @torch.inference_mode()
    def label_states(self, labels: Sequence[Label], budget: int = LABEL_BUDGET) -> Tensor:
        """Vectors (l, width) of the labels as the encoder has them, before they are projected; float32, on the CPU."""
        ids = [self._label_ids(label_text(label)) for label in labels]
        found: dict[int, Tensor] = {}
        for group in by_length([len(i) for i in ids], budget):
            found.update(zip(group, self._label_states([ids[i] for i in group]).float().cpu(), strict=True))
        return torch.stack([found[i] for i in range(len(labels))])

    def tag(self, texts: Sequence[str], labels: Sequence[Label], *, budget: int = 4096) -> Iterator[list[Outcome]]:
        """Tag texts in batches of at most `budget` padded pieces, the longest first.

        Yields after every batch what that batch finished, so that a caller may stop in between; every text
        comes back exactly once. A text that cannot be read comes back alone with its error. Predictions do not
        depend on which other texts are there. Raises ValueError without labels.
        """
        if not labels:
            raise ValueError("there are no labels to tag with")
        # Equal scores are told apart by the label's name, whatever order the labels came in.
        labels = sorted(labels, key=lambda label: label.name)
        vectors, thresholds = self.label_vectors(labels), self.thresholds(labels)
        neighbours = self._neighbours(labels)
        pending, failed = self._cut(texts)
        yield [*failed]
        todo = [(i, passage) for i, item in pending.items() for passage in item.passages]
        behind = len(self._behind(labels))
        for group in by_length([padded(len(passage.pieces) + behind) for _, passage in todo], budget):
            batch = [todo[i] for i in group]
            spans = self._spans([passage for _, passage in batch], vectors, labels, neighbours)
            yield self._finish(batch, spans, pending, thresholds)

    def predict(self, texts: Sequence[str], labels: Sequence[Label], *, budget: int = 4096) -> list[Prediction]:
        """Predictions in the order of `texts`; raises the first text's error, if any met one."""
        found: dict[int, Prediction] = {}
        for outcome in (o for batch in self.tag(texts, labels, budget=budget) for o in batch):
            if outcome.prediction is None:
                raise outcome.error or RuntimeError("a text came back without a prediction")
            found[outcome.index] = outcome.prediction
        return [found[i] for i in range(len(texts))]

    def read(self, items: Sequence[Passage], labels: Sequence[Label]) -> Batch:
        """Passages as the network reads them, the labels behind each where it does so."""
        return collate(items, self.encoder.tokenizer, self._behind(labels))

    def _behind(self, labels: Sequence[Label]) -> tuple[int, ...]:
        return suffix(labels, self.encoder.tokenizer) if self.network.config.suffix else ()

    def _cut(self, texts: Sequence[str]) -> tuple[dict[int, _Pending], list[Outcome]]:
        pending: dict[int, _Pending] = {}
        failed: list[Outcome] = []
        for i, text in enumerate(texts):
            try:
                found = passages(text, self.encoder.tokenizer, window=self._window, overlap=self._overlap)
            except Exception as error:  # noqa: BLE001 - one bad document fails alone, whatever it met
                failed.append(Outcome(index=i, error=error))
            else:
                pending[i] = _Pending(found, len(found), [])
        return pending, failed

    @torch.inference_mode()
    def _neighbours(self, labels: Sequence[Label]) -> Neighbours | None:
        """What is remembered of the labels."""
        return None if self.memory is None else self.memory.among(labels, self.network)

    def _spans(
        self, items: list[Passage], vectors: Tensor, labels: Sequence[Label], neighbours: Neighbours | None
    ) -> list[list[Span] | Exception]:
        """Candidate spans of each passage, or the error that it alone met.

        A batch that fails is halved and tried again: for want of memory that helps, and otherwise it leaves the
        passage that fails alone. What no smaller batch can mend is raised.
        """
        try:
            return [*self._forward(items, vectors, labels, neighbours)]
        except RuntimeError as error:
            if is_device_lost(error) or (len(items) == 1 and is_out_of_memory(error)):
                raise
            if len(items) == 1:
                return [error]
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        half = len(items) // 2
        halves = (items[:half], items[half:])
        return [found for each in halves for found in self._spans(each, vectors, labels, neighbours)]

    @torch.inference_mode()
    def _forward(
        self, items: list[Passage], vectors: Tensor, labels: Sequence[Label], neighbours: Neighbours | None
    ) -> list[list[Span]]:
        batch = self.read(items, labels).to(self.device)
        thresholds = self.thresholds(labels)
        threshold = torch.tensor([thresholds[label.name] for label in labels], device=self.device)
        least = (threshold - self.calibration.margin).clamp_min(0.01)
        with self._autocast():
            scored = self.network.spans_inside(self.network.encode_pieces(batch), batch, vectors, neighbours)
            near = [candidates(places, scores, least, threshold, self.calibration) for places, scores in scored]
        found: list[list[Span]] = [[] for _ in items]
        for candidate in itertools.chain.from_iterable(near):
            passage = items[candidate.row]
            if passage.owned[0] <= candidate.first_word < passage.owned[1]:
                found[candidate.row].append(
                    Span(
                        start=passage.words[candidate.first_word].start,
                        end=passage.words[candidate.last_word].end,
                        label=labels[candidate.label].name,
                        score=round(candidate.score, 4),
                    )
                )
        return found

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32)

    def _finish(
        self,
        batch: list[tuple[int, Passage]],
        spans: list[list[Span] | Exception],
        pending: dict[int, _Pending],
        thresholds: dict[str, float],
    ) -> list[Outcome]:
        done: list[Outcome] = []
        for (index, _), found in zip(batch, spans, strict=True):
            item = pending.get(index)
            if item is None:  # failed by an earlier passage
                continue
            if isinstance(found, Exception):
                done.append(Outcome(index=index, error=found))
                del pending[index]
                continue
            item.spans.extend(found)
            item.missing -= 1
            if not item.missing:
                done.append(Outcome(index=index, prediction=_decided(pending.pop(index), thresholds)))
        return done

    def _label_ids(self, text: str) -> list[int]:
        limit = min(LABEL_PIECES, self.encoder.max_pieces - SPECIAL_PIECES)
        ids = self.encoder.tokenizer(text, add_special_tokens=False)["input_ids"][:limit]
        return [self.encoder.tokenizer.cls_token_id, *ids, self.encoder.tokenizer.sep_token_id]

    def _encode_labels(self, ids: list[list[int]]) -> list[Tensor]:
        with self._autocast():
            vectors = self.network.project_labels(self._label_states(ids))
        return list(vectors.float())

    def _label_states(self, ids: list[list[int]]) -> Tensor:
        longest = max(len(i) for i in ids)
        padded = torch.tensor([i + [0] * (longest - len(i)) for i in ids], device=self.device)
        mask = torch.tensor([[1] * len(i) + [0] * (longest - len(i)) for i in ids], device=self.device)
        with self._autocast():
            return self.network.encode_labels(padded, mask)


def _decided(item: _Pending, thresholds: dict[str, float]) -> Prediction:
    kept = flat(span for span in item.spans if span.score >= thresholds[span.label])
    misses = flat(span for span in item.spans if span.score < thresholds[span.label] and not overlaps(span, kept))
    return Prediction(spans=tuple(kept), near_misses=tuple(misses), windows=len(item.passages), thresholds=thresholds)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether torch failed for want of memory, on an accelerator or on the host."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def is_device_lost(error: BaseException) -> bool:
    """Whether an accelerator's context is dead, so that nothing more can run in this process."""
    return not is_out_of_memory(error) and "CUDA error" in str(error)
