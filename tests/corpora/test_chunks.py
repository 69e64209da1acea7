"""Chunks: they hold every document once, in order, and keep their limits."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.blobs import BlobStore
from corpora.chunks import Chunker, ChunkRange, read_chunk, read_ids, read_lines
from corpora.errors import DamagedBlob
from corpora.ingest import ingest
from corpora.limits import Limits
from tests.corpora.corpus import corpus, line

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)
BREAKS = st.sampled_from([b"\n", b"\r\n", b"\n\n", b"\n \t\r\n\n"])


@given(
    st.lists(st.tuples(TEXTS, BREAKS), min_size=1, max_size=30),
    st.booleans(),
    st.integers(1, 5),
    st.integers(1, 200),
)
def test_chunks_partition_the_file(
    documents: list[tuple[str, bytes]], blank_start: bool, chunk_documents: int, chunk_bytes: int
) -> None:
    data, line_number, expected = b"\n" if blank_start else b"", 2 if blank_start else 1, []
    for index, (text, ending) in enumerate(documents):
        expected.append((line_number, str(index), text))
        data += line(id=str(index), text=text) + ending
        line_number += ending.count(b"\n")
    limits = Limits(chunk_documents=chunk_documents, chunk_bytes=chunk_bytes)
    with tempfile.TemporaryDirectory() as folder:
        blobs = BlobStore(Path(folder))
        stored = ingest(io.BytesIO(data), blobs, limits)
        read = [numbered for chunk in stored.chunks for numbered in read_chunk(blobs, stored.key, chunk)]
        ids = [pair for chunk in stored.chunks for pair in read_ids(blobs, stored.key, chunk)]
    assert [(item.line, item.document.id, item.document.text) for item in read] == expected
    assert ids == [(number, identifier) for number, identifier, _ in expected]
    check_ranges(data, stored.chunks, limits)


def check_ranges(data: bytes, chunks: tuple[ChunkRange, ...], limits: Limits) -> None:
    assert [chunk.seq for chunk in chunks] == list(range(len(chunks)))
    end = 0
    for chunk in chunks:
        assert data[end : chunk.byte_start].strip() == b""
        assert chunk.byte_start < chunk.byte_end
        assert chunk.documents <= limits.chunk_documents
        assert chunk.documents == 1 or chunk.byte_end - chunk.byte_start <= limits.chunk_bytes
        end = chunk.byte_end
    assert data[end:].strip() == b""


def test_a_chunk_closes_when_full() -> None:
    chunker = Chunker(chunk_documents=2, chunk_bytes=1000)
    for number in range(5):
        chunker.add(number + 1, number * 10, number * 10 + 10)
    assert [(chunk.documents, chunk.first_line) for chunk in chunker.finish()] == [(2, 1), (2, 3), (1, 5)]


def test_a_chunk_closes_before_its_bytes_are_passed() -> None:
    chunker = Chunker(chunk_documents=64, chunk_bytes=100)
    for number, (start, end) in enumerate([(0, 60), (60, 100), (100, 101)], start=1):
        chunker.add(number, start, end)
    assert [(chunk.byte_start, chunk.byte_end) for chunk in chunker.finish()] == [(0, 100), (100, 101)]


def test_a_document_over_the_bytes_stands_alone() -> None:
    chunker = Chunker(chunk_documents=64, chunk_bytes=100)
    for number, (start, end) in enumerate([(0, 10), (10, 500), (500, 510)], start=1):
        chunker.add(number, start, end)
    assert [chunk.documents for chunk in chunker.finish()] == [1, 1, 1]


def test_no_documents_make_no_chunks() -> None:
    assert Chunker(chunk_documents=1, chunk_bytes=1).finish() == ()


def test_raw_lines_are_the_bytes_that_came(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path)
    odd = b'{ "text":"\\u00e9",   "id":"a" }'
    stored = ingest(io.BytesIO(b"\n" + odd + b"\n\n" + corpus("b")), blobs, Limits())
    (chunk,) = stored.chunks
    raw = read_lines(blobs, stored.key, chunk)
    assert [(item.line, item.data) for item in raw] == [(2, odd), (4, corpus("b").rstrip())]


def test_a_range_with_another_number_of_documents_is_damage(tmp_path: Path) -> None:
    # Given a stored corpus and a chunk that counts one document too many
    blobs = BlobStore(tmp_path)
    data = corpus("a", "b")
    key = ingest(io.BytesIO(data), blobs, Limits()).key
    wrong = ChunkRange(seq=4, byte_start=0, byte_end=len(data), first_line=1, documents=3)
    # When it is read, then the mismatch is said rather than passed on
    with pytest.raises(DamagedBlob, match="chunk 4 holds 2 documents, 3 were counted"):
        read_chunk(blobs, key, wrong)
