"""Training sets: what is read, what is left out, and spans that lie on words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import BadTrainingData
from models.shapes import Shape
from models.training.sets import (
    MAX_PIECES,
    HeldOut,
    Mix,
    Sentence,
    forbidden_sentences,
    join,
    load_documents,
    load_mix,
    load_sentences,
    read_file,
)
from tests.models.building import hostile, record, write_set

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from models.encoder import Encoder

LIVES = record("Anna Meier lives in Bern .", (0, 2, "PER"), (4, 5, "LOC"))
SINGS = record("U2 sings .", (0, 1, "ORG"))
RAINS = record("It rains .")


def mix(hidden: frozenset[str] = frozenset(), forbidden: tuple[str, ...] = ()) -> Mix:
    held_out = (HeldOut(name="hidden", data_set="wikigold", file="dev", labels=hidden),) if hidden else ()
    return Mix(files={"wikigold": ("train",)}, weights={"wikigold": 1.0}, held_out=held_out, forbidden=forbidden)


def load(data: Path, encoder: Encoder, chosen: Mix, *records: dict[str, Any]) -> list[str]:
    """What training would read of these records, as text."""
    write_set(data, "wikigold", "train", records)
    found = load_sentences(data, "wikigold", chosen, encoder.tokenizer, forbidden_sentences(data, chosen))
    return [text_of(sentence, encoder) for sentence in found]


def text_of(sentence: Sentence, encoder: Encoder) -> str:
    return str(encoder.tokenizer.decode([piece for word in sentence.pieces for piece in word]))


def test_sentences_come_in_pieces_with_shapes_and_spans(tmp_path: Path, packaged: Encoder) -> None:
    write_set(tmp_path, "wikigold", "train", [record("Mr. Meier-Huber lives here .", (0, 2, "PER"))])

    [sentence] = load_sentences(tmp_path, "wikigold", mix(), packaged.tokenizer, set())

    # Words are those of service: "Mr", ".", "Meier", "-", "Huber", "lives", "here", "."
    assert len(sentence.pieces) == len(sentence.shapes) == 8
    assert sentence.spans == ((0, 4, "PER"),)
    assert sentence.shapes[:3] == (Shape.CAPITALISED, Shape.OTHER, Shape.CAPITALISED)
    assert text_of(sentence, packaged).startswith("mr. meier - huber lives")


@given(st.lists(hostile.filter(lambda text: "\x00" not in text), min_size=1, max_size=8), st.data())
@settings(max_examples=60, deadline=None)
def test_spans_align_with_words(
    tmp_path_factory: pytest.TempPathFactory, packaged: Encoder, tokens: list[str], data: st.DataObject
) -> None:
    # Given a sentence of any tokens with one entity
    first = data.draw(st.integers(0, len(tokens) - 1))
    last = data.draw(st.integers(first, len(tokens) - 1))
    entity = {"start": first, "end": last + 1, "label": "PER"}
    folder = tmp_path_factory.mktemp("data")
    write_set(folder, "wikigold", "train", [{"tokens": tokens, "entities": [entity]}])

    # When it is read
    found = load_sentences(folder, "wikigold", mix(), packaged.tokenizer, set())

    # Then the span, where its borders can be read, holds the words of its tokens
    for sentence in found:
        assert all(sentence.pieces)
        for start, end, label in sentence.spans:
            assert 0 <= start <= end < len(sentence.pieces)
            assert label == "PER"
            inside = "".join(tokens[first : last + 1])
            words = str(packaged.tokenizer.decode([p for word in sentence.pieces[start : end + 1] for p in word]))
            if inside.isascii() and inside.isalnum():
                assert words.replace(" ", "") == inside.lower()


def test_sentences_of_test_splits_are_dropped_wherever_they_turn_up(tmp_path: Path, packaged: Encoder) -> None:
    # Given a test split of another set that holds two of the sentences, in other case and with other labels
    write_set(tmp_path, "other", "test", [record("ANNA Meier lives in Bern ."), record("it rains .", (0, 1, "X"))])

    # When the training file is read
    kept = load(tmp_path, packaged, mix(forbidden=("*/test",)), LIVES, SINGS, RAINS)

    # Then only the third comes
    assert kept == ["u2 sings."]
    assert len(forbidden_sentences(tmp_path, mix(forbidden=("other/test",)))) == 2
    assert forbidden_sentences(tmp_path, mix(forbidden=("nothing/*",))) == set()


def test_sentences_that_show_a_held_out_type_are_dropped(tmp_path: Path, packaged: Encoder) -> None:
    assert load(tmp_path, packaged, mix(), LIVES, SINGS, RAINS) == [
        "anna meier lives in bern.",
        "u2 sings.",
        "it rains.",
    ]
    assert load(tmp_path, packaged, mix(frozenset({"LOC"})), LIVES, SINGS, RAINS) == ["u2 sings.", "it rains."]


def test_types_are_hidden_of_the_set_that_holds_them_out_alone() -> None:
    chosen = mix(frozenset({"LOC", "PER"}))

    assert chosen.hidden("wikigold") == {"LOC", "PER"}
    assert chosen.hidden("uner_ewt") == frozenset()


def test_sentences_too_long_or_without_words_are_dropped(tmp_path: Path, packaged: Encoder) -> None:
    fits, long = record("word " * MAX_PIECES), record("word " * (MAX_PIECES + 1))

    kept = load(tmp_path, packaged, mix(), fits, long, {"tokens": [], "entities": []}, record("\u200b"))

    assert kept == [("word " * MAX_PIECES).strip()]


def test_tokens_that_the_tokenizer_drops_are_no_words(tmp_path: Path, packaged: Encoder) -> None:
    write_set(tmp_path, "wikigold", "train", [record("Anna \x07 Meier \x08", (2, 3, "PER"), (3, 4, "LOC"))])

    [sentence] = load_sentences(tmp_path, "wikigold", mix(), packaged.tokenizer, set())

    assert len(sentence.pieces) == 2
    assert sentence.spans == ((1, 1, "PER"),)


def test_held_out_documents_hold_the_groups_entities(tmp_path: Path) -> None:
    # Given sentences with and without a wanted type
    write_set(tmp_path, "wikigold", "dev", [LIVES, SINGS, RAINS])
    group = HeldOut(name="places", data_set="wikigold", file="dev", labels=frozenset({"LOC"}))

    # When the group is read
    [document] = load_documents(tmp_path, group, 10)

    # Then only sentences that hold one come, with that type's spans
    assert document.text == "Anna Meier lives in Bern ."
    assert [(document.text[s.start : s.end], s.label) for s in document.entities or ()] == [("Bern", "LOC")]


def test_a_group_without_labels_is_all_of_the_sets_types_that_say_something(tmp_path: Path) -> None:
    write_set(tmp_path, "wikigold", "dev", [LIVES, SINGS, record("A Tuesday .", (1, 2, "MISC"))])
    group = HeldOut(name="all", data_set="wikigold", file="dev", labels=None)

    found = load_documents(tmp_path, group, 10)

    assert [len(document.entities or ()) for document in found] == [2, 1]


def test_a_limit_spreads_over_the_file(tmp_path: Path) -> None:
    write_set(tmp_path, "wikigold", "dev", [record(f"Anna{i} lives .", (0, 1, "PER")) for i in range(100)])
    group = HeldOut(name="all", data_set="wikigold", file="dev", labels=None)

    found = load_documents(tmp_path, group, 10)

    assert [document.text.split()[0] for document in found] == [f"Anna{i}" for i in range(0, 100, 10)]
    assert len({document.id for document in found}) == 10


def test_tokens_are_joined_with_their_offsets() -> None:
    text, offsets = join(["İn", "👩🏽‍🚀", "", "x"])

    assert text == "İn 👩🏽‍🚀  x"
    assert [text[start:end] for start, end in offsets] == ["İn", "👩🏽‍🚀", "", "x"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadTrainingData, match=rf"{tmp_path}/wikigold/train.jsonl.gz: no such file; --data must"):
        list(read_file(tmp_path / "wikigold/train.jsonl.gz"))


def test_the_shipped_mix_is_whole() -> None:
    found = load_mix()

    assert set(found.files) == set(found.weights)
    assert all(found.files[name] for name, weight in found.weights.items() if weight > 0)
    assert len({group.name for group in found.held_out}) == len(found.held_out) > 0
    assert all(group.labels or not found.weights.get(group.data_set) for group in found.held_out)
    assert "*/test" in found.forbidden


def test_the_shipped_mix_trains_on_no_test_split() -> None:
    mix = load_mix()
    trained = {(name, file) for name, files in mix.files.items() for file in files}

    assert [file for _, file in trained if "test" in file] == []
    assert not trained & {(group.data_set, group.file) for group in mix.familiar}
    assert all(mix.weights[group.data_set] > 0 and group.labels is None for group in mix.familiar)


def test_with_everything_what_was_held_out_joins_and_test_splits_stay_out() -> None:
    before, whole = load_mix(), load_mix(everything=True)

    assert (whole.held_out, whole.familiar) == ((), ())
    assert whole.forbidden == before.forbidden
    assert not any(whole.hidden(name) for name in whole.weights)
    joined = {name for name, weight in whole.weights.items() if weight and not before.weights[name]}
    assert joined == {group.data_set for group in before.held_out if group.labels is None}
    assert not [file for name in joined for file in whole.files[name] if "test" in file]
