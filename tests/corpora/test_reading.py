"""Reading a file in place: the same documents and the same refusals as storing it."""

from __future__ import annotations

import gzip
import io
from typing import TYPE_CHECKING

import pytest

from corpora.errors import CorpusTooLarge, InvalidCorpus
from corpora.limits import Limits
from corpora.reading import documents_in, read_documents
from tests.corpora.corpus import corpus, line

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_documents_come_with_their_lines(tmp_path: Path, pack: type[bytes]) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_bytes(pack(b"\xef\xbb\xbf\n" + corpus("a") + b"\r\n" + corpus("b")))
    assert [(item.line, item.document.id) for item in read_documents(path)] == [(2, "a"), (4, "b")]


def test_an_open_file_is_read_alike() -> None:
    stream = io.BytesIO(gzip.compress(corpus("a") + corpus("b")))

    assert [(item.line, item.document.id) for item in documents_in(stream)] == [(1, "a"), (2, "b")]


def test_after_the_first_problem_nothing_is_given_and_all_are_named(tmp_path: Path) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_bytes(corpus("a") + b"nope\n" + corpus("b") + line(id=3, text="x"))
    given: list[str] = []
    with pytest.raises(InvalidCorpus) as caught:
        given.extend(item.document.id for item in read_documents(path))
    assert given == ["a"]
    assert [(problem.line, problem.code) for problem in caught.value.problems] == [
        (2, "bad_json"),
        (4, "id_not_a_string"),
    ]


def test_an_id_used_twice_is_refused_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_bytes(corpus("a", "b", "a"))
    with pytest.raises(InvalidCorpus, match="line 3: id 'a' was used before, on line 1"):
        list(read_documents(path))


def test_limits_hold(tmp_path: Path) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_bytes(corpus("a"))
    with pytest.raises(CorpusTooLarge):
        list(read_documents(path, Limits(max_corpus_bytes=5)))


def test_a_missing_file_is_said_by_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        next(read_documents(tmp_path / "none.jsonl"))
