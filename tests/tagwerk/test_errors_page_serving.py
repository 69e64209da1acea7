"""The page on errors: every row on serving happens, word for word, and none is missing."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tagwerk.serving import listen
from tests.corpora.test_errors_page import rows
from tests.tagwerk.test_errors_page import Case, said

if TYPE_CHECKING:
    from tests.tagwerk.conftest import Tagwerk

#: Here stands a port that somebody else listens on.
TAKEN = "TAKEN"
CASES = [
    Case(what="revoking a key that is not there", words=("keys", "revoke", "key_aaaaaaaaaa")),
    Case(what="a port that is taken", words=("serve", "--port", TAKEN)),
    Case(what="a host that is another machine's", words=("serve", "--host", "192.0.2.1", "--port", "8000")),
    Case(
        what="serving on some services and not others",
        words=("serve", "--port", "0"),
        settings={"TAGWERK_BROKER_URL": "redis://127.0.0.1:1/0"},
    ),
    Case(what="Flower for other machines without a password", words=("flower", "--host", "0.0.0.0")),
    Case(
        what="a password for Flower without a user",
        words=("flower",),
        settings={"TAGWERK_FLOWER_BASIC_AUTH": "secret"},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_a_refusal_of_the_page(tagwerk: Tagwerk, monkeypatch: pytest.MonkeyPatch, case: Case) -> None:
    for name, value in case.settings.items():
        monkeypatch.setenv(name, value)

    with closing(listen("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = tagwerk(*(port if word == TAKEN else word for word in case.words))

    message = said(ended.err).replace(f":{port}:", ":8000:")
    assert (message, str(ended.code), "nothing") == rows("Serving")[case.what]
    assert ended.out == ""


def test_flower_says_of_a_port_that_is_taken_what_serve_says(tagwerk: Tagwerk) -> None:
    with closing(listen("127.0.0.1", 0)) as taken:
        ended = tagwerk("flower", "--port", taken.getsockname()[1])

    assert ended.code == 1
    assert "Address already in use; choose another --port" in ended.err


def test_the_page_has_no_row_that_is_not_tried() -> None:
    assert list(rows("Serving")) == [case.what for case in CASES]
