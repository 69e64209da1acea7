"""What taggers are called."""

from __future__ import annotations

import pytest

from jobs.errors import BadTaggerName
from jobs.tagger_names import check_name, is_versioned, parts, shipped, versioned


@pytest.mark.parametrize("name", ["music", "m", "0", "a_b-c", "x" * 64])
def test_a_name_that_may_be(name: str) -> None:
    assert check_name(name) == name
    assert parts(name) == (name, None)
    assert parts(versioned(name, 12)) == (name, 12)


@pytest.mark.parametrize("name", ["", "Music", "-m", "_m", "music@3", "x" * 65, "mu sic", "müsic", "music\n", "a\0"])
def test_a_name_that_cannot_be(name: str) -> None:
    with pytest.raises(BadTaggerName, match="use 1 to 64 of a-z, 0-9, _ and -"):
        check_name(name)


def test_the_names_of_shipped_taggers_are_taken() -> None:
    assert "default" in shipped()
    for name in shipped():
        with pytest.raises(BadTaggerName, match="ships with the project"):
            check_name(name)


@pytest.mark.parametrize("asked", ["music@0", "music@01", "music@", "music@-1", "music@1@2", "music@1234567890", "@3"])
def test_what_no_tagger_can_be_called(asked: str) -> None:
    assert parts(asked) is None
    assert not is_versioned(asked)


def test_a_full_name_has_a_version() -> None:
    assert is_versioned("music@3")
    assert not is_versioned("music")
