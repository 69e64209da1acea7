"""Where the embedded stack's state lies."""

from __future__ import annotations

from pathlib import Path

import pytest

from tagwerk.settings import FaceSettings


def test_home_is_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAGWERK_HOME", "/srv/tagwerk")

    assert FaceSettings().home == Path("/srv/tagwerk")


@pytest.mark.parametrize("value", [None, ""])
def test_without_a_word_it_is_a_folder_of_the_user(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.delenv("TAGWERK_HOME")
    if value is not None:
        monkeypatch.setenv("TAGWERK_HOME", value)

    assert FaceSettings().home == Path("/home/ada/.tagwerk")
