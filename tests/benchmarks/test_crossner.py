"""CrossNER as it is read: labels in plain words, offsets of the joined tokens, `misc` only where asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks import crossner
from tests.benchmarks.sets import record, write_domain

if TYPE_CHECKING:
    from pathlib import Path

LABELS = {"band": "a group", "musicgenre": "a style of music", "misc": "anything else"}
SENTENCES = [
    record("Low Tide plays dub in Leeds", band="Tide", musicgenre="dub", misc="Leeds"),
    record("nothing here"),
    record("Ska !", musicgenre="Ska"),
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_domain(tmp_path, "music", LABELS, dev=SENTENCES)
    return tmp_path


def test_offsets_are_those_of_the_joined_text(data: Path) -> None:
    first, second, third = crossner.read(data, "music", "dev").documents

    assert first.text == "Low Tide plays dub in Leeds"
    assert [(first.text[s.start : s.end], s.label) for s in first.entities or ()] == [
        ("Tide", "band"),
        ("dub", "music genre"),
    ]
    assert second.entities == ()
    assert [third.text[s.start : s.end] for s in third.entities or ()] == ["Ska"]


def test_misc_is_a_label_only_where_it_is_asked_for(data: Path) -> None:
    without, having = (crossner.read(data, "music", "dev", misc=misc) for misc in (False, True))

    assert list(without.labels) == ["band", "musicgenre"]
    assert having.labels["misc"] == crossner.MISC
    assert [s.label for s in having.documents[0].entities or ()] == ["band", "music genre", "miscellaneous"]


def test_a_limit_takes_the_first_sentences(data: Path) -> None:
    assert [document.id for document in crossner.read(data, "music", "dev", limit=2).documents] == ["0", "1"]
