"""The page on errors: every row for corpora and labels happens, word for word, and none is missing."""

from __future__ import annotations

import gzip
import io
import re
from pathlib import Path

import pytest

from corpora.blobs import BlobStore
from corpora.errors import CorpusError
from corpora.ingest import ingest
from corpora.labels import load_labels
from corpora.limits import Limits

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
LIMITS = Limits(max_line_bytes=300, max_corpus_bytes=2000)
GOOD = b'{"id": "a", "text": "hello"}\n'


def entity(marked: bytes) -> bytes:
    return b'{"id": "a", "text": "hello", "entities": ' + marked + b"}"


#: What the page says went in, and a corpus that it is true of (lines of at most 300 bytes, 2,000 in all).
CORPORA = [
    ("a line that is not JSON", b'{"id": "a" "text": "hello"}'),
    ("a line cut short", b'{"id": "a",'),
    ("a constant that JSON lacks", b'{"id": "a", "text": "hello", "meta": {"n": NaN}}'),
    ("a number beyond all range", b'{"id": "a", "text": "hello", "meta": {"n": 1e999}}'),
    ("values nested too deep", b'{"id": "a", "text": "hello", "meta": ' + b"[" * 101 + b"]" * 101 + b"}"),
    ("a line that is JSON but no object", b'["a", "hello"]'),
    ("no id", b'{"ID": "a", "text": "hello"}'),
    ("an id that is a number", b'{"id": 17, "text": "hello"}'),
    ("an empty id", b'{"id": "", "text": "hello"}'),
    ("an id over 512 characters", None),
    ("an id used twice", GOOD + b"\n" + GOOD),
    ("no text", b'{"id": "a", "body": "hello"}'),
    ("a text that is no string", b'{"id": "a", "text": null}'),
    ("a NUL character in a text", b'{"id": "a", "text": "hel\\u0000lo"}'),
    ("a NUL byte in the file", b'{"id": "a", "text": "hel\x00lo"}'),
    ("half a surrogate pair", b'{"id": "a", "text": "hello \\ud83c"}'),
    ("bytes that are not UTF-8", b'{"id": "a", "text": "caf\xe9"}'),
    ("a meta that is no object", b'{"id": "a", "text": "hello", "meta": "red"}'),
    ("entities that are no list", entity(b'"none"')),
    ("an entity that is no object", entity(b"[[0, 5]]")),
    ("an entity outside the text", entity(b'[{"start": 3, "end": 9, "label": "greeting"}]')),
    ("an entity without length", entity(b'[{"start": 3, "end": 3, "label": "greeting"}]')),
    ("an offset that is no whole number", entity(b'[{"start": "0", "end": 5, "label": "greeting"}]')),
    ("an entity without a key", entity(b'[{"start": 0, "label": "greeting"}]')),
    ("an entity with an empty label", entity(b'[{"start": 0, "end": 5, "label": ""}]')),
    ("an entity whose types are no list", entity(b'[{"start": 0, "end": 5, "types": "greeting"}]')),
    ("a type of an entity that is no name", entity(b'[{"start": 0, "end": 5, "types": [7]}]')),
    ("a line over the limit (here 300 bytes)", GOOD + b'{"id": "b", "text": "' + b"x" * 400 + b'"}'),
    ("a file without documents", b"\n\n"),
    ("gzip that ends early", gzip.compress(GOOD, mtime=0)[:-4]),
    ("gzip that is corrupt", gzip.compress(GOOD, mtime=0) + b"junk"),
    ("more than the limit when expanded (here 2,000 bytes)", gzip.compress(b"\n" * 5000, mtime=0)),
]

LABELS = [
    ("a label file that cannot be parsed", b"- band\n- song: [\n"),
    ("a label file that is not UTF-8", b"- caf\xe9\n"),
    ("a label file without a list", b"band and song\n"),
    ("a label file without labels", b"# none yet\n"),
    ("more than 10,000 labels", b"".join(b"- n%d\n" % number for number in range(10_001))),
    ("a label file over 32 MiB", b"#" * (32 * 1024 * 1024 + 1)),
    ("a label that is a list", b"- band\n- [song]\n"),
    ("a label without a name", b"- band\n- description: a piece of music\n"),
    ("a name that YAML reads as something else", b"- band\n- no\n"),
    ("a blank name", b"- band\n- name: ' '\n"),
    ("a name used twice", b"- band\n- song\n- band\n"),
    ("a NUL character in a name", b'["ba\\u0000nd"]'),
    ("half a surrogate pair in a description", b'[{"name": "band", "description": "\\ud83c"}]'),
    ("a description that is no string", b"- name: band\n  description: [group]\n"),
    ("a threshold outside 0 to 1", b"- name: band\n  threshold: 40\n"),
    ("a misspelt key", b"- name: band\n  descripton: a music group\n"),
    ("an unknown key", b"- name: band\n  colour: red\n"),
]


def rows(heading: str) -> dict[str, tuple[str, str, str]]:
    """The table under a heading: what went in -> message, exit code, what was kept."""
    section = PAGE.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in section.splitlines() if row[:1] == "|"]
    return {what: (re.sub(r"^``? ?| ?``?$", "", message), code, kept) for what, message, code, kept in cells[2:]}


def corpus_of(data: bytes | None) -> tuple[bytes, Limits]:
    if data is None:
        return b'{"id": "' + b"x" * 600 + b'", "text": "hello"}', Limits()
    return data, LIMITS


@pytest.mark.parametrize(("what", "data"), CORPORA, ids=[what for what, _ in CORPORA])
def test_a_corpus_of_the_page(tmp_path: Path, what: str, data: bytes | None) -> None:
    content, limits = corpus_of(data)
    with pytest.raises(CorpusError) as caught:
        ingest(io.BytesIO(content), BlobStore(tmp_path), limits)
    assert rows("Corpora")[what] == (str(caught.value), "2", "nothing")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("what", "data"), LABELS, ids=[what for what, _ in LABELS])
def test_a_label_file_of_the_page(tmp_path: Path, what: str, data: bytes) -> None:
    path = tmp_path / "labels"
    path.write_bytes(data)
    with pytest.raises(CorpusError) as caught:
        load_labels(path)
    assert rows("Labels")[what] == (str(caught.value), "2", "nothing")


def test_the_page_has_no_row_that_is_not_tried() -> None:
    assert list(rows("Corpora")) == [what for what, _ in CORPORA]
    assert list(rows("Labels")) == [what for what, _ in LABELS]
