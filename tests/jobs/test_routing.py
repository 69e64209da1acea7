"""Which queue a job waits in, and in which pieces it is done."""

from __future__ import annotations

import pytest

from jobs.routing import pieces, queue_for
from jobs.states import JobKind
from tests.jobs.building import ranges


@pytest.mark.parametrize(
    ("kind", "engine", "queue"),
    [
        (JobKind.TAG, "biencoder", "tag"),
        (JobKind.TAG, "llm", "llm"),
        (JobKind.TAG, "cascade", "llm"),
        (JobKind.TYPE, "typer", "tag"),
        (JobKind.ADAPT, "llm", "adapt"),
    ],
)
def test_the_queue_of_a_job(kind: JobKind, engine: str, queue: str) -> None:
    assert queue_for(kind, engine) == queue


def test_a_corpus_is_tagged_chunk_by_chunk() -> None:
    assert pieces(JobKind.TAG, 60, ranges(3, 2)) == ranges(3, 2)


def test_an_adaptation_is_one_piece() -> None:
    (piece,) = pieces(JobKind.ADAPT, 60, ranges(3, 2))

    assert (piece.seq, piece.byte_start, piece.byte_end, piece.first_line, piece.documents) == (0, 0, 60, 1, 1)
