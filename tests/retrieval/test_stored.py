"""Example sets on disk: the same after loading, and refused when damaged or incomplete."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from retrieval import stored
from retrieval.errors import BadExampleSet
from tests.retrieval.building import example_set

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_loaded_is_what_was_saved(tmp_path: Path) -> None:
    examples = example_set([3, 1, 5])

    stored.save(tmp_path / "a" / "set", examples)
    found = stored.load(tmp_path / "a" / "set")

    assert found.documents == examples.documents
    assert (found.key, found.fingerprint) == (examples.key, examples.fingerprint)
    for name in ("bounds", "words", "vectors"):
        assert np.array_equal(getattr(found, name), getattr(examples, name))
        assert getattr(found, name).dtype == getattr(examples, name).dtype
    assert sorted(path.name for path in (tmp_path / "a").rglob("*")) == ["examples.jsonl", "set", "vectors.safetensors"]
    assert (tmp_path / "a" / "set" / stored.VECTORS).stat().st_mode & 0o777 == 0o644


def test_a_set_is_written_once(tmp_path: Path) -> None:
    stored.save(tmp_path / "set", example_set([2]))

    with pytest.raises(BadExampleSet, match="never written twice"):
        stored.save(tmp_path / "set", example_set([3]))

    assert len(stored.load(tmp_path / "set").words) == 2


def test_what_a_killed_writer_left_is_no_hindrance(tmp_path: Path) -> None:
    left = tmp_path / ".set.partial"
    left.mkdir()
    (left / "rubbish").write_text("x")

    stored.save(tmp_path / "set", example_set([2]))

    assert not left.exists()
    assert not (tmp_path / "set" / "rubbish").exists()


@pytest.mark.parametrize("name", [stored.DOCUMENTS, stored.VECTORS])
def test_a_missing_file_is_said(tmp_path: Path, name: str) -> None:
    stored.save(tmp_path / "set", example_set([2, 3]))
    (tmp_path / "set" / name).unlink()

    with pytest.raises(BadExampleSet, match="not an example set") as raised:
        stored.load(tmp_path / "set")

    assert raised.value.permanent


@pytest.mark.parametrize("name", [stored.DOCUMENTS, stored.VECTORS])
@pytest.mark.parametrize("place", [0.01, 0.3, 0.6, 0.99])
def test_a_damaged_byte_is_seen(tmp_path: Path, name: str, place: float) -> None:
    stored.save(tmp_path / "set", example_set([2, 3, 4]))
    path = tmp_path / "set" / name
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 0x04
    path.write_bytes(content)

    with pytest.raises(BadExampleSet):
        stored.load(tmp_path / "set")


@pytest.mark.parametrize("name", [stored.DOCUMENTS, stored.VECTORS])
def test_a_file_of_another_set_is_seen(tmp_path: Path, name: str) -> None:
    stored.save(tmp_path / "one", example_set([2, 3]))
    stored.save(tmp_path / "two", example_set([3, 2]))
    (tmp_path / "two" / name).replace(tmp_path / "one" / name)

    with pytest.raises(BadExampleSet, match="is not what it says"):
        stored.load(tmp_path / "one")
