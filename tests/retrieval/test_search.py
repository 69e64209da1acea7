"""The search as engines use it: real encoders, no text as its own example, labels covered, tenants apart."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

from models import artifact
from models.states import StateReader
from models.types import Document, Span
from retrieval import examples, search
from retrieval.collection import Layout, plan
from retrieval.encoding import encode
from retrieval.errors import EncoderMismatch, IndexIncomplete
from retrieval.index import ExampleIndex
from retrieval.overlap import near_duplicates, wording
from retrieval.search import ExampleSearch, Mode
from retrieval.settings import RetrievalSettings
from tests.models.building import example, tiny_model, tiny_tagger, with_model
from tests.retrieval.building import exact_maxsim

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.asking import Retriever
    from retrieval.examples import ExampleSet

SENTENCES = [
    "Copper Wrens played the Halden arena in May",
    "The river Aske floods the town of Pellmoor",
    "Doctor Venn treated the harbour master at night",
    "Two trains left Pellmoor for the coast",
    "The arena in Halden seats nine thousand people",
    "Nobody has seen the harbour master since Tuesday",
    "A quartet from Aske tours schools and prisons",
    "Trains to the coast are late again",
]


def labelled(texts: Sequence[str], *labels: str) -> list[Document]:
    """Documents whose first word has the label at the same place, if any."""
    marks = [*labels, *[""] * len(texts)]
    return [
        Document(
            id=str(number),
            text=text,
            entities=(Span(start=0, end=len(text.split()[0]), label=marks[number]),) if marks[number] else (),
        )
        for number, text in enumerate(texts)
    ]


@pytest.fixture
def known(reader: StateReader) -> ExampleSet:
    return examples.build(labelled(SENTENCES), reader)


@pytest.mark.parametrize("mode", Mode)
def test_every_way_of_searching_finds_k_examples(
    index: ExampleIndex, known: ExampleSet, reader: StateReader, mode: Mode
) -> None:
    finder: Retriever = ExampleSearch(index, known, reader, tenant="ours", mode=mode)

    found = finder.near(["The harbour at Halden was full of trains", "Doctor Venn saw nobody"])

    assert [len(each.examples) for each in found] == [5, 5]
    assert not any(each.degraded for each in found)
    assert all(len(set(each.examples)) == 5 and set(each.examples) <= set(known.documents) for each in found)


def test_the_nearest_come_first(index: ExampleIndex, known: ExampleSet, reader: StateReader) -> None:
    text = "The harbour at Halden was full of trains"
    finder = ExampleSearch(index, known, reader, tenant="ours", k=8)

    [found] = finder.near([text])

    scores = exact_maxsim(known, encode(reader, [text])[0].vectors)
    expected = sorted(range(8), key=lambda number: -scores[number])
    assert [document.id for document in found.examples] == [known.documents[number].id for number in expected]


@pytest.mark.parametrize("mode", Mode)
def test_a_text_is_no_example_for_itself(
    index: ExampleIndex, known: ExampleSet, reader: StateReader, mode: Mode
) -> None:
    finder = ExampleSearch(index, known, reader, tenant="ours", k=8, mode=mode)
    asked = [*SENTENCES, SENTENCES[2].upper() + " !"]

    found = finder.near(asked)

    assert [len(each.examples) for each in found] == [7] * 9
    for text, each in zip(asked, found, strict=True):
        assert not any(near_duplicates(wording(text), wording(document.text)) for document in each.examples)


def test_looks_further_where_all_that_is_near_repeats_the_text(index: ExampleIndex, reader: StateReader) -> None:
    # Given an index in which the text stands 40 times, and what is farther off
    text = "Copper Wrens played the Halden arena in May"
    crowded = examples.build(labelled([text] * 40 + SENTENCES), reader)

    for mode in Mode:
        found = ExampleSearch(index, crowded, reader, tenant="ours", mode=mode).near([text, "Trains flood Halden"])

        # Then it gets others, and another text gets the repeated one at most once
        assert [len(each.examples) for each in found] == [5, 5]
        assert text not in {document.text for document in found[0].examples}
        assert sum(document.text == text for document in found[1].examples) <= 1


def test_a_window_of_an_example_does_not_find_the_example(index: ExampleIndex, reader: StateReader) -> None:
    whole = " . ".join(SENTENCES)
    known = examples.build(labelled([whole, *SENTENCES[5:]]), reader)

    [found] = ExampleSearch(index, known, reader, tenant="ours").near([" . ".join(SENTENCES[1:4])])

    assert {document.text for document in found.examples} == set(SENTENCES[5:])


def test_labels_are_covered_where_that_is_wished(index: ExampleIndex, reader: StateReader) -> None:
    # Given that all near the text but one of the last have the same label
    text = "The harbour at Halden was full of trains"
    scores = exact_maxsim(examples.build(labelled(SENTENCES), reader), encode(reader, [text])[0].vectors)
    order = sorted(range(8), key=lambda number: -scores[number])
    marks = ["near"] * 8
    marks[order[6]] = "far"
    known = examples.build(labelled(SENTENCES, *marks), reader)

    plain = ExampleSearch(index, known, reader, tenant="ours", k=3).near([text])[0].examples
    covering = ExampleSearch(index, known, reader, tenant="ours", k=3, coverage=True).near([text])[0].examples

    assert [document.id for document in plain] == [str(number) for number in order[:3]]
    assert [document.id for document in covering] == [str(number) for number in (order[0], order[1], order[6])]


def test_a_text_without_words_has_no_examples_and_no_fault(
    index: ExampleIndex, known: ExampleSet, reader: StateReader
) -> None:
    finder = ExampleSearch(index, known, reader, tenant="ours")

    found = finder.near(["", " \n", "Trains"])

    assert [(len(each.examples), each.degraded) for each in found] == [(0, False), (0, False), (5, False)]
    assert finder.near([]) == []


def test_fewer_examples_than_k_are_all_shown(index: ExampleIndex, reader: StateReader) -> None:
    known = examples.build(labelled(SENTENCES[:2]), reader)

    [found] = ExampleSearch(index, known, reader, tenant="ours").near(["Trains"])

    assert len(found.examples) == 2


def test_two_tenants_with_the_same_examples_do_not_meet(
    index: ExampleIndex, known: ExampleSet, reader: StateReader
) -> None:
    ours = ExampleSearch(index, known, reader, tenant="ours")
    theirs = ExampleSearch(index, known, reader, tenant="theirs")
    expected = ours.near(["Trains"])
    assert theirs.near(["Trains"]) == expected

    index.drop_all(tenant="theirs")

    assert ours.near(["Trains"]) == expected
    assert theirs.near(["Trains"])[0].degraded


def test_another_encoder_is_refused(index: ExampleIndex, known: ExampleSet) -> None:
    torn = tiny_model()
    torn.embeddings.LayerNorm.weight.data.mul_(1.5)
    from models.encoder import load_encoder

    other = StateReader(tiny_tagger(with_model(load_encoder(), torn)))

    with pytest.raises(EncoderMismatch, match="build the example set anew") as raised:
        ExampleSearch(index, known, other, tenant="ours")

    assert raised.value.permanent


def test_what_is_near_by_the_tagger_that_ships() -> None:
    """The real encoder, and examples of two fields: each text finds those of its own."""
    reader = StateReader(artifact.load(artifact.shipped_folder()))
    fields = {name: example(name)[0] for name in ("music", "support")}
    asked = {name: documents[:6] for name, documents in fields.items()}
    known = examples.build([each for documents in fields.values() for each in documents[6:]], reader)
    own = {document.text for document in fields["music"]}
    index = ExampleIndex(RetrievalSettings())

    for mode in Mode:
        finder = ExampleSearch(index, known, reader, tenant="ours", mode=mode)
        right = [
            (document.text in own) == (name == "music")
            for name, documents in asked.items()
            for found in finder.near([document.text for document in documents])
            for document in found.examples
        ]
        assert len(right) == 60
        assert sum(right) >= 54, mode


def test_memory_is_given_back_and_a_server_keeps_its_copy(
    index: ExampleIndex, known: ExampleSet, reader: StateReader
) -> None:
    finder = ExampleSearch(index, known, reader, tenant="ours")
    expected = finder.near(["Trains"])

    finder.release()

    collection = plan(known, tenant="ours", layout=Layout.TEXTS)
    with pytest.raises(IndexIncomplete) if index.in_memory else nullcontext():
        index.check(collection)
    assert finder.near(["Trains"]) == expected


def test_votes_are_asked_for_all_texts_at_once(index: ExampleIndex, known: ExampleSet, reader: StateReader) -> None:
    finder = ExampleSearch(index, known, reader, tenant="ours", mode=Mode.VOTE)
    texts = ["Trains to Halden", "Doctor Venn saw nobody"]

    together = finder.near(texts)

    assert together == [finder.near([text])[0] for text in texts]
    assert search.VOTES == 10
