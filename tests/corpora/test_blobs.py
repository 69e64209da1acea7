"""Stored corpora: whole or not at all, named by content, read in ranges."""

from __future__ import annotations

import hashlib
import os
import time
from typing import TYPE_CHECKING

import pytest

from corpora.blobs import BlobStore
from corpora.errors import DamagedBlob, UnknownBlob

if TYPE_CHECKING:
    from pathlib import Path


def stored(blobs: BlobStore, *parts: bytes) -> str:
    with blobs.writer() as writer:
        for part in parts:
            writer.write(part)
        return writer.commit()


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "deep" / "blobs")


def test_a_blob_is_named_by_its_content(blobs: BlobStore) -> None:
    key = stored(blobs, b"hello ", b"there")
    assert key == hashlib.sha256(b"hello there").hexdigest()
    assert blobs.exists(key)
    assert blobs.path(key).read_bytes() == b"hello there"


def test_the_same_content_is_stored_once(blobs: BlobStore) -> None:
    assert stored(blobs, b"same") == stored(blobs, b"sa", b"me")
    assert len(list(blobs.root.iterdir())) == 1


def test_ranges(blobs: BlobStore) -> None:
    key = stored(blobs, b"0123456789")
    assert blobs.open_range(key, 0, 10) == b"0123456789"
    assert blobs.open_range(key, 3, 5) == b"34"


def test_nothing_is_visible_before_commit_and_nothing_stays_without_it(blobs: BlobStore) -> None:
    key = hashlib.sha256(b"abc").hexdigest()
    with blobs.writer() as writer:
        writer.write(b"abc")
        assert not blobs.exists(key)
    assert list(blobs.root.iterdir()) == []


def test_a_failure_while_writing_leaves_nothing(blobs: BlobStore) -> None:
    # Given a caller that fails after it has written
    def write_and_fail() -> None:
        with blobs.writer() as writer:
            writer.write(b"abc")
            raise RuntimeError("disk")

    # When it runs
    with pytest.raises(RuntimeError, match="disk"):
        write_and_fail()
    # Then neither blob nor temporary file is left
    assert list(blobs.root.iterdir()) == []


def test_a_range_past_the_end_is_damage(blobs: BlobStore) -> None:
    key = stored(blobs, b"0123")
    with pytest.raises(DamagedBlob, match="bytes 2 to 9 were wanted, 2 are there"):
        blobs.open_range(key, 2, 9)


@pytest.mark.parametrize("key", ["../secret", "", "a" * 63, "A" * 64, "g" * 64, "a" * 64 + "\n"])
def test_what_cannot_be_a_key_never_becomes_a_path(blobs: BlobStore, key: str) -> None:
    with pytest.raises(UnknownBlob):
        blobs.path(key)


def test_a_missing_blob_is_unknown(blobs: BlobStore) -> None:
    assert not blobs.exists("0" * 64)
    with pytest.raises(UnknownBlob, match="TAGWERK_BLOBS"):
        blobs.open_range("0" * 64, 0, 1)


def test_sweep_takes_abandoned_temporary_files_alone(blobs: BlobStore) -> None:
    # Given a blob, a file abandoned an hour ago and one being written
    key = stored(blobs, b"kept")
    abandoned, active = blobs.root / "old.part", blobs.root / "new.part"
    abandoned.touch()
    active.touch()
    hour_ago = time.time() - 3600
    os.utime(abandoned, (hour_ago, hour_ago))
    os.utime(blobs.path(key), (hour_ago, hour_ago))
    # When files older than a minute are swept
    swept = blobs.sweep(older_than_s=60)
    # Then only the abandoned one is gone
    assert swept == 1
    assert not abandoned.exists()
    assert active.exists()
    assert blobs.exists(key)


def test_sweeping_a_folder_that_is_not_there_yet(blobs: BlobStore) -> None:
    assert blobs.sweep(older_than_s=0) == 0
