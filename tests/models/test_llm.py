"""The engine around generators: windows, examples for each, thresholds, and what is known of a prediction."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.asking import RETRIEVAL_DEGRADED, UNPARSABLE, WINDOW_TOO_LONG, Answer, Ask, Retrieved
from models.causal import CausalGenerator
from models.errors import EndpointUnavailable
from models.llm import BLOCK, CALIBRATION, LLMTagger
from models.tagger import Calibration, Outcome
from models.types import Document, Label, Span
from models.words import split_words
from tests.models.building import PERSON, PLACE, hostile
from tests.models.languages import language, names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models.types import Prediction


class Marker:
    """A generator that takes every capitalised word for a person; two asks a batch, the last ones first."""

    name = "marker"

    def __init__(self, score: float = 1.0, **more: Answer | Exception) -> None:
        self.score, self.more = score, more
        self.asks: list[Ask] = []
        self.budgets: list[int] = []

    def answer(self, asks: Sequence[Ask], *, budget: int) -> Iterator[list[tuple[int, Answer | Exception]]]:
        self.asks += asks
        self.budgets.append(budget)
        found = [(i, self._one(ask)) for i, ask in enumerate(asks)][::-1]
        for start in range(0, len(found), 2):
            yield found[start : start + 2]

    def _one(self, ask: Ask) -> Answer | Exception:
        for word, answer in self.more.items():
            if word in ask.text:
                return answer
        spans = tuple(
            Span(start=word.start, end=word.end, label=PERSON.name, score=self.score)
            for word in split_words(ask.text)
            if ask.text[word.start].isupper()
        )
        return Answer(spans=spans, shown=len(ask.examples))


class Shelf:
    """A search that finds one document for each text, named after it; degraded where a text says so."""

    def __init__(self) -> None:
        self.searched: list[list[str]] = []

    def near(self, texts: Sequence[str]) -> list[Retrieved]:
        self.searched.append(list(texts))
        return [
            Retrieved(examples=() if "slow" in text else (Document(id=text, text=text),), degraded="slow" in text)
            for text in texts
        ]


def surfaces(text: str, prediction: Prediction) -> list[str]:
    return [text[span.start : span.end] for span in prediction.spans]


def test_texts_come_back_once_each_with_their_spans() -> None:
    tagger = LLMTagger(Marker())
    texts = ["Ann met Bob", "", "nobody", "Cem"]

    outcomes = [outcome for batch in tagger.tag(texts, [PERSON], budget=77) for outcome in batch]

    assert sorted(outcome.index for outcome in outcomes) == [0, 1, 2, 3]
    assert [surfaces(text, p) for text, p in zip(texts, tagger.predict(texts, [PERSON]), strict=True)] == [
        ["Ann", "Bob"],
        [],
        [],
        ["Cem"],
    ]
    assert set(tagger.generator.budgets) == {77, 4096}  # type: ignore[attr-defined]


def test_results_come_with_every_batch() -> None:
    batches = LLMTagger(Marker()).tag(["Ann"] * 6, [PERSON])

    assert [len(batch) for batch in batches] == [2, 2, 2]


def test_without_labels_there_is_nothing_to_tag_with() -> None:
    with pytest.raises(ValueError, match="no labels"):
        next(LLMTagger(Marker()).tag(["Ann"], []))


@given(
    words=st.lists(st.sampled_from(["Ann", "met", "\u4e2d", "Bob", "\n\n"]), max_size=120), window=st.integers(1, 40)
)
def test_windows_report_every_word_once(words: list[str], window: int) -> None:
    # Given a text of any length and windows of any size
    text = " ".join(words)
    generator = Marker()

    # When it is tagged
    [prediction] = LLMTagger(generator, window=window).predict([text], [PERSON])

    # Then each capitalised word is found once, from windows that are short enough and leave out no word
    assert surfaces(text, prediction) == [word for word in words if word in ("Ann", "Bob")]
    assert prediction.windows == len(generator.asks)
    assert all(len(split_words(ask.text)) <= window for ask in generator.asks)
    assert prediction.windows == 1 or len(split_words(text)) > window
    if window > 8:
        for one, two in pairwise(generator.asks):
            shared = split_words(one.text)[-int(window * 0.25) :]
            assert two.text.startswith(one.text[shared[0].start :])


def test_each_window_has_examples_of_its_own() -> None:
    # Given a search, and a text of several windows
    shelf, generator = Shelf(), Marker()
    text = " ".join(f"word{i}" for i in range(20))

    LLMTagger(generator, shelf, window=8).predict([text, "Ann"], [PERSON, PLACE])

    # Then what is near a window is found by the window's own text
    assert len(generator.asks) > 3
    for ask in generator.asks:
        assert ask.examples == (Document(id=ask.text, text=ask.text),)
        assert ask.labels == (PERSON, PLACE)
    assert shelf.searched == [[ask.text for ask in generator.asks]]


def test_many_windows_are_searched_for_in_blocks() -> None:
    shelf = Shelf()

    predictions = LLMTagger(Marker(), shelf).predict(["Ann"] * (BLOCK + 5), [PERSON])

    assert [len(searched) for searched in shelf.searched] == [BLOCK, 5]
    assert len(predictions) == BLOCK + 5


def test_flags_of_all_windows_are_gathered() -> None:
    # Given a text one of whose windows met a slow search, another a muddled answer, another no room
    muddled = Answer(spans=(), shown=0, flags=(UNPARSABLE,))
    generator = Marker(muddle=muddled, long=replace(muddled, flags=(WINDOW_TOO_LONG, UNPARSABLE)))
    words = ["Ann"] * 4 + ["slow"] + ["x"] * 8 + ["muddle"] + ["x"] * 8 + ["long"] + ["x"] * 4

    found = LLMTagger(generator, Shelf(), window=6).predict([" ".join(words), "Ann", "slow"], [PERSON])

    assert [p.flags for p in found] == [(RETRIEVAL_DEGRADED, UNPARSABLE, WINDOW_TOO_LONG), (), (RETRIEVAL_DEGRADED,)]
    assert surfaces(" ".join(words), found[0]) == ["Ann"] * 4


def test_spans_under_their_threshold_are_near_misses_or_nothing() -> None:
    # Given a generator that is sure by one half
    calibration = Calibration(threshold=0.6, margin=0.2)

    def spans(threshold: float | None) -> tuple[int, int, dict[str, float]]:
        label = Label(name=PERSON.name, threshold=threshold)
        [found] = LLMTagger(Marker(0.5), calibration=calibration).predict(["Ann"], [label])
        return len(found.spans), len(found.near_misses), found.thresholds

    # Then a label's own threshold decides, or else the calibration's
    assert spans(None) == (0, 1, {"person": 0.6})
    assert spans(0.5) == (1, 0, {"person": 0.5})
    assert spans(0.8) == (0, 0, {"person": 0.8})


def test_near_misses_overlap_no_span() -> None:
    span = Span(start=0, end=3, label=PERSON.name, score=0.9)
    misses = (replace(span, score=0.45), Span(start=4, end=7, label=PERSON.name, score=0.45))
    generator = Marker(Ann=Answer(spans=(span,), shown=0, near_misses=misses))

    [found] = LLMTagger(generator, calibration=Calibration(threshold=0.5)).predict(["Ann met"], [PERSON])

    assert (found.spans, found.near_misses) == ((span,), misses[1:])


def test_scores_are_read_by_the_calibration() -> None:
    tagger = LLMTagger(Marker(0.5))

    def score(**calibration: float) -> float:
        chosen = replace(CALIBRATION, **calibration)
        return tagger.recalibrated(chosen).predict(["Ann"], [PERSON])[0].spans[0].score

    assert score() == 0.5
    assert score(shift=1.0) == pytest.approx(0.7311, abs=1e-4)
    assert score(shift=1.0, temperature=2.0) == pytest.approx(0.6225, abs=1e-4)


@pytest.mark.parametrize("extreme", [0.0, 1.0, 1e-300, 1 - 1e-16])
def test_extreme_scores_stay_chances(extreme: float) -> None:
    calibration = Calibration(threshold=0.0, shift=-2.0, temperature=0.01)

    [found] = LLMTagger(Marker(extreme), calibration=calibration).predict(["Ann"], [PERSON])

    assert 0 <= found.spans[0].score <= 1


def test_a_text_that_fails_fails_alone() -> None:
    # Given a text whose second window cannot be answered
    tagger = LLMTagger(Marker(poison=RuntimeError("no")), window=4)
    texts = ["Ann", "Ann met Bob in town by the poison tree", "Bob"]

    outcomes = [outcome for batch in tagger.tag(texts, [PERSON]) for outcome in batch]

    assert sorted(outcome.index for outcome in outcomes) == [0, 1, 2]
    assert [str(outcome.error) for outcome in outcomes if outcome.prediction is None] == ["no"]
    with pytest.raises(RuntimeError, match="no"):
        tagger.predict(texts, [PERSON])


def test_a_transient_failure_is_nobodys_answer() -> None:
    tagger = LLMTagger(Marker(away=EndpointUnavailable("later")))
    done: list[Outcome] = []

    with pytest.raises(EndpointUnavailable):
        done += [outcome for batch in tagger.tag(["away", "Ann", "Bob"], [PERSON]) for outcome in batch]

    assert all(outcome.error is None for outcome in done)


@settings(deadline=None, max_examples=25)
@given(texts=st.lists(hostile, max_size=3), labels=st.lists(names, min_size=1, max_size=3, unique=True))
def test_a_random_model_tags_anything(texts: list[str], labels: list[str]) -> None:
    tagger = LLMTagger(CausalGenerator(language()), calibration=Calibration(threshold=0.0), window=12)

    for text, prediction in zip(texts, tagger.predict(texts, [Label(name=name) for name in labels]), strict=True):
        words = split_words(text)
        for span in prediction.spans:
            assert span.start in {word.start for word in words}
            assert span.end in {word.end for word in words}
            assert span.label in labels
        assert all(one.end <= two.start for one, two in pairwise(prediction.spans))
        assert prediction.near_misses == ()
