"""The tagger: exact offsets, thresholds, near misses, and label vectors that are computed once."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import regex
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models import tagger as taggers
from models.biencoder import BiEncoder
from models.decoding import overlaps
from models.tagger import Calibration, Tagger
from models.types import Label, Prediction, Span
from models.words import split_words
from tests.models.building import PERSON, PLACE, hostile, scripted, tiny_model, tiny_tagger, with_model
from tests.models.building import example as examples_of

if TYPE_CHECKING:
    from torch import Tensor

    from models.encoder import Encoder

LABELS = [PERSON, PLACE]
#: Hostile strings go through the tagger in batches of so many; 50 batches make 2,000 strings.
BATCH = 40


def check_offsets(text: str, prediction: Prediction) -> None:
    """Spans lie on whole words, in order, apart, and say nothing that the text does not."""
    words = split_words(text)
    starts, ends = {word.start for word in words}, {word.end for word in words}
    for span in (*prediction.spans, *prediction.near_misses):
        surface = text[span.start : span.end]
        assert 0 <= span.start < span.end <= len(text)
        assert span.start in starts
        assert span.end in ends
        assert not regex.search(r"^\s|\s$", surface), surface
        assert 0 < span.score <= 1
    for spans in (prediction.spans, prediction.near_misses):
        assert all(left.end <= right.start for left, right in pairwise(spans))
    assert not any(overlaps(miss, prediction.spans) for miss in prediction.near_misses)


@given(st.lists(hostile, min_size=BATCH, max_size=BATCH))
@example(["", "\u0600 abc", "İ İ I\u0307", "a" * 300, "1." * 200, "\x00", "👩🏽‍🚀" * 60, "中" * 400, "\r\n" * 50] * 5)
@settings(max_examples=50, deadline=None)
def test_offsets_are_exact_on_hostile_strings(eager: Tagger, texts: list[str]) -> None:
    for text, prediction in zip(texts, eager.predict(texts, LABELS), strict=True):
        check_offsets(text, prediction)
        if regex.search(r"[a-z]{3}", text):
            assert prediction.spans, "this tagger takes anything for an entity"


@pytest.mark.parametrize("domain", ["music", "clinical", "support", "long"])
def test_offsets_are_exact_on_every_example(eager: Tagger, shipped: Tagger, domain: str) -> None:
    documents, labels = examples_of(domain)
    texts = [document.text for document in documents]
    for tagger in (eager,) if domain == "long" else (eager, shipped):
        for text, prediction in zip(texts, tagger.predict(texts, labels), strict=True):
            check_offsets(text, prediction)
            assert set(prediction.thresholds) == {label.name for label in labels}


@given(hostile)
@settings(max_examples=100, deadline=None)
def test_what_stands_before_a_text_moves_its_offsets_and_no_more(tiny: Encoder, text: str) -> None:
    tagger = tiny_tagger(tiny, eager=4.0, threshold=0.02)

    plain, moved = tagger.predict([text, f" \u3000\n{text}"], LABELS)

    assert [replace(span, start=span.start + 3, end=span.end + 3) for span in plain.spans] == list(moved.spans)


def test_a_long_text_is_tagged_to_its_end_and_says_in_how_many_windows(eager: Tagger) -> None:
    text = "Anna saw Bern. " * 700

    [prediction] = eager.predict([text], LABELS)

    assert prediction.windows > 10
    assert prediction.spans[-1].end >= len(text) - 2
    gaps = [right.start - left.end for left, right in pairwise(prediction.spans)]
    assert max(gaps) < 50, "no window was passed over"


def test_a_span_across_the_border_of_two_windows_is_found_once(tiny: Encoder) -> None:
    # Given a text of three windows, and a network that takes the two words in the middle of any overlap for one
    text = " ".join(["word"] * 400)
    tagger = scripted(tiny, {(159, 160): [0.9], (31, 32): [0.9]}, threshold=0.5)

    # When it is tagged
    [prediction] = tagger.predict([text], [PERSON])

    # Then windows that both see a pair report it once
    assert prediction.windows == 3
    found = [(span.start // 5, (span.end + 1) // 5) for span in prediction.spans]
    assert found == [(31, 33), (159, 161), (287, 289)]


def test_each_window_reports_the_words_it_owns_alone(tiny: Encoder) -> None:
    # Given a text of three windows, and a network that takes a word near either end of every window for a name
    text = " ".join(["word"] * 400)
    tagger = scripted(tiny, {(20, 20): [0.9], (170, 170): [0.9]}, threshold=0.5)

    # When it is tagged
    [prediction] = tagger.predict([text], [PERSON])

    # Then only the first window is believed on its beginning, which no other window sees better
    assert [span.start // 5 for span in prediction.spans] == [20]


def test_an_encoder_of_few_positions_reads_long_texts_in_small_windows(tiny: Encoder) -> None:
    small = with_model(tiny, tiny_model(positions=64))
    tagger = tiny_tagger(small, eager=4.0, threshold=0.02)
    label = Label(name="person", description="word " * 200)

    [prediction] = tagger.predict(["Anna saw Bern. " * 100], [label])

    assert prediction.windows > 6
    assert prediction.spans[-1].end >= 1490


@pytest.mark.parametrize("text", ["", " \n", "\x00\x07"])
def test_a_text_without_words_has_no_entities(eager: Tagger, text: str) -> None:
    assert eager.predict([text], [PERSON]) == [Prediction(spans=(), thresholds={"person": 0.02})]


def test_labels_must_be_given(eager: Tagger) -> None:
    with pytest.raises(ValueError, match="no labels"):
        eager.predict(["a text"], [])


def test_no_texts_have_no_predictions(eager: Tagger) -> None:
    assert eager.predict([], LABELS) == []


def test_each_label_is_held_to_its_own_threshold(tiny: Encoder) -> None:
    # Given two words, each 0.45 a person and 0.35 a place
    script = {(0, 0): [0.45, 0.35], (1, 1): [0.45, 0.35]}
    tagger = scripted(tiny, script, threshold=0.5, margin=0.1)

    def found(person: float | None, place: float | None) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
        labels = [replace(PERSON, threshold=person), replace(PLACE, threshold=place)]
        [prediction] = tagger.predict(["Ann Bern"], labels)
        spans, misses = prediction.spans, prediction.near_misses
        return [(tuple(s.label for s in spans), tuple(s.label for s in misses))]

    # Then the better label is taken of those that reach theirs, or is a near miss where none does
    assert found(0.4, 0.3) == [(("person", "person"), ())]
    assert found(0.5, 0.3) == [(("place", "place"), ())]
    assert found(0.99, 0.3) == [(("place", "place"), ())]
    assert found(0.5, 0.5) == [((), ("person", "person"))]
    assert found(None, None) == [((), ("person", "person"))]
    assert found(0.99, 0.4) == [((), ("place", "place"))]
    assert found(0.99, 0.99) == [((), ())]


def test_near_misses_stay_under_their_threshold_and_off_reported_spans(tiny: Encoder) -> None:
    # Given a hit, a near miss across it, one elsewhere, and one too faint
    script = {(1, 1): [0.6], (0, 2): [0.49], (4, 5): [0.45], (5, 5): [0.4], (7, 7): [0.3]}
    tagger = scripted(tiny, script, threshold=0.5, margin=0.15)

    # When the text is tagged
    [prediction] = tagger.predict(["a b c d e f g h"], [PERSON])

    # Then
    assert prediction.spans == (Span(start=2, end=3, label="person", score=0.6),)
    assert prediction.near_misses == (Span(start=8, end=11, label="person", score=0.45),)
    assert prediction.thresholds == {"person": 0.5}


def test_calibration_shifts_scores_without_another_forward_pass(tiny: Encoder) -> None:
    tagger = scripted(tiny, {(0, 0): [0.5]}, threshold=0.5)

    other = tagger.recalibrated(Calibration(threshold=0.1, temperature=2.0, shift=-2.0))

    [before], [after] = (t.predict(["Ann"], [PERSON])[0].spans for t in (tagger, other))
    assert before.score == 0.5
    assert after.score == pytest.approx(torch.tensor(-1.0).sigmoid().item(), abs=1e-4)
    assert tagger.calibration == Calibration(threshold=0.5)


class Counting(BiEncoder):
    """A network that counts the label texts it encodes."""

    encoded = 0

    def encode_labels(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        self.encoded += len(input_ids)
        return super().encode_labels(input_ids, attention_mask)


def counting(tiny: Encoder) -> tuple[Tagger, Counting]:
    tagger = tiny_tagger(tiny, kind=Counting)
    assert isinstance(tagger.network, Counting)
    return tagger, tagger.network


def test_label_vectors_are_computed_once_for_each_wording(tiny: Encoder) -> None:
    tagger, network = counting(tiny)

    tagger.predict(["Ann"], LABELS)
    assert network.encoded == 2
    tagger.predict(["Ann", "Bern"], [PLACE, PERSON, PLACE])
    tagger.recalibrated(Calibration(threshold=0.1)).predict(["Ann"], LABELS)
    tagger.predict(["Ann"], [replace(PERSON, threshold=0.9)])
    assert network.encoded == 2
    tagger.predict(["Ann"], [replace(PERSON, description="another wording")])
    assert network.encoded == 3


def test_a_label_vector_is_the_same_whatever_the_other_labels(tiny: Encoder) -> None:
    alone = tiny_tagger(tiny).label_vectors([PERSON])[0]
    others = [Label(name=f"label {i}", description="word " * i) for i in range(40)]

    among = tiny_tagger(tiny).label_vectors([*others, PERSON], budget=256)

    assert among.shape == (41, 16)
    assert torch.allclose(alone, among[40], atol=1e-5)
    assert torch.allclose(among.norm(dim=-1), torch.ones(41), atol=1e-5)


def test_only_so_many_label_vectors_are_kept(tiny: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a cache of three
    monkeypatch.setattr(taggers, "CACHED_LABELS", 3)
    tagger, network = counting(tiny)
    labels = [Label(name=name) for name in "abcde"]

    # When five are asked for, then all five come and the last three stay
    assert torch.allclose(tagger.label_vectors(labels), tiny_tagger(tiny).label_vectors(labels), atol=1e-5)
    assert network.encoded == 5
    kept = [label for label in labels if label.name in tagger._label_vectors]
    assert len(kept) == 3
    tagger.label_vectors(kept)
    assert network.encoded == 5


def test_a_label_of_any_length_is_read(eager: Tagger) -> None:
    labels = [Label(name="x", description="long " * 2000), Label(name="\x00"), Label(name="")]

    assert eager.label_vectors(labels).isfinite().all()
