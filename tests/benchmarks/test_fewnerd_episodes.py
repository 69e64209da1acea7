"""Few-NERD episodes: what is read, what is summed, and the tagger that learns from the source alone."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import pytest

from benchmarks.fewnerd_episodes import count, labels_of_test_split, peer_rows, read_task, row, spread, summed
from benchmarks.source_base import alone, hidden_types, source_base
from models import artifact
from models.errors import BadTrainingData
from models.training.loop import LoopConfig
from models.training.sets import load_mix
from models.types import Label
from models.verbalise import verbalisations
from tests.benchmarks.sets import record, write

if TYPE_CHECKING:
    from pathlib import Path

CAR, ACTOR = Label(name="car"), Label(name="actor")
LABELS = {"product-car": CAR, "person-actor": ACTOR}
SENTENCES = [
    record("Ada drives a Fiat", **{"person-actor": "Ada", "product-car": "Fiat"}),
    record("a Lada", car="Lada"),
]


def episode(*counts: int) -> dict[str, list[int]]:
    return {"counts": list(counts)}


def test_counts_are_summed_before_f1_is_taken() -> None:
    # One small episode all right, one large all wrong: the mean of their F1 would be 50.
    found = [episode(1, 1, 1), episode(0, 9, 9)]

    assert summed(found).f1 == pytest.approx(0.1)


@pytest.mark.parametrize(("asked", "one", "five"), [("100,30", 100, 30), ("8", 8, 8)])
def test_episodes_may_be_more_of_one_shot_than_of_five(asked: str, one: int, five: int) -> None:
    options = argparse.Namespace(episodes=asked)
    assert [count(options, shots) for shots in (1, 5)] == [one, five]


def test_equal_episodes_have_no_spread() -> None:
    assert spread([episode(3, 5, 6)] * 20) == pytest.approx(0)
    assert spread([episode(6, 6, 6), episode(0, 6, 6)] * 10) > 5


def test_gains_are_paired_by_episode() -> None:
    # Episodes of very different worth, each of which another method does equally well: no doubt about the difference.
    found = [episode(6, 6, 6), episode(0, 6, 6)] * 10

    assert spread(found, found) == 0
    assert spread(found, found[::-1]) > 5


def test_rows_of_ours_and_of_others_have_the_same_columns() -> None:
    plain, other = [episode(1, 2, 2)], [episode(2, 2, 2)]
    found = {1: {"extension": plain, "both": other}, 5: {"extension": other, "both": other}}

    ours = row(5, "a set", "both", found)

    assert (ours["1-shot F1"], ours["1-shot gain"], ours["5-shot gain"]) == (100.0, 50.0, 0.0)
    assert row(5, "a set", "extension", found)["1-shot gain"] is None
    assert all(list(peer) == list(ours) for way in (5, 10) for peer in peer_rows(way))


def test_all_types_of_a_file_are_read_and_episodes_may_ask_for_fewer(tmp_path: Path) -> None:
    write(tmp_path / "part.jsonl.gz", SENTENCES[:1])

    whole = read_task(tmp_path, "part", LABELS, None, None)
    fewer = read_task(tmp_path, "part", LABELS, frozenset({"product-car"}), None)

    assert (whole.types, whole.way) == (("actor", "car"), 2)
    assert (fewer.types, fewer.way) == (("car",), 1)
    assert [span.label for span in fewer.pool[0].entities or ()] == ["actor", "car"]  # there to reject the sentence


def test_a_type_without_a_wording_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "part.jsonl.gz", SENTENCES)

    with pytest.raises(BadTrainingData, match=r"no wording for the types \['car'\]"):
        read_task(tmp_path, "part", LABELS, None, None)


def test_the_source_is_one_set_and_keeps_what_is_hidden_and_forbidden() -> None:
    mix = load_mix()
    source = alone(mix)

    assert source.files == {"fewnerd_inter": ("inter_dev",)}
    assert source.hidden("fewnerd_inter") == hidden_types() == mix.hidden("fewnerd_inter")
    assert source.forbidden == mix.forbidden
    assert not source.familiar


@pytest.mark.parametrize("all_types", [False, True])
def test_the_source_base_is_trained_once(tmp_path: Path, all_types: bool) -> None:
    # Given a source with a hidden type and one that is not, and a test sentence in the midst of it
    park = record("they met in Yarra on Monday", **{"location-park": "Yarra"})
    person = record("in the morning Ada went home", **{"person-other": "Ada"})
    write(tmp_path / "fewnerd_inter" / "inter_dev.jsonl.gz", [park, person, record("only in tests", x="only")])
    write(tmp_path / "fewnerd_inter" / "inter_test.jsonl.gz", [record("only in tests", x="only")])
    loop = LoopConfig(minutes=1, steps=1, measure_minutes=0)

    # When it is asked for twice
    folder = source_base(tmp_path, tmp_path / "work", loop, all_types=all_types)
    manifest = (folder / "tagger.json").stat().st_mtime_ns
    assert source_base(tmp_path, tmp_path / "work", loop, all_types=all_types) == folder

    # Then it is a tagger, trained the first time
    assert (folder / "tagger.json").stat().st_mtime_ns == manifest
    assert artifact.check_files(folder).receipt["steps"] == 1


def test_the_types_of_the_test_split_read_differently() -> None:
    labels = labels_of_test_split()

    assert len({label.name for label in labels.values()}) == len(labels) == 17
    assert all(label.description for label in labels.values())
    assert not labels.keys() & verbalisations("fewnerd_inter").keys()  # what training is shown is another list
