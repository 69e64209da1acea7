"""The compose file, the Dockerfile and the file of variables fit each other and the program.

Reads them; builds and starts nothing, for which an engine would be needed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import tomllib
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer
import typer.main
import yaml

from api.settings import ApiSettings
from corpora.settings import CorporaSettings
from jobs.queue import TASKS, make_app
from jobs.settings import JobsSettings
from retrieval.settings import RetrievalSettings
from tagwerk.cli import app
from tagwerk.serving import GRACE_SECONDS
from tagwerk.settings import FlowerSettings
from workers.settings import WorkerSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
COMPOSE = ROOT / "compose.yaml"
VARIABLE = re.compile(r"(?<!\$)\$\{([A-Z_]+)(:[-?][^}]*)?\}")
ONE_SHOT = {"migrate"}
#: What typer raises for words that are no command.
USAGE_ERROR: Any = typer.BadParameter.__base__


@cache
def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text("utf-8"))["services"]
    return found


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every command and health check that is one of ours, with the service's name."""
    for name, service in services().items():
        for words in (service.get("command", []), service.get("healthcheck", {}).get("test", [])[1:]):
            if words[:1] == ["tagwerk"]:
                yield name, words[1:]


def variables() -> dict[str, str]:
    """What `.env.example` says."""
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def dockerfile() -> list[list[str]]:
    """The Dockerfile's instructions, each as its words."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
    return [line.split() for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def parsed(words: list[str]) -> typer.Context:
    """One of our commands with its options read; raises UsageError where it is none."""
    command: Any = typer.main.get_command(app)
    context = typer.Context(command)
    while hasattr(command, "resolve_command"):
        _, command, words = command.resolve_command(context, words)
    found: typer.Context = command.make_context(command.name, words, parent=context)
    return found


def test_it_is_a_compose_file() -> None:
    checker = Path(sys.executable).with_name("check-jsonschema")

    done = subprocess.run(
        [checker, "--builtin-schema", "vendor.compose-spec", COMPOSE], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_services_are_these() -> None:
    names = ["redis", "postgres", "qdrant", "migrate", "api", "worker-tag", "worker-llm", "worker-adapt", "reaper"]

    assert list(services()) == [*names, "flower"]
    assert {name for name, service in services().items() if "profiles" in service} == {"worker-llm", "worker-adapt"}


@pytest.mark.parametrize(("name", "words"), list(commands()), ids=str)
def test_a_command_is_one_of_ours(name: str, words: list[str]) -> None:
    assert parsed(words).command.callback is not None, name


def test_words_that_are_no_command_are_seen() -> None:
    for words in (["serves"], ["serve", "--hosts", "0.0.0.0"], ["jobs", "lists"], ["serve", "--port", "http"]):
        with pytest.raises(USAGE_ERROR):
            parsed(words)


def test_every_queue_has_a_worker_that_answers_by_its_name() -> None:
    served = {}
    for name, words in commands():
        if words[0] == "worker":
            told = parsed(words).params
            served[told["queues"]] = name
            assert f"--destination {told['name'].replace('%h', '$$HOSTNAME')} " in str(services()[name]["healthcheck"])

    assert served == {queue: f"worker-{queue}" for queue in TASKS}


def test_what_a_service_waits_for_is_there_and_can_be_waited_for() -> None:
    for name, service in services().items():
        for other, how in service.get("depends_on", {}).items():
            done = how["condition"] == "service_completed_successfully"
            assert done == (other in ONE_SHOT), f"{name} waits for {other}"
            assert done or "healthcheck" in services()[other]
            assert set(services()[other].get("profiles", [])) <= set(service.get("profiles", []))


def test_every_service_that_stays_says_how_it_is_and_comes_back() -> None:
    assert {name for name, service in services().items() if "healthcheck" not in service} == ONE_SHOT
    assert {name for name, service in services().items() if service["restart"] != "unless-stopped"} == ONE_SHOT


@pytest.mark.parametrize(
    ("age", "tick", "well"), [(60, "", True), (200, "", False), (200, "100.5", True), (None, "", False)]
)
def test_the_reaper_is_well_while_its_heartbeat_is_young(
    tmp_path: Path, age: float | None, tick: str, *, well: bool
) -> None:
    # Given the file that the reaper is told to touch
    told = parsed(services()["reaper"]["command"][1:]).params["heartbeat"]
    *_, program = services()["reaper"]["healthcheck"]["test"]
    assert f'"{told}"' in program
    if age is not None:
        (tmp_path / "beat").touch()
        os.utime(tmp_path / "beat", (time.time() - age,) * 2)

    # When the health check is run on one of that age
    program = program.replace(str(told), str(tmp_path / "beat"))
    environment = {**os.environ, "TAGWERK_REAPER_TICK_SECONDS": tick}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=False)

    assert (done.returncode == 0) is well


def test_variables_are_those_of_the_example_and_no_other() -> None:
    used = {match[1] for match in VARIABLE.finditer(COMPOSE.read_text("utf-8"))}

    assert used == set(variables())


def test_the_example_has_no_value_that_would_work() -> None:
    assert set(variables().values()) == {""}


def test_secrets_come_from_outside_and_are_demanded() -> None:
    """A literal, or a default, would be the same in every installation."""
    held = [
        f"{name}: {key}={value}"
        for name, service in services().items()
        for key, value in service.get("environment", {}).items()
        if re.search("PASSWORD|AUTH|SECRET|KEY|TOKEN", key) or "@" in value
        # Empty is no secret either: keys to services that need none.
        if not all(match[2].startswith(":?") or match[2] == ":-" for match in VARIABLE.finditer(value))
        or not VARIABLE.search(value)
        or re.search(r"://[^@$]*:[^@$]+@", value)
    ]

    assert held == []


def test_every_setting_of_the_services_can_be_given_and_no_other() -> None:
    read = {
        f"{settings.model_config['env_prefix']}{name}".upper()
        for settings in (ApiSettings, CorporaSettings, JobsSettings, FlowerSettings, RetrievalSettings, WorkerSettings)
        for name in settings.model_fields
    }
    given = {key for service in services().values() for key in service.get("environment", {}) if "TAGWERK" in key}

    assert given == read


def test_ports_are_open_to_this_machine_alone() -> None:
    ports = {name: service["ports"] for name, service in services().items() if "ports" in service}

    assert set(ports) == {"api", "flower"}
    assert all(port.startswith("127.0.0.1:") for published in ports.values() for port in published)


def test_images_are_pinned() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    for name, service in services().items():
        image, _, tag = service["image"].rpartition(":")
        assert re.match(r"v?\d+\.\d+", tag), name
        assert image != "tagwerk" or tag == f"{version}-{service['build']['target']}"
    assert all(re.search(r":\d+\.\d+\.\d+-", source) for source in _from_outside())


def test_a_service_is_given_the_time_that_it_takes_to_end() -> None:
    soft = make_app("redis://127.0.0.1:1/0").conf.worker_soft_shutdown_timeout
    for name, service in services().items():
        seconds = int(service.get("stop_grace_period", "10s").removesuffix("s"))
        assert seconds > (soft if "worker" in name else GRACE_SECONDS if name == "api" else 0), name


def test_the_volumes_are_there_and_who_needs_corpora_shares_one() -> None:
    declared = set(yaml.safe_load(COMPOSE.read_text("utf-8"))["volumes"])
    mounted = {name: {volume.split(":")[0] for volume in s.get("volumes", [])} for name, s in services().items()}

    assert set().union(*mounted.values()) == declared
    assert {name for name, volumes in mounted.items() if "data" in volumes} == {
        *("migrate", "api", "worker-tag", "worker-llm", "worker-adapt", "reaper")
    }


def test_the_broker_keeps_what_it_is_told() -> None:
    [command] = services()["redis"]["command"][2:]

    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command


def test_the_targets_that_are_built_are_there_and_run_as_nobody_of_importance() -> None:
    stages = {words[3]: words[1] for words in dockerfile() if words[0] == "FROM"}
    wanted = {service["build"]["target"] for service in services().values() if "build" in service}

    assert wanted == {"cpu", "gpu"}
    assert wanted <= set(stages)
    for target in wanted:
        assert _last_user(target) == "tagwerk"


def test_what_the_image_copies_is_there_and_is_all_that_the_package_needs() -> None:
    ignored, *rest = [line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line[:1] != "#"]
    let_in = {line.removeprefix("!") for line in rest if line.startswith("!")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    packages = {name.split(".")[0] for name in project["tool"]["setuptools"]["packages"]}

    assert ignored == "*"
    assert let_in == {"pyproject.toml", project["project"]["readme"], *project["project"]["license-files"], *packages}
    for source in [word for words in dockerfile() if words[0] == "COPY" for word in words[1:-1]]:
        assert (ROOT / source).exists()
        assert source == "." or any(fnmatch(source, name) for name in let_in)


def test_the_broker_takes_its_password_where_no_process_can_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given the command, and a server that prints what it is called with and what it reads
    words = [word.replace("$$", "$") for word in services()["redis"]["command"]]
    (tmp_path / "redis-server").write_text('#!/bin/sh\necho "$@"\nexec cat\n')
    (tmp_path / "redis-server").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("REDISCLI_AUTH", "letters42")

    # When it is run
    called, read = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()

    # Then the password is in its configuration alone
    assert called.startswith("- --dir /data ")
    assert read == "requirepass letters42"


def _from_outside() -> list[str]:
    froms = [words for words in dockerfile() if words[0] == "FROM"]
    return [words[1] for words in froms if words[1] not in {stage[3] for stage in froms}]


def _last_user(target: str) -> str | None:
    user, inside = None, False
    for words in dockerfile():
        if words[0] == "FROM":
            inside = words[3] == target
        elif inside and words[0] == "USER":
            user = words[1]
    return user
