"""What is asked of held-out groups, how answers are counted, and which reading is chosen by them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from models.asking import Answer, Ask
from models.compact import Reading
from models.states import StateReader
from models.training.heldout import Group
from models.training.incontext_judging import EAGERNESS, HeldOut, chosen, judged, nearest
from models.types import Document, Label, Span
from tests.models.languages import example

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models.tagger import Tagger

LABELS = (Label(name="singer"), Label(name="town"))
DOCUMENTS = tuple(
    example(f"{singer} sang in {town}", (singer, "singer"), (town, "town"))
    for singer, town in zip(["Ada", "Bo", "Cleo", "Dora"], ["Bern", "Hull", "Oslo", "Turin"], strict=True)
)


class Scripted:
    """A generator that finds more the more eager it is: towns first, then singers too, as towns if need be."""

    def __init__(self) -> None:
        self.name = "scripted"
        self.reading = Reading()

    def answer(self, asks: Sequence[Ask], *, budget: int) -> Iterator[list[tuple[int, Answer | Exception]]]:
        yield [(i, Answer(spans=self._spans(ask), shown=0)) for i, ask in enumerate(asks)]

    def _spans(self, ask: Ask) -> tuple[Span, ...]:
        asked = {label.name for label in ask.labels}
        eager = self.reading.eagerness
        [gold] = [document.entities or () for document in DOCUMENTS if document.text == ask.text]
        singer, town = gold
        # Without examples it is shy: it takes more to make it find anything.
        least = 0.0 if ask.examples else 1.0
        found = [span for span in (town,) if eager >= least and span.label in asked]
        if eager >= least + 0.5:
            found.insert(0, singer if "singer" in asked else Span(start=singer.start, end=singer.end, label="town"))
        return tuple(found)


@pytest.fixture(scope="module")
def group(eager: Tagger) -> HeldOut:
    return HeldOut(Group(name="songs", labels=LABELS, documents=DOCUMENTS), StateReader(eager), 1)


def test_a_group_is_asked_about_with_examples_with_a_label_less_and_without(group: HeldOut) -> None:
    known = DOCUMENTS[1::2]

    assert [ask.text for ask in group.shown.asks] == [document.text for document in DOCUMENTS[::2]]
    assert all(ask.labels == LABELS and ask.examples[0] in known for ask in group.shown.asks)
    for ask, gold in zip(group.fewer.asks, group.fewer.gold, strict=True):
        assert ask.labels == LABELS[1:]
        assert {span.label for each in (*ask.examples, gold) for span in each.entities or ()} == {"town"}
    assert all(ask.labels == LABELS and not ask.examples for ask in group.bare.asks)
    assert group.shown.gold == group.bare.gold == DOCUMENTS[::2]


def test_what_is_found_is_scored_for_each_way(group: HeldOut) -> None:
    generator: Any = Scripted()

    # Given a generator that finds towns alone, and then one that calls singers towns where these are not asked for
    plain = judged(generator, [group])
    generator.reading = Reading(eagerness=0.5)
    eager = judged(generator, [group])

    # Then with two mentions a text, one of which is left where a label is removed
    assert plain["examples"]["songs"] == pytest.approx(2 * 2 / (2 + 4), abs=1e-4)
    assert plain["fewer"]["songs"] == pytest.approx(2 * 4 / (4 + 6), abs=1e-4)
    assert plain["bare"] == {"songs": 0}
    assert plain["violations"] == {"songs": 0}
    assert eager["examples"] == {"songs": 1}
    assert eager["fewer"]["songs"] == pytest.approx(2 * 6 / (8 + 6), abs=1e-4)
    assert eager["violations"] == {"songs": 1}


def test_a_reading_is_chosen_with_examples_and_without(group: HeldOut) -> None:
    generator: Any = Scripted()

    reading, found = chosen(generator, [group])

    assert reading == Reading(eagerness=0.5, alone=1.5)
    assert {0.5, 1.5} < set(EAGERNESS)
    assert found["examples"] == found["bare"] == {"songs": 1}


def test_of_readings_that_are_nearly_as_good_the_least_eager_is_chosen(
    group: HeldOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a reading by zero that is six points worse than the best
    generator: Any = Scripted()
    readings = []

    for tolerance in (0.05, 0.06):
        monkeypatch.setattr("models.training.incontext_judging.TOLERANCE", tolerance)
        readings.append(chosen(generator, [group])[0].eagerness)

    assert readings == [0.5, 0.0]


def test_the_nearest_documents_share_the_words(shipped: Tagger) -> None:
    known = [
        Document(id=str(i), text=text) for i, text in enumerate(["He plays jazz.", "Rates rose.", "She sang blues."])
    ]
    asked = [Document(id="q", text="They play the blues."), Document(id="r", text="Interest rates fell.")]
    found = nearest(StateReader(shipped), asked, known, 1)
    assert [each[0].id for each in found] == ["2", "1"]
    assert nearest(StateReader(shipped), asked, known, 0) == [(), ()]
