"""Commands by way of a server: the same output, files, messages and exit codes as without one."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.tagwerk.server import working
from tests.tagwerk.test_client import DOCUMENTS, LINES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.tagwerk.conftest import Ended, Tagwerk
    from tests.tagwerk.server import Server

LABELS = "- name: band\n  description: a group\n- song\n"
#: What differs between two jobs over one corpus.
OWN = (r"job_\w+", r"\d\d\d\d-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+\+00:00)?")


class Ways:
    """One ledger, reached directly and through its server."""

    def __init__(self, tagwerk: Tagwerk, server: Server, patch: pytest.MonkeyPatch) -> None:
        self._tagwerk, self._server, self._patch = tagwerk, server, patch

    def directly(self, *words: object, **more: bytes) -> Ended:
        """Run a command on the ledger itself."""
        with self._patch.context() as patch:
            for name, value in self._server.settings.items():
                patch.setenv(name, value)
            return self._tagwerk(*words, **more)

    def remotely(self, *words: object, **more: bytes) -> Ended:
        """Run it on the server that the environment names."""
        with self._patch.context() as patch:
            patch.setenv("TAGWERK_URL", self._server.url)
            patch.setenv("TAGWERK_KEY", self._server.key)
            return self._tagwerk(*words, **more)


@pytest.fixture
def ways(tagwerk: Tagwerk, house: Server, monkeypatch: pytest.MonkeyPatch) -> Ways:
    """Both ways to one ledger."""
    return Ways(tagwerk, house, monkeypatch)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands run, with a corpus and labels."""
    (tmp_path / "corpus.jsonl").write_bytes(LINES)
    (tmp_path / "labels.yaml").write_text(LABELS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def masked(text: str) -> str:
    for pattern in OWN:
        text = re.sub(pattern, "...", text)
    return text


def alike(one: Ended, other: Ended) -> None:
    assert (other.code, masked(other.out), masked(other.err)) == (one.code, masked(one.out), masked(one.err))


TAG = ("tag", "corpus.jsonl", "-l", "labels.yaml")


@pytest.mark.parametrize("more", [(), ("--json",), ("--utf16",), ("--name", "mine"), ("-o", "out.jsonl")], ids=" ".join)
def test_tagging_gives_the_same(ways: Ways, house: Server, folder: Path, more: tuple[str, ...]) -> None:
    target, files = folder / "out.jsonl", []
    ended = []
    with working(house.ledger, house.blobs, failed={"b"}):
        for way in (ways.directly, ways.remotely):
            ended.append(way(*TAG, *more))
            files.append(target.read_bytes() if target.exists() else b"")
            target.unlink(missing_ok=True)

    alike(*ended)
    assert ended[0].code == 0
    assert ended[0].out or files[0]
    assert files[0] == files[1]
    assert ended[1].err.count("warning: ") == 1


def test_evaluating_gives_the_same(ways: Ways, house: Server) -> None:
    words = ("evaluate", "corpus.jsonl", "-l", "labels.yaml")
    with working(house.ledger, house.blobs):
        for more in ((), ("--json",)):
            alike(ways.directly(*words, *more), ways.remotely(*words, *more))
        assert json.loads(ways.remotely(*words, "--json").out)["recall"] == 1


def test_looking_at_jobs_gives_the_same(ways: Ways, house: Server, folder: Path) -> None:
    # Given a job of either way, one of them done
    done = ways.remotely(*TAG, "--detach").out.strip()
    house.work(failed={"b"}, escalated={"c"})
    waiting = ways.directly(*TAG, "--detach").out.strip()

    # Then whoever looks sees the same, to the letter
    looks: list[tuple[str, ...]] = [("list",), ("list", "--json"), ("list", "--limit", "1")]
    looks += [("show", job, *more) for job in (done, waiting) for more in ((), ("--json",))]
    looks += [("results", job, *more) for job in (done, waiting) for more in ((), ("--utf16",))]
    looks += [("watch", done), ("cancel", done), ("retry", waiting), ("show", "job_x"), ("results", "job_x")]
    for words in looks:
        one, other = ways.directly("jobs", *words), ways.remotely("jobs", *words)
        assert (one.code, one.out, one.err) == (other.code, other.out, other.err), words
    assert done in ways.remotely("jobs", "list").out


def test_stopping_and_retrying_give_the_same(ways: Ways, house: Server) -> None:
    jobs = [ways.directly(*TAG, "--detach").out.strip() for _ in range(2)]

    alike(ways.directly("jobs", "cancel", jobs[0]), ways.remotely("jobs", "cancel", jobs[1]))
    alike(
        *(way("jobs", "retry", job, "--detach") for way, job in zip((ways.directly, ways.remotely), jobs, strict=True))
    )
    with working(house.ledger, house.blobs):
        alike(*(way("jobs", "retry", job) for way, job in zip((ways.directly, ways.remotely), jobs, strict=True)))


@pytest.mark.parametrize("more", [(), ("--json",)], ids=" ".join)
def test_the_taggers_are_the_same(ways: Ways, more: tuple[str, ...]) -> None:
    alike(ways.directly("taggers", *more), ways.remotely("taggers", *more))


def test_before_the_first_job_the_list_says_so(
    tagwerk: Tagwerk, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAGWERK_KEY", server.key)

    alike(tagwerk("jobs", "list"), tagwerk("jobs", "list", "--server", server.url))


@pytest.mark.parametrize(
    ("words", "corpus"),
    [
        (TAG, "{}\n" * 25),
        (TAG, ""),
        ((*TAG, "--tagger", "music@3"), "{}\n"),
        ((*TAG, "--engine", "magic"), None),
        (("tag", "corpse.jsonl", "-l", "labels.yaml"), None),
        (("tag", "corpus.jsonl", "-l", "label.yaml"), None),
        ((*TAG, "-o", "nowhere/out.jsonl"), None),
    ],
    ids=["bad lines", "empty", "tagger", "engine", "corpus", "labels", "output"],
)
def test_what_is_wrong_is_said_alike(ways: Ways, folder: Path, words: tuple[str, ...], corpus: str | None) -> None:
    if corpus is not None:
        (folder / "corpus.jsonl").write_text(corpus)

    one, other = ways.directly(*words), ways.remotely(*words)

    alike(one, other)
    assert (other.code, other.out) == (2, "")


def test_standard_input_goes_to_a_server(ways: Ways, house: Server) -> None:
    job = ways.remotely("tag", "-", "-l", "labels.yaml", "--detach", stdin=LINES).out.strip()

    assert house.ledger.job(job).total == len(DOCUMENTS)


def test_a_server_that_is_named_is_named_in_what_is_said(
    tagwerk: Tagwerk, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAGWERK_KEY", server.key)
    option = ("--server", server.url)
    with working(server.ledger, server.blobs):
        ended = tagwerk(*TAG, *option)

    assert f"`tagwerk jobs watch job_{ended.err.split('job_')[1][:20]} --server {server.url}`" in ended.err
    assert tagwerk("jobs", "list", *option).out
    assert tagwerk("taggers", *option).out
