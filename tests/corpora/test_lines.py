"""Blocks to lines: the same lines however the file is cut into blocks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from corpora.lines import split_lines


@given(st.lists(st.binary(max_size=8).map(lambda data: data.replace(b"x", b"\n")), max_size=12))
def test_lines_do_not_depend_on_blocks(blocks: list[bytes]) -> None:
    whole = b"".join(blocks)
    lines = list(split_lines(blocks, max_line_bytes=1000))
    expected = whole.split(b"\n")
    assert [line.data for line in lines] == (expected if expected[-1] else expected[:-1])
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))
    assert b"".join(whole[line.start : line.end] for line in lines) == whole


def test_only_a_line_feed_ends_a_line() -> None:
    data = "a\u2028b\x85c\x0bd\re\n".encode()
    assert [line.data for line in split_lines([data], 100)] == [data[:-1]]


def test_a_line_at_the_limit_is_kept_and_one_over_it_measured() -> None:
    at, over, after = split_lines([b"12345\n12", b"3456\n1"], max_line_bytes=5)
    assert (at.data, at.size) == (b"12345", 5)
    assert (over.data, over.size, over.start, over.end) == (None, 6, 6, 13)
    assert (after.data, after.number) == (b"1", 3)
