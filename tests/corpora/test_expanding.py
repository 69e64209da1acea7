"""Streams to blocks: gzip, byte order marks, limits."""

from __future__ import annotations

import gzip
import io
import tracemalloc

import pytest

from corpora.errors import CorpusTooLarge, InvalidCorpus
from corpora.expanding import expanded_blocks
from tests.corpora.corpus import Trickle

PLAIN = b'{"id": "a", "text": "hello"}\n' * 3
MARK = b"\xef\xbb\xbf"


def expanded(data: bytes, max_bytes: int = 1_000_000) -> bytes:
    return b"".join(expanded_blocks(io.BytesIO(data), max_bytes))


@pytest.mark.parametrize("data", [b"", b"x", PLAIN, b"\x1f", b"\xef\xbb"])
def test_plain_bytes_pass_as_they_are(data: bytes) -> None:
    assert expanded(data) == data


def test_gzip_is_expanded_by_its_content_also_in_several_members() -> None:
    assert expanded(gzip.compress(PLAIN, mtime=0)) == PLAIN
    assert expanded(gzip.compress(PLAIN, mtime=0) + gzip.compress(b"more")) == PLAIN + b"more"


def test_a_byte_order_mark_is_dropped_at_the_start_alone() -> None:
    assert expanded(MARK + PLAIN + MARK) == PLAIN + MARK
    assert expanded(gzip.compress(MARK + PLAIN, mtime=0)) == PLAIN
    assert expanded(MARK) == b""


@pytest.mark.parametrize("data", [MARK + PLAIN, gzip.compress(MARK + PLAIN, mtime=0)])
def test_a_stream_that_gives_a_byte_at_a_time(data: bytes) -> None:
    stream = Trickle(data[i : i + 1] for i in range(len(data)))
    assert b"".join(expanded_blocks(stream, 1_000_000)) == PLAIN  # type: ignore[arg-type]


@pytest.mark.parametrize("cut", [3, 10, 15, -8, -1])
def test_truncated_gzip(cut: int) -> None:
    with pytest.raises(InvalidCorpus, match="ends early") as caught:
        expanded(gzip.compress(PLAIN, mtime=0)[:cut])
    assert [problem.code for problem in caught.value.problems] == ["bad_gzip"]


def test_corrupt_gzip() -> None:
    data = bytearray(gzip.compress(PLAIN, mtime=0))
    data[-6] ^= 0xFF
    with pytest.raises(InvalidCorpus, match=r"is corrupt \(CRC check failed"):
        expanded(bytes(data))
    with pytest.raises(InvalidCorpus, match="is corrupt"):
        expanded(gzip.compress(PLAIN, mtime=0) + b"junk")


def test_the_limit_is_on_the_expanded_size_and_inclusive() -> None:
    data = gzip.compress(PLAIN, mtime=0)
    assert expanded(data, max_bytes=len(PLAIN)) == PLAIN
    with pytest.raises(CorpusTooLarge, match=f"{len(PLAIN) - 1} bytes"):
        expanded(data, max_bytes=len(PLAIN) - 1)


def test_a_bomb_is_stopped_in_bounded_memory() -> None:
    # Given 200 MB in 200 kB of gzip
    packer = io.BytesIO()
    with gzip.GzipFile(fileobj=packer, mode="wb", compresslevel=6) as file:
        for _ in range(200):
            file.write(bytes(1_000_000))
    bomb = packer.getvalue()
    assert len(bomb) < 250_000
    # When it is expanded under a limit of 5 MB
    sizes: list[int] = []
    tracemalloc.start()
    with pytest.raises(CorpusTooLarge):
        sizes.extend(len(block) for block in expanded_blocks(io.BytesIO(bomb), 5_000_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Then no more than the limit came out, through little memory
    assert 4_000_000 < sum(sizes) <= 5_000_000
    assert peak < 2_000_000


def test_the_caller_keeps_its_stream() -> None:
    stream = io.BytesIO(gzip.compress(PLAIN, mtime=0))
    list(expanded_blocks(stream, 1_000_000))
    assert not stream.closed
