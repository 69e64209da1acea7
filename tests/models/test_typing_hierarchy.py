"""Type files: names, paths and descriptions become words and a hierarchy; what is wrong is told with line and value."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import InvalidTypes
from models.typing_hierarchy import (
    MAX_FILE_BYTES,
    MAX_TYPES,
    TypeTree,
    load_types,
    parse_types,
    read_types,
    restored,
    stored,
    tree_of,
    words_of,
)

if TYPE_CHECKING:
    from pathlib import Path

PATHS = """
- /person
- /person/artist
- /person/artist/jazz_musician
- /organization
"""


def told(text: str) -> list[tuple[int | None, str, str]]:
    with pytest.raises(InvalidTypes) as caught:
        read_types(text)
    return [(each.line, each.code, each.message) for each in caught.value.findings.errors]


def names(tree: TypeTree, positions: set[int]) -> set[str]:
    return {tree.types[i].name for i in positions}


def test_a_path_is_known_by_its_last_words_and_closed_under_what_is_broader() -> None:
    tree = read_types(PATHS)
    assert tree.words == ("person", "artist", "jazz musician", "organization")
    assert names(tree, tree.closed({2})) == {"/person", "/person/artist", "/person/artist/jazz_musician"}
    assert names(tree, tree.narrowest({0, 1, 3})) == {"/person/artist", "/organization"}
    assert tree.positions(["/organization"]) == {3}


def test_names_descriptions_and_parents_may_be_mixed() -> None:
    tree = read_types("[band, {name: jazz band, description: plays jazz, parent: band}, {name: X, words: orchestra}]")
    assert tree.words == ("band", "jazz band: plays jazz", "orchestra")
    assert names(tree, tree.closed({1})) == {"band", "jazz band"}


def test_json_is_read_as_well() -> None:
    assert read_types(json.dumps(["/person", {"name": "/person/singer"}])).words == ("person", "singer")


def test_parents_that_nobody_lists_are_added_where_no_hierarchy_is_given() -> None:
    tree = read_types("[/person/artist/singer, /place/city]")
    assert {each.name for each in tree.types} == {
        "/person", "/person/artist", "/person/artist/singer", "/place", "/place/city",
    }  # fmt: skip


def test_a_set_says_other_words_for_its_types() -> None:
    tree = tree_of(["/location", "/location/GPE", "/organization"], {"/location/GPE": "country or city"})
    assert tree.words[-2:] == ("country or city", "organization")


@pytest.mark.parametrize(
    ("text", "line", "code", "value"),
    [
        ("- /person\n- /organization/band\n", 2, "unknown_parent", "'/organization'"),
        ("- {name: band, parent: group}\n", 1, "unknown_parent", "'group'"),
        ("- {name: a, parent: b}\n- {name: b, parent: a}\n", 1, "cycle", "'a' is a kind of itself"),
        ("- /a/b\n- /b/a\n", 1, "cycle", "'b' is a kind of itself"),
        ("- /art\n- /person\n- /art/music\n- /person/music\n", 4, "same_words", "'music' (first in line 3)"),
        ("- jazz band\n- jazz_band\n", 2, "same_words", "'jazz_band' and 'jazz band'"),
        ("- band\n- band\n", 2, "duplicate_type", "'band' is listed twice (first in line 1)"),
        ("- {nane: band}\n", 1, "unknown_key", "'nane'"),
        ("- {name: [band]}\n", 1, "not_text", "name"),
        ("- [band]\n", 1, "not_a_type", "a name, a path, or a mapping"),
        ("- ' '\n", 1, "no_name", "no name: ''"),
        ("band: yes\n", 1, "not_a_list", "- /person/musician"),
        ("- 'band\n", 2, "invalid_yaml", "neither YAML nor JSON"),
    ],
)
def test_what_is_wrong_is_told_with_line_and_value(text: str, line: int, code: str, value: str) -> None:
    [(found_line, found_code, message)] = told(text)
    assert (found_line, found_code) == (line, code)
    assert value in message
    assert message.startswith(f"line {line}: ")


@pytest.mark.parametrize("text", ["", "[]", "# nothing\n"])
def test_a_file_without_types_is_refused(text: str) -> None:
    [(line, code, message)] = told(text)
    assert (line, code) == (None, "no_types")
    assert "there are no types" in message


def test_all_problems_are_told_at_once_and_counted() -> None:
    with pytest.raises(InvalidTypes) as caught:
        read_types("- /person\n" + "".join(f"- /x{i}/y{i}\n" for i in range(30)))
    assert caught.value.details()["total"] == 30
    assert str(caught.value).endswith("and 10 more")


def test_a_long_value_is_cut() -> None:
    [(_, _, message)] = told(f"- /person\n- /x/{'y' * 500}\n")
    assert len(message) < 200


@given(st.lists(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=3, unique=True), min_size=1, max_size=8))
def test_a_tree_is_either_refused_or_closed_and_free_of_circles(paths: list[list[str]]) -> None:
    try:
        tree = tree_of(["/" + "/".join(path) for path in paths])
    except InvalidTypes:
        return
    for i, above in enumerate(tree.ancestors):
        assert i not in above
        assert tree.closed({i}) == {i, *above}
        assert tree.closed(tree.closed({i})) == tree.closed({i})
        assert tree.narrowest(tree.closed({i})) == {i}


def test_words_are_small_letters_without_marks() -> None:
    assert words_of("/product/mobile_phone") == "mobile phone"
    assert words_of("PlaceName") == "place name"
    assert words_of("well-known") == "well known"


def test_parsed_data_is_read_as_a_file_is_and_problems_name_the_type() -> None:
    tree = parse_types(["/person", {"name": "/person/singer", "description": "sings"}])

    assert tree == read_types("[/person, {name: /person/singer, description: sings}]")
    with pytest.raises(InvalidTypes) as caught:
        parse_types(["/person", "/place/city", 7, "/person"])
    assert [(each.line, each.code, each.message) for each in caught.value.findings.errors] == [
        (None, "not_a_type", "type 3: a type is a name, a path, or a mapping with a name"),
        (None, "duplicate_type", "type 4: '/person' is listed twice (first type 1)"),
        (None, "unknown_parent", "type 2: the parent of '/place/city', '/place', is not listed; add it"),
    ]


@pytest.mark.parametrize("value", [None, "band", {"band": "a group"}, 7])
def test_what_is_no_list_holds_no_types(value: object) -> None:
    with pytest.raises(InvalidTypes, match="types are a list"):
        parse_types(value)


def test_there_may_be_many_types_and_not_too_many() -> None:
    assert len(parse_types([f"kind {i}" for i in range(10_000)]).types) == 10_000
    names = [f"kind {i}" for i in range(MAX_TYPES + 1)]
    said = "there are 20,001 types, over the limit of 20,000; use several jobs"
    with pytest.raises(InvalidTypes, match=said):
        parse_types(names)
    with pytest.raises(InvalidTypes, match=said):
        read_types("\n".join(f"- {each}" for each in names))


def test_what_is_stored_is_the_same_tree_again() -> None:
    tree = read_types(
        "[/person/artist/singer, {name: /place/city, description: where people live}, {name: X, words: y}]"
    )

    assert restored(json.loads(json.dumps(stored(tree)))) == tree
    assert parse_types(stored(tree)) == tree


def test_a_file_is_read_in_utf8_with_or_without_a_mark(tmp_path: Path) -> None:
    path = tmp_path / "types.yaml"
    path.write_bytes(b"\xef\xbb\xbf- caf\xc3\xa9\n")
    assert load_types(path).words == ("café",)
    path.write_bytes(b"- caf\xe9\n")
    with pytest.raises(InvalidTypes, match="byte 0xe9 at position 5 is not UTF-8; save the file as UTF-8"):
        load_types(path)
    path.write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    with pytest.raises(InvalidTypes, match="the type file has over 33,554,432 bytes"):
        load_types(path)
