"""Commands by way of a server: the same output, files, messages and exit codes as without one."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.jobs.building import made_tagger
from tests.tagwerk.server import teaching, working
from tests.tagwerk.test_adapting import example
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


TYPED = (("type", "corpus.jsonl", "--types", "types.yaml"), (*TAG, "--types", "types.yaml", "--typer", "typer"))


@pytest.mark.parametrize("words", TYPED, ids=["type", "tag"])
def test_typing_gives_the_same_jobs(ways: Ways, house: Server, folder: Path, words: tuple[str, ...]) -> None:
    (folder / "types.yaml").write_text("- /person\n- {name: /person/singer, description: one who sings}\n")
    with working(house.ledger, house.blobs):
        for more in ((), ("--json",), ("--name", "mine"), ("--tagger", "typer" if words[0] == "type" else "default")):
            alike(ways.directly(*words, *more), ways.remotely(*words, *more))
    direct, remote = (house.ledger.job(way(*words, "--detach").out.strip()) for way in (ways.directly, ways.remotely))
    assert (direct.kind, direct.tagger, direct.engine) == (remote.kind, remote.tagger, remote.engine)
    assert (direct.options, direct.labels) == (remote.options, remote.labels)
    assert direct.options["types"][1] == {
        "name": "/person/singer",
        "words": "singer: one who sings",
        "parent": "/person",
    }


@pytest.mark.parametrize(
    "words",
    [
        ("type", "corpus.jsonl", "--types", "none.yaml"),
        ("type", "corpus.jsonl", "--types", "bad.yaml"),
        ("type", "corpus.jsonl", "--types", "types.yaml", "--tagger", "fine@1"),
        (*TAG, "--types", "types.yaml", "--typer", "fine@1"),
        (*TAG, "--typer", "typer"),
        ("adapt", "corpus.jsonl", "--types", "types.yaml", "-n", "fine"),
        ("adapt", "corpus.jsonl", "--types", "types.yaml", "-n", "fine", "--method", "extend"),
    ],
    ids=lambda words: " ".join(words[2:]),
)
def test_types_that_cannot_be_are_refused_alike(ways: Ways, folder: Path, words: tuple[str, ...]) -> None:
    (folder / "types.yaml").write_text("- /person\n")
    (folder / "bad.yaml").write_text("- /person\n- /x/y\n")

    one, other = ways.directly(*words), ways.remotely(*words)

    alike(one, other)
    assert (other.code, other.out) == (2, "")


def test_teaching_types_gives_the_same(ways: Ways, house: Server, folder: Path) -> None:
    (folder / "types.yaml").write_text("- /person\n- /place\n")
    entities = [{"start": 0, "end": 6, "types": ["/person"]}]
    (folder / "fine.jsonl").write_text(json.dumps({"id": "a", "text": "Copper sang.", "entities": entities}) + "\n")
    words = ("adapt", "fine.jsonl", "--types", "types.yaml")

    with teaching(house.ledger):
        one, other = ways.directly(*words, "-n", "deep"), ways.remotely(*words, "-n", "fine")

    assert one.code == 0, one.err
    alike(one, replace(other, out=other.out.replace("fine", "deep"), err=other.err.replace("fine", "deep")))
    mine = house.ledger.tenant("local")
    deep, fine = (house.ledger.job(mine.tagger(name).job_id) for name in ("deep", "fine"))
    assert deep.options | {"name": "fine"} == fine.options
    assert (fine.tagger, fine.engine, fine.labels) == (deep.tagger, deep.engine, deep.labels) == ("typer", "typer", [])


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


@pytest.mark.parametrize("words", [(), ("--json",)], ids=" ".join)
def test_taggers_made_here_are_the_same(ways: Ways, house: Server, words: tuple[str, ...]) -> None:
    # Given a tagger of one's own, rolled back once, and a name of which nothing is promoted
    made_tagger(house.ledger, "funk", tenant="local")
    made_tagger(house.ledger, "soul", promote=False, tenant="local")

    # Then whoever looks sees the same, to the letter
    for name in ("funk", "funk@1", "soul", "soul@1", "blues", "blues@1", "default", "../jobs", "Funk", "."):
        one, other = (way("taggers", "show", name, *words) for way in (ways.directly, ways.remotely))
        assert (one.code, one.out, one.err) == (other.code, other.out, other.err), name
    alike(ways.directly("taggers", "list", *words), ways.remotely("taggers", "list", *words))
    assert "funk@1" in ways.remotely("taggers", *words).out


def test_promoting_and_rolling_back_give_the_same(ways: Ways, house: Server) -> None:
    # Given two taggers with the same history
    for name in ("one", "two"):
        for promote in (True, True, False):
            made_tagger(house.ledger, name, promote=promote, tenant="local")

    # When each goes the same way, one directly and one through the server
    moves = (("promote", "@3"), ("promote", "@3"), ("promote", ""), ("rollback", "@3"), ("promote", "@9"))
    for command, version in (*moves, *[("rollback", "")] * 3):
        direct = ways.directly("taggers", command, f"one{version}")
        remote = ways.remotely("taggers", command, f"two{version}")

        # Then the same is said of it
        assert (remote.code, remote.out.replace("two", "one")) == (direct.code, direct.out)
        if (command, version) != ("promote", "@9"):
            assert remote.err.replace("two", "one") == direct.err
    mine = house.ledger.tenant("local")
    assert mine.tagger("one").version == mine.tagger("two").version == 1


@pytest.mark.parametrize("more", [(), ("--json",)], ids=" ".join)
def test_adapting_gives_the_same(ways: Ways, house: Server, folder: Path, more: tuple[str, ...]) -> None:
    # Given examples, and a worker
    (folder / "examples.jsonl").write_text("\n".join(example(number=number) for number in range(3)))
    (folder / "one.yaml").write_text("- name: band\n  description: a group\n")
    words = ("adapt", "examples.jsonl", "-l", "one.yaml", *more)

    # When a tagger is made by either way
    with teaching(house.ledger):
        one = ways.directly(*words, "-n", f"ska{len(more)}")
        other = ways.remotely(*words, "-n", f"dub{len(more)}")

    # Then the same is said, and the job is of the tenant and found by either way
    assert one.code == 0, one.err
    other = replace(other, out=other.out.replace("dub", "ska"), err=other.err.replace("dub", "ska"))
    alike(one, other)
    assert "warning: label 'band' has 3 examples" in other.err
    assert "learning: 50 %" in other.err
    assert house.ledger.tenant("local").tagger(f"dub{len(more)}").version == 1
    job_id = house.ledger.tenant("local").tagger(f"dub{len(more)}").job_id
    for look in (("watch", job_id), ("show", job_id), ("show", job_id, "--json"), ("results", job_id)):
        one, other = ways.directly("jobs", *look), ways.remotely("jobs", *look)
        assert (one.code, one.out, one.err) == (other.code, other.out, other.err), look


def test_watching_an_adaptation_says_how_far_it_is(ways: Ways, house: Server, folder: Path) -> None:
    # Given adaptations that wait
    (folder / "examples.jsonl").write_text(example())
    (folder / "one.yaml").write_text("- name: band\n  description: a group\n")
    words = ("adapt", "examples.jsonl", "-l", "one.yaml", "--detach", "-n")
    jobs = [way(*words, "dance").out.strip() for way in (ways.remotely, ways.directly)]

    # When they are watched while a worker does them
    with teaching(house.ledger):
        watched = [way("jobs", "watch", job) for way, job in zip((ways.directly, ways.remotely), jobs, strict=True)]

    # Then each step is said
    alike(*watched)
    assert watched[1].err.splitlines() == [
        f"{jobs[1]} judging: 0 %",
        f"{jobs[1]} learning: 50 %",
        f"{jobs[1]} completed: a tagger was made",
    ]


@pytest.mark.parametrize(
    "words",
    [
        ("cut.jsonl", "-n", "music"),
        ("examples.jsonl", "-n", "Music"),
        ("examples.jsonl", "-n", "music", "--method", "magic"),
        ("examples.jsonl", "-n", "music", "--tagger", "jazz"),
        ("none.jsonl", "-n", "music"),
    ],
    ids=["examples", "name", "method", "tagger", "file"],
)
def test_what_cannot_be_learnt_is_said_alike(ways: Ways, folder: Path, words: tuple[str, ...]) -> None:
    (folder / "examples.jsonl").write_text(example())
    (folder / "cut.jsonl").write_text(example(1, 12))
    (folder / "one.yaml").write_text("- name: band\n  description: a group\n")

    one, other = ways.directly("adapt", *words, "-l", "one.yaml"), ways.remotely("adapt", *words, "-l", "one.yaml")

    alike(one, other)
    assert (other.code, other.out) == (2, "")


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
