"""The page on errors: every row on type files happens, word for word, and none is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.errors import InvalidTypes
from models.typing_hierarchy import load_types
from tests.corpora.test_errors_page import rows

if TYPE_CHECKING:
    from pathlib import Path

TYPES = [
    ("a type file that cannot be parsed", b"- 'band\n"),
    ("a type file that is not UTF-8", b"- caf\xe9\n"),
    ("a type file over 32 MiB", b"#" * (32 * 1024 * 1024 + 1)),
    ("a type file without a list", b"band: a group\n"),
    ("a type file without types", b"# none yet\n"),
    ("more than 20,000 types", b"".join(b"- n%d\n" % number for number in range(20_001))),
    ("a type that is a list", b"- band\n- [song]\n"),
    ("a type without a name", b"- band\n- description: a piece of music\n"),
    ("a misspelt key of a type", b"- name: band\n  descripton: a group\n"),
    ("a value of a type that is no text", b"- name: band\n  words: [a, b]\n"),
    ("a character that no text has", b'["ba\\u0000nd"]'),
    ("a type listed twice", b"- band\n- song\n- band\n"),
    ("an unknown parent", b"- /person\n- /place/city\n"),
    ("a circle", b"- {name: band, parent: group}\n- {name: group, parent: band}\n"),
    ("two types with the same words", b"- jazz band\n- jazz_band\n"),
]


@pytest.mark.parametrize(("what", "data"), TYPES, ids=[what for what, _ in TYPES])
def test_a_type_file_of_the_page(tmp_path: Path, what: str, data: bytes) -> None:
    path = tmp_path / "types"
    path.write_bytes(data)
    with pytest.raises(InvalidTypes) as caught:
        load_types(path)
    assert rows("Types")[what] == (str(caught.value), "2", "nothing")


def test_the_page_has_no_row_that_is_not_tried() -> None:
    assert list(rows("Types")) == [what for what, _ in TYPES]
