"""Tokens: their form, what is kept of them, and that no two are alike."""

from __future__ import annotations

import hashlib
import re

import pytest

from jobs.keys import digest, is_key_id, is_token, new_key


def test_a_token_shows_its_keys_id_and_32_random_bytes() -> None:
    key_id, token = new_key()

    assert re.fullmatch(r"tw_[a-z2-7]{10}_[A-Za-z0-9_-]{43}", token)
    assert token.startswith(f"tw_{key_id.removeprefix('key_')}_")
    assert is_token(token)
    assert is_key_id(key_id)


def test_no_two_keys_are_alike() -> None:
    made = [new_key() for _ in range(200)]

    assert len({key_id for key_id, _ in made}) == len({token[13:] for _, token in made}) == 200


def test_what_is_kept_is_a_hash() -> None:
    _, token = new_key()

    assert digest(token) == hashlib.sha256(token.encode()).hexdigest()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tw_",
        "tw_" + "a" * 10 + "_" + "x" * 42,
        "tw_" + "a" * 10 + "_" + "x" * 44,
        "tw_" + "A" * 10 + "_" + "x" * 43,
        "tw_" + "a" * 10 + "_" + "x" * 43 + "\n",
        "tw_" + "a" * 10 + "_" + "x" * 42 + "é",
        "tw_" + "a" * 10 + "_" + "x" * 42 + "\0",
        "key_" + "a" * 10,
        "x" * 10_000,
    ],
)
def test_what_is_no_token(text: str) -> None:
    assert not is_token(text)


@pytest.mark.parametrize("text", ["", "key_", "key_" + "1" * 10, "key_" + "a" * 11, "key_aaaaaaaaa\0", "a" * 14])
def test_what_is_no_id_of_a_key(text: str) -> None:
    assert not is_key_id(text)
