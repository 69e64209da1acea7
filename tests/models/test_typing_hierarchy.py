"""Type files: names, paths and descriptions become words and a hierarchy; what is wrong is told with line and value."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import InvalidTypes
from models.typing_hierarchy import TypeTree, read_types, tree_of, words_of

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
