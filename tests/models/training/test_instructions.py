"""Episodes: what they show of a pool, and what is removed from them."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from models.asking import Retrieved
from models.training.instructions import Episode, EpisodeConfig, EpisodeSource, Pool, own_wording, source_wording
from models.types import Document, Label
from models.verbalise import verbalisations
from tests.models.languages import example

if TYPE_CHECKING:
    from collections.abc import Sequence

LABELS = tuple(Label(name=name, description=f"a {name}") for name in ("band", "festival", "person", "town"))
DOCUMENTS = tuple(
    example(f"{name} played in {town}", (name, "band"), (town, "town"))
    for name, town in zip(["Blur", "Pulp", "Oasis", "Suede"], ["Bern", "Hull", "Oslo", "Turin"], strict=True)
)
POOL = Pool(documents=DOCUMENTS, wording=own_wording(LABELS))


class Neighbours:
    """A search that finds all other documents, in their order."""

    def __init__(self) -> None:
        self.searched: list[list[str]] = []

    def near(self, texts: Sequence[str]) -> list[Retrieved]:
        self.searched.append(list(texts))
        return [Retrieved(examples=tuple(each for each in DOCUMENTS if each.text != text)) for text in texts]


def episodes(count: int = 200, pool: Pool = POOL, seed: int = 0, **config: float) -> list[Episode]:
    chosen = EpisodeConfig(**({"removed": 0.0, "fewer": 0.0} | config))  # type: ignore[arg-type]
    return EpisodeSource([pool], chosen).draw(random.Random(seed), count)


def test_an_episode_asks_for_all_labels_and_is_answered_by_all_spans() -> None:
    by_text = {document.text: document for document in DOCUMENTS}

    for episode in episodes():
        assert set(episode.ask.labels) == set(LABELS)
        assert episode.spans == by_text[episode.ask.text].entities
        assert len(episode.ask.examples) == 3
        assert episode.ask.text not in [each.text for each in episode.ask.examples]


def test_examples_come_from_the_search() -> None:
    search = Neighbours()

    found = episodes(4, replace(POOL, retriever=search), examples=2)

    assert search.searched == [[episode.ask.text for episode in found]]
    for episode in found:
        assert episode.ask.examples == tuple(each for each in DOCUMENTS if each.text != episode.ask.text)[:2]


def test_some_episodes_show_fewer_examples() -> None:
    counts = [len(episode.ask.examples) for episode in episodes(400, fewer=0.5, examples=3)]

    assert set(counts) == {0, 1, 2, 3}
    assert counts.count(3) / len(counts) == pytest.approx(0.5 + 0.5 / 4, abs=0.08)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_share_comes_again_with_labels_removed(share: float) -> None:
    # Given episodes of which a share comes twice
    found = episodes(300, removed=share)

    # Then the second of each pair lacks a label that its text has, in the prompt and in the answer
    again = [episode for episode in found if len(episode.ask.labels) < len(LABELS)]
    assert len(found) - 300 == len(again) == pytest.approx(300 * share, abs=30)
    for one, two in pairwise(found):
        if two not in again:
            continue
        names = {label.name for label in two.ask.labels}
        assert one.ask.text == two.ask.text
        assert names
        assert two.spans == tuple(span for span in one.spans if span.label in names)
        assert len(two.spans) < len(one.spans)


def test_the_last_label_is_never_removed() -> None:
    pool = replace(POOL, wording=own_wording(LABELS[:1]))

    assert {episode.ask.labels for episode in episodes(20, pool, removed=1.0)} == {LABELS[:1]}


def test_the_order_of_labels_is_drawn_unless_it_is_to_stay() -> None:
    assert len({episode.ask.labels for episode in episodes(200)}) == 24
    assert {episode.ask.labels for episode in episodes(200, shuffled=False)} == {LABELS}


def test_of_many_labels_those_that_are_there_are_asked_for() -> None:
    labels = [Label(name=f"other{i}") for i in range(50)] + list(LABELS)

    for episode in episodes(50, replace(POOL, wording=own_wording(labels)), max_labels=6):
        assert len(episode.ask.labels) == 6
        assert {"band", "town"} <= {label.name for label in episode.ask.labels}


def test_entities_that_have_no_label_are_not_shown() -> None:
    pool = replace(POOL, wording=own_wording([LABELS[0], LABELS[1]]))

    for episode in episodes(20, pool):
        for document in (Document(id="", text="", entities=episode.spans), *episode.ask.examples):
            assert {span.label for span in document.entities or ()} == {"band"}


def test_the_wording_of_a_set_is_drawn_anew() -> None:
    # Given a set with wordings of its types
    wording = source_wording("wikigold")
    known = verbalisations("wikigold")

    # When they are drawn often
    drawn = [wording(random.Random(i)) for i in range(300)]

    # Then every name turns up, with either description and without
    assert {label.name for each in drawn for label in each.values()} == {n for v in known.values() for n in v.names}
    assert {each["PER"].description for each in drawn} == {"", known["PER"].short, known["PER"].long}
    assert all(len({label.name.casefold() for label in each.values()}) == len(each) for each in drawn)


def test_hidden_types_are_never_worded() -> None:
    assert "PER" not in source_wording("wikigold", frozenset({"PER"}))(random.Random(0))


def test_pools_are_drawn_by_their_weights() -> None:
    pools = [
        replace(POOL, documents=(each,), weight=weight) for each, weight in zip(DOCUMENTS, [3, 1, 0], strict=False)
    ]
    source = EpisodeSource([*pools, replace(POOL, documents=())], EpisodeConfig(removed=0.0))

    texts = [episode.ask.text for seed in range(400) for episode in source.draw(random.Random(seed), 1)]

    assert texts.count(DOCUMENTS[0].text) / 400 == pytest.approx(0.75, abs=0.07)
    assert set(texts) == {DOCUMENTS[0].text, DOCUMENTS[1].text}


def test_the_same_draw_gives_the_same_episodes() -> None:
    assert episodes(20, seed=5, removed=0.3) == episodes(20, seed=5, removed=0.3) != episodes(20, seed=6, removed=0.3)
