"""What callers hand over, as it is sent."""

from __future__ import annotations

import gzip
import io
import json
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.errors import InvalidLabels
from tagwerk.errors import UnusableInput
from tagwerk.sending import BLOCK, as_json, label_entries, source_of

if TYPE_CHECKING:
    from pathlib import Path

    from tagwerk.sending import Source

DOCUMENTS = [{"id": "a", "text": "x"}, {"id": "b", "text": "\ud83c"}]


def sent(source: Source) -> bytes:
    return b"".join(source.blocks())


@given(st.lists(st.dictionaries(st.text(), st.text() | st.integers() | st.none()), max_size=30))
def test_documents_are_sent_as_json_lines(documents: list[dict[str, Any]]) -> None:
    lines = sent(source_of(documents)).split(b"\n")

    assert lines.pop() == b""
    assert [json.loads(line) for line in lines] == documents


def test_half_characters_are_sent_for_the_server_to_refuse() -> None:
    assert sent(source_of(DOCUMENTS)).splitlines()[1] == b'{"id":"b","text":"\\ud83c"}'


def test_many_documents_are_sent_a_block_at_a_time() -> None:
    made = 0

    def documents() -> Any:  # noqa: ANN401 -- any iterable of mappings
        nonlocal made
        for number in range(10_000):
            made += 1
            yield {"id": str(number), "text": "x" * 100}

    blocks = source_of(documents()).blocks()

    assert BLOCK <= len(next(blocks)) < 2 * BLOCK
    assert made < 1000


def test_what_can_be_had_again_is_told_from_what_cannot(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_bytes(b"12345")
    pipe, end = os.pipe()

    with os.fdopen(pipe, "rb") as reading, os.fdopen(end, "wb"), path.open("rb") as file:
        file.read(2)
        known = source_of(path), source_of(str(path)), source_of(file), source_of(b"123")
        assert [(each.repeatable, each.size) for each in known] == [
            (True, 5),
            (True, 5),
            (True, 3),
            (True, None),
        ]
        assert source_of(DOCUMENTS).repeatable
        assert not source_of(each for each in DOCUMENTS).repeatable
        assert not source_of(reading).repeatable
        for again in range(2):
            assert sent(source_of(path)) == b"12345", again
        source = source_of(file)
        assert [sent(source), sent(source)] == [b"345", b"345"]


def test_a_stream_that_expands_tells_no_size(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl.gz"
    path.write_bytes(gzip.compress(b"x" * 1000))

    with gzip.open(path) as stream:
        source = source_of(stream)
        assert source.size is None
        assert len(sent(source)) == 1000


def test_a_named_pipe_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    source = source_of(path)
    thread = threading.Thread(target=path.write_bytes, args=(b"12345",))
    thread.start()

    assert (source.repeatable, source.size, sent(source)) == (False, None, b"12345")
    thread.join()


@pytest.mark.parametrize("corpus", [17, None, {"id": "a", "text": "x"}])
def test_what_is_no_corpus_is_refused(corpus: Any) -> None:  # noqa: ANN401 -- the point
    with pytest.raises(UnusableInput, match="is no corpus; give a path"):
        source_of(corpus)


def test_what_is_no_document_is_refused_with_its_number(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="document 2 is 'b', not a mapping"):
        sent(source_of([{"id": "a", "text": "x"}, "b"]))  # type: ignore[list-item]
    with pytest.raises(UnusableInput, match=r"document 1 cannot be written as JSON: .*Path"):
        sent(source_of([{"id": "a", "text": tmp_path}]))
    with pytest.raises(UnusableInput, match="open it in binary mode"):
        sent(source_of(io.StringIO("{}")))  # type: ignore[arg-type]


def test_a_file_that_is_not_there_is_known_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        source_of(tmp_path / "corpus.jsonl")
    with pytest.raises(IsADirectoryError):
        source_of(tmp_path)


def test_a_label_file_is_read_here(tmp_path: Path) -> None:
    (tmp_path / "labels.yaml").write_text("- name: [band]\n")

    with pytest.raises(InvalidLabels, match="line 1"):
        label_entries(tmp_path / "labels.yaml")
    with pytest.raises(FileNotFoundError):
        label_entries("nowhere.yaml")


def test_a_label_file_may_be_named_by_a_string(tmp_path: Path) -> None:
    (tmp_path / "labels.yaml").write_text("- band\n")

    assert label_entries(str(tmp_path / "labels.yaml")) == label_entries(tmp_path / "labels.yaml")


@pytest.mark.parametrize("labels", [b"band", 17])
def test_what_are_no_labels_is_refused(labels: Any) -> None:  # noqa: ANN401 -- the point
    with pytest.raises(UnusableInput, match=r"are no labels; give a list of names, a mapping, or a label file's path"):
        label_entries(labels)


def test_what_json_cannot_say_is_refused() -> None:
    with pytest.raises(UnusableInput, match="the job cannot be written as JSON"):
        as_json({"labels": [object()]}, "the job")
