"""Label files: the shapes that are read, each refusal with its label, line and value, and the warnings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from corpora.errors import InvalidLabels
from corpora.labels import MAX_LABELS, LabelFile, load_labels, parse_labels
from models.types import Label

if TYPE_CHECKING:
    from pathlib import Path

BAND = Label(name="band", description="a music group", threshold=0.4)
SONG = Label(name="song", description="a piece of music")


def loaded(folder: Path, text: str | bytes) -> LabelFile:
    path = folder / "labels.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load_labels(path)


def refused(folder: Path, text: str | bytes) -> InvalidLabels:
    with pytest.raises(InvalidLabels) as caught:
        loaded(folder, text)
    return caught.value


@pytest.mark.parametrize(
    "text",
    [
        "- {name: band, description: a music group, threshold: 0.4}\n- name: song\n  description: a piece of music\n",
        '[{"name": "band", "description": "a music group", "threshold": 0.4},\n'
        '\t{"name": "song", "description": "a piece of music"}]',
        "\ufeff# labels\n- name: ' band '\n  description: a music group\n  threshold: 0.4\n"
        "- {name: song, description: a piece of music, threshold: null}\n",
    ],
)
def test_lists_of_objects_in_yaml_and_json(tmp_path: Path, text: str) -> None:
    assert loaded(tmp_path, text) == LabelFile(labels=(BAND, SONG), warnings=())


def test_a_mapping_from_name_to_description(tmp_path: Path) -> None:
    expected = (Label(name="band", description="a music group"), SONG)
    assert loaded(tmp_path, "band: a music group\nsong: a piece of music\n").labels == expected
    assert parse_labels({"band": "a music group", "song": "a piece of music"}).labels == expected


def test_a_plain_list_of_names_warns_that_descriptions_help(tmp_path: Path) -> None:
    read = loaded(tmp_path, "- band\n- song\n")
    assert read.labels == (Label(name="band"), Label(name="song"))
    assert [warning.split(";")[0] for warning in read.warnings] == [
        "label 'band' has no description",
        "label 'song' has no description",
    ]


def test_json_escapes_beyond_the_basic_plane(tmp_path: Path) -> None:
    assert loaded(tmp_path, json.dumps(["band 🎸"])).labels[0].name == "band 🎸"


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("- band\n- name: ' '\n", "blank_name", "line 2: the name of label 2 is ' '; give it a name"),
        ("- band\n- no\n", "name_not_a_string", "line 2: the name of label 2 is false, not a string"),
        ("- name: 12\n", "name_not_a_string", "line 1: the name of label 1 is 12, not a string"),
        ("1: one\n", "name_not_a_string", "line 1: the name of label 1 is 1, not a string"),
        ("- description: x\n", "missing_name", "line 1: label 1 has no \"name\": {'description': 'x'}"),
        ("- [a]\n", "label_not_an_object", "line 1: label 1 is ['a'], not a name or an object"),
        ("- \n- b\n", "label_not_an_object", "line 1: label 1 is null, not a name"),
        (
            "- a\n\n- b\n- a\n",
            "duplicate_name",
            "line 4: the name of label 3, 'a', was used before, by label 1",
        ),
        (
            "a: x\nb: y\na: z\n",
            "duplicate_name",
            "line 3: the name of label 3, 'a', was used before, by label 1",
        ),
        ('{"a": "x",\n"a": "y"}', "duplicate_name", "line 2: the name of label 2, 'a', was used before"),
        ("- a\n- ' a '\n", "duplicate_name", "line 2: the name of label 2, 'a', was used before, by label 1"),
        (
            "- {name: a, threshold: 1.5}\n",
            "bad_threshold",
            "line 1: the threshold of label 1 is 1.5, not a number",
        ),
        ("- {name: a, threshold: -0.1}\n", "bad_threshold", "label 1 is -0.1, not a number from 0 to 1"),
        ("- {name: a, threshold: .nan}\n", "bad_threshold", "label 1 is nan, not"),
        ("- {name: a, threshold: yes}\n", "bad_threshold", "label 1 is true, not"),
        ("- {name: a, threshold: '0.5'}\n", "bad_threshold", "label 1 is '0.5', not"),
        ("- {name: a, descripton: x}\n", "unknown_key", "key 'descripton'; did you mean 'description'?"),
        (
            "- {name: a, colour: x}\n",
            "unknown_key",
            "key 'colour'; the keys are name, description, threshold",
        ),
        (
            "- {name: a, description: [x]}\n",
            "bad_description",
            "description of label 1 is ['x'], not a string",
        ),
        ('["a\\u0000"]', "nul_character", "line 1: the name of label 1 has a NUL"),
        (
            '[{"name": "a", "description": "\\ud800"}]',
            "lone_surrogate",
            "the description of label 1 has half",
        ),
        ("just words\n", "not_a_list", "'just words' is not a list of labels"),
        ("", "no_labels", "there are no labels"),
        ("[]", "no_labels", "there are no labels"),
        ("{}", "no_labels", "there are no labels"),
        ("# nothing\n", "no_labels", "there are no labels"),
        ("- a\n- b: [\n", "bad_yaml", "line 3: the label file is neither YAML nor JSON"),
        ("- a\n- 2024-13-45\n", "bad_yaml", "month must be in 1..12"),
        ("- !!python/name:os.system x\n", "bad_yaml", "could not determine a constructor"),
        ("[" * 5000, "bad_yaml", "the label file is neither YAML nor JSON"),
        (b"- caf\xe9\n", "invalid_utf8", "byte 0xe9 at position 5 is not UTF-8"),
    ],
)
def test_refusals(tmp_path: Path, text: str | bytes, code: str, message: str) -> None:
    (problem,) = refused(tmp_path, text).problems
    assert problem.code == code
    assert message in problem.message


def test_json_problems_have_lines_too(tmp_path: Path) -> None:
    error = refused(tmp_path, '[\n  {"name": "a"},\n  {"name": ""},\n  {"name": "a"}\n]')
    assert [(problem.line, problem.code) for problem in error.problems] == [
        (3, "blank_name"),
        (4, "duplicate_name"),
    ]


def test_parsed_data_has_no_lines() -> None:
    with pytest.raises(InvalidLabels) as caught:
        parse_labels([{"name": "a"}, {"nam": "b"}])
    (problem,) = caught.value.problems
    assert problem.line is None
    assert problem.message.startswith("label 2 has the unknown key 'nam'; did you mean 'name'?")


@pytest.mark.parametrize("value", ["band", 3, None, [], {}])
def test_parsed_data_of_no_use(value: object) -> None:
    with pytest.raises(InvalidLabels):
        parse_labels(value)


def test_all_problems_are_counted_and_twenty_kept() -> None:
    with pytest.raises(InvalidLabels) as caught:
        parse_labels([""] * 50)
    assert (len(caught.value.problems), caught.value.total) == (20, 50)


def test_the_number_of_labels_is_limited() -> None:
    names = [f"label {i}" for i in range(MAX_LABELS + 1)]
    assert len(parse_labels(names[:-1]).labels) == MAX_LABELS
    with pytest.raises(InvalidLabels, match="there are 10,001 labels, over the limit of 10,000"):
        parse_labels(names)


def test_values_that_explode_when_printed_are_cut(tmp_path: Path) -> None:
    # Given a file whose aliases unfold into billions of items
    rows = ["- &a0 [x, x, x, x, x, x, x, x, x]"]
    rows += [f"- &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    # When it is refused, then each message is short
    error = refused(tmp_path, "\n".join(rows))
    assert all(len(problem.message) < 200 for problem in error.problems)
    (huge,) = refused(tmp_path, f"- {{name: a, threshold: 0x{'f' * 9000}}}").problems
    assert "a int too long to show" in huge.message


def test_warnings_about_labels_that_can_be_confused() -> None:
    read = parse_labels(
        [
            {"name": "Band", "description": "A group"},
            {"name": "band", "description": "a group"},
            {"name": "song", "description": "s" * 2001},
        ]
    )
    assert list(read.warnings) == [
        "the description of label 'song' has 2,001 characters; the encoder will cut it",
        "labels 'Band' and 'band' have the same description; say how they differ",
        "labels 'Band' and 'band' differ only by case; use one, or names that differ",
    ]
