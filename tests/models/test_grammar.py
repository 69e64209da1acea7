"""The grammar: exactly the answers that say flat spans of the text, and the first places that they may mean."""

from __future__ import annotations

from functools import cache
from itertools import pairwise, product
from random import Random  # noqa: TC003 -- hypothesis reads it
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.encoder import load_encoder
from models.grammar import Grammar, Writing
from models.lines import written
from models.spelling import Speller
from models.types import Label, Span
from models.words import split_words
from tests.models.building import hostile
from tests.models.languages import llama_tokenizer, sentencepiece_tokenizer, unigram_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from transformers import PreTrainedTokenizerFast

    from models.spelling import Pieces

TOKENIZERS: dict[str, Callable[[], PreTrainedTokenizerFast]] = {
    "bytes": llama_tokenizer,  # as Llama 3 and Qwen have them
    "marked": sentencepiece_tokenizer,  # as Llama 2 has them
    "unknowing": unigram_tokenizer,
    "words": lambda: load_encoder().tokenizer,  # as MiniLM has them
}
KINDS = tuple(TOKENIZERS)
LABELS = (Label(name="person"), Label(name="place"))
#: Short texts in which words come again, stick together, or look like marks.
few_words = st.lists(st.sampled_from(["a", "b", "A", "ab", "-", "=", "\u4e2d", "caf\u00e9", "\x00"]), max_size=4)
short = st.builds(lambda words, gap: gap.join(words), few_words, st.sampled_from([" ", "", "\n", "  "]))


@cache
def speller(kind: str) -> Speller:
    """A speller by one of the kinds of tokenizers there are."""
    return Speller(TOKENIZERS[kind]())


def grammar(text: str, kind: str, labels: Sequence[Label] = LABELS) -> Grammar:
    chosen = speller(kind)
    return Grammar(chosen.script(text), labels, chosen.labels(labels), chosen.marks)


def language(one: Grammar) -> dict[Pieces, tuple[Span, ...]]:
    """Every answer that the grammar lets be written, and what it says."""
    found: dict[Pieces, tuple[Span, ...]] = {}
    todo: list[Pieces] = [()]
    while todo:
        pieces = todo.pop()
        writing = Writing(one)
        for piece in pieces:
            writing.take(piece)
        if writing.finished:
            assert writing.allowed == []
            found[pieces] = writing.spans
        assert writing.finished or writing.allowed
        todo += [(*pieces, piece) for piece in writing.allowed]
    return found


def choices(words: int, first: int = 0) -> Iterator[list[tuple[int, int]]]:
    """Every way to choose flat stretches [first, last] of words, in order."""
    yield []
    for start in range(first, words):
        for last in range(start, words):
            for rest in choices(words, last + 1):
                yield [(start, last), *rest]


def brute_force(one: Grammar) -> dict[Pieces, tuple[Span, ...]]:
    """The same from all flat spans there are: of those that are written alike, the ones that stand first."""
    script, marks = one.script, one.marks
    found: dict[Pieces, tuple[Span, ...]] = {(*marks.nothing, *marks.line_end, marks.ends[0]): ()}
    # Later places first, so that the earlier ones stay.
    for chosen in sorted(filter(None, choices(len(script.words))), reverse=True):
        for named in product(range(len(one.labels)), repeat=len(chosen)):
            pieces: list[int] = []
            for (first, last), label in zip(chosen, named, strict=True):
                mention = [*script.opening[first], *(p for i in range(first, last) for p in script.following[i + 1])]
                pieces += [*mention, *marks.separator, *one._spelled[label], *marks.line_end]
            found[*pieces, marks.ends[0]] = tuple(
                Span(start=script.words[a].start, end=script.words[b].end, label=one.labels[label].name)
                for (a, b), label in zip(chosen, named, strict=True)
            )
    return found


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=40)
@given(text=short)
def test_the_language_is_that_of_all_flat_spans(kind: str, text: str) -> None:
    one = grammar(text, kind)

    assert language(one) == brute_force(one)


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None)
@given(
    text=hostile, names=st.lists(hostile, min_size=1, max_size=3, unique=True), draw=st.randoms(use_true_random=False)
)
def test_whatever_is_written_is_valid(kind: str, text: str, names: list[str], draw: Random) -> None:
    # Given any text and labels, and a writer that writes anything
    labels = [Label(name=name) for name in names]
    writing = Writing(grammar(text, kind, labels))
    steps = 0

    # When it writes to the end
    while not writing.finished:
        writing.take(draw.choice(writing.allowed), 0.5)
        steps += 1

    # Then it says flat spans of the text in order, and it came to an end
    assert steps < 1000
    words = split_words(text)
    for span in writing.spans:
        assert span.start in {word.start for word in words}
        assert span.end in {word.end for word in words}
        assert span.start < span.end
        assert span.label in names
    assert all(one.end <= two.start for one, two in pairwise(writing.spans))


def write(text: str, answer: Sequence[str], kind: str = "bytes", labels: Sequence[Label] = LABELS) -> list[str]:
    """What an answer of mentions and labels says, as `text@start=label`."""
    one = speller(kind)
    writing = Writing(grammar(text, kind, labels))
    for line in answer:
        mention, label = line.split("=")
        script = one.script(mention)
        following = [p for pieces in script.following[1:] for p in pieces]
        [name] = one.labels([Label(name=label)])
        for piece in (*script.opening[0], *following, *one.marks.separator, *name, *one.marks.line_end):
            writing.take(piece)
    return [f"{text[span.start : span.end]}@{span.start}={span.label}" for span in writing.spans]


@pytest.mark.parametrize("kind", KINDS)
def test_mentions_mean_their_first_places_after_the_mention_before(kind: str) -> None:
    text = "York and New York and York"

    assert write(text, ["York=place"], kind) == ["York@0=place"]
    assert write(text, ["York=place", "York=person"], kind) == ["York@0=place", "York@13=person"]
    assert write(text, ["New York=place", "York=place"], kind) == ["New York@9=place", "York@22=place"]
    assert write(text, ["and New=place", "York=place"], kind) == ["and New@5=place", "York@13=place"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_mention_before_the_last_one_cannot_follow(kind: str) -> None:
    with pytest.raises(ValueError, match="cannot follow"):
        write("Blur and Oasis", ["Oasis=person", "Blur=person"], kind)


def test_white_space_between_words_is_one_space() -> None:
    assert write("New\n\t York", ["New York=place"]) == ["New\n\t York@0=place"]


@pytest.mark.parametrize("kind", KINDS)
def test_marks_in_text_and_labels_part_nothing(kind: str) -> None:
    labels = [Label(name="a = b"), Label(name="b")]
    one = grammar("x = a = b", kind, labels)

    assert {spans[0].label for pieces, spans in language(one).items() if spans} == {"a = b", "b"}


def test_labels_that_are_written_alike_are_told_apart() -> None:
    # Given a tokenizer that knows no capitals
    labels = [Label(name="Band"), Label(name="band"), Label(name="BAND_(2)")]
    one = grammar("Blur", "words", labels)

    assert {spans[0].label for spans in language(one).values() if spans} == {"Band", "band", "BAND_(2)"}


def test_a_score_is_the_chance_of_its_line() -> None:
    # Given a text of one word, and every piece had a chance of one half
    one = speller("bytes")
    [name] = one.labels([Label(name="place")])
    line = (*one.script("Rio").opening[0], *one.marks.separator, *name, *one.marks.line_end)
    writing = Writing(grammar("Rio Rio", "bytes"))

    # When two lines are written
    for piece in line * 2:
        writing.take(piece, 0.5)

    # Then each has its own
    assert [span.score for span in writing.spans] == [round(0.5 ** len(line), 4)] * 2


def test_special_pieces_in_a_text_are_text() -> None:
    one = speller("bytes")

    pieces = {piece for word in one.script("</s> <|end|>").following for piece in word}

    assert not pieces & set(llama_tokenizer().all_special_ids)
    assert not pieces & set(one.marks.ends)


@pytest.mark.parametrize("kind", ["bytes", "marked"])
@settings(deadline=None)
@given(text=hostile)
def test_words_are_spelled_as_they_are_written(kind: str, text: str) -> None:
    """The pieces of the words make up the line that prompts show of a mention."""
    one, tokenizer = speller(kind), TOKENIZERS[kind]()
    script = one.script(text)
    if not script.words:
        return
    pieces = [*script.opening[0], *(piece for word in script.following[1:] for piece in word)]
    whole = Span(start=script.words[0].start, end=script.words[-1].end, label="x")

    line = written(text, [whole], {"x": "x"})

    assert tokenizer.decode([*pieces, *one.marks.separator]) == line.removesuffix(" x\n")


def test_the_tokenizer_is_left_as_it_was() -> None:
    tokenizer = llama_tokenizer()
    before = tokenizer.backend_tokenizer.to_str()

    Speller(tokenizer).script("</s>")

    assert tokenizer.backend_tokenizer.to_str() == before
    assert tokenizer("</s>", add_special_tokens=False)["input_ids"] == [tokenizer.eos_token_id]
