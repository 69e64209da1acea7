"""Jobs and scores in words, in values for machines, and in tables."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from jobs.records import StoredEvent
from jobs.states import JobKind, JobState, TaggerState
from jobs.taggers import TaggerEntry
from models.scores import Scorer
from models.types import Span
from tagwerk.summary import demo_table, ended, happened, job_facts, job_table, score_table, tagger_table
from tests.tagwerk.views import NOON, done, view

if TYPE_CHECKING:
    from rich.table import Table


def cells(table: Table) -> list[list[str]]:
    """The words of each row, as they are printed where there is room."""
    console = Console(file=io.StringIO(), width=500, markup=False)
    with console.capture() as printed:
        console.print(table)
    return [row.split() for row in printed.get().splitlines()]


def scored() -> Scorer:
    """Two bands in truth, three found, one of them right; and a venue that is found."""
    scorer = Scorer()
    spans = [Span(start=n, end=n + 1, label="band", score=1.0) for n in range(4)]
    venue = Span(start=9, end=12, label="venue", score=1.0)
    scorer.add([spans[0], spans[1], venue], [spans[0], spans[2], spans[3], venue])
    return scorer


@pytest.mark.parametrize(
    ("job", "words"),
    [
        (done("job_a", 10, state=JobState.COMPLETED), "job_a completed: 10 of 10 documents tagged"),
        (
            view(total=3000, completed=1500, failed=2, pending=1498, escalated=7),
            "job_a running: 1,500 of 3,000 documents tagged, 2 failed, 1,498 pending, 7 for a person",
        ),
        (
            view(state=JobState.FAILED, total=None, pending=0, error={"code": "x", "message": "line 1: no id"}),
            "job_a failed: 0 of 0 documents tagged, line 1: no id",
        ),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_a_job_in_a_line(job: object, words: str) -> None:
    assert ended(job) == words  # type: ignore[arg-type]


def test_the_facts_of_a_job_are_json_with_moments_in_utc() -> None:
    facts = json.loads(json.dumps(job_facts(view(running_at=NOON, parent_id="job_p"))))

    assert (facts["id"], facts["kind"], facts["state"], facts["parent"]) == ("job_a", "tag", "running", "job_p")
    assert facts["total"] == facts["pending"] + facts["completed"] + facts["failed"]
    assert facts["running_at"] == "2026-03-01T12:00:00+00:00"
    assert facts["completed_at"] is None


def test_the_newest_jobs_are_rows() -> None:
    jobs = [done("job_b", 4, escalated=1), done("job_a", 1, name=None)]

    assert cells(job_table(jobs))[1:] == [
        ["job_b", "running", "corpus.jsonl", "4", "0", "6", "1", "2026-03-01", "12:00:00"],
        ["job_a", "running", "1", "0", "9", "0", "2026-03-01", "12:00:00"],
    ]


def test_scores_are_per_cent_by_label_and_in_all() -> None:
    assert cells(score_table(scored())) == [
        ["label", "precision", "recall", "F1", "gold"],
        ["band", "33.3", "50.0", "40.0", "2"],
        ["venue", "100.0", "100.0", "100.0", "1"],
        ["all", "50.0", "66.7", "57.1", "3"],
    ]


def test_the_demo_says_of_each_corpus_what_was_found_and_what_is_for_people() -> None:
    rows = cells(demo_table([("music", done("job_a", 10, escalated=3), scored())]))

    assert rows[1] == ["music", "10", "4", "50.0", "66.7", "57.1", "3"]


def test_taggers_are_rows_whatever_is_known_of_them() -> None:
    def entry(name: str, **known: Any) -> TaggerEntry:  # noqa: ANN401 -- any field of an entry
        return TaggerEntry(**({"name": name, "engine": "biencoder", "base": "mini", "receipt": {}} | known))

    made = {"state": TaggerState.PROMOTED, "created_at": NOON, "receipt": {"after": {"f1": 0.7}}}
    entries = [entry("default", receipt={"held_out_f1": 0.2654}), entry("mine"), entry("music@2", **made)]

    assert cells(tagger_table(entries)) == [
        ["tagger", "state", "engine", "base", "held-out", "F1", "made"],
        ["default", "biencoder", "mini", "0.265"],
        ["mine", "biencoder", "mini"],
        ["music@2", "promoted", "biencoder", "mini", "0.700", "2026-03-01", "12:00:00"],
    ]


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"completed": 1, "state": JobState.COMPLETED}, "job_a completed: a tagger was made"),
        ({"failed": 1, "state": JobState.CANCELLED}, "job_a cancelled: no tagger was made"),
        ({"pending": 1}, "job_a running: a tagger is being made"),
        (
            {"pending": 1, "progress": {"stage": "judging", "share": 0.251}},
            "job_a running: a tagger is being made, judging 25 %",
        ),
        (
            {"failed": 1, "state": JobState.FAILED, "error": {"code": "x", "message": "line 1: no"}},
            "job_a failed: no tagger was made, line 1: no",
        ),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_an_adaptation_in_a_line(chosen: dict[str, Any], words: str) -> None:
    assert ended(view(kind=JobKind.ADAPT, **({"total": 1, "pending": 0} | chosen))) == words


def test_an_event_in_a_few_words() -> None:
    def event(name: str, data: dict[str, Any]) -> StoredEvent:
        return StoredEvent(id=1, at=NOON, name=name, from_state=None, to_state=JobState.RUNNING, data=data)

    assert happened(event("started", {})) == "started"
    assert happened(event("progress", {"stage": "judging", "share": 0.251})) == "progress: judging 25 %"
