"""What is done to a running installation, as words for the tests: start, freeze, kill, flush, restart, wait.

Owns the processes of one test and their end. What must hold after all this is the tests' business.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from redis import Redis
from sqlalchemy import select, text

from jobs.states import FINAL, ChunkState
from jobs.store import Ledger
from jobs.store.engine import Engines
from jobs.tables import CHUNKS, JOBS
from migrations.running import upgrade
from tagwerk.children import Child
from tagwerk.client import Client
from tests import services

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from jobs.records import JobView

TAGWERK = (sys.executable, "-m", "tagwerk")
#: Seconds that anything may take; an idle machine needs a tenth of it.
PATIENCE = 120.0
#: Seconds between two looks.
LOOK_EVERY = 0.02
#: Short enough that a test can wait for a lease to run out.
LEASE_SECONDS = 5
TICK_SECONDS = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldChunk:
    """A chunk that a worker holds, and the pool process that works on it."""

    id: int
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A long-running process; it leads a process group of its own, with its pool processes in it."""

    process: subprocess.Popen[bytes]
    child: Child
    log: Path

    def freeze(self) -> None:
        """Stop the whole group from running, as a machine that hangs does."""
        os.killpg(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen group go on."""
        os.killpg(self.process.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End the whole group at once, pool processes included, as a machine that fails does."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def holds(self, chunk: HeldChunk) -> bool:
        """Whether one of this worker's pool processes works on the chunk."""
        try:
            return os.getpgid(chunk.pid) == self.process.pid
        except ProcessLookupError:
            return False

    def said(self) -> str:
        """Everything it has logged."""
        return self.log.read_text(encoding="utf-8", errors="replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The HTTP front door of a site, running."""

    running: Running
    url: str


class Site:
    """One installation: PostgreSQL, Redis, and the processes that the test starts on them."""

    def __init__(self, folder: Path, postgres: services.Server, redis: services.Server) -> None:
        self.postgres, self.redis = postgres, redis
        self._folder = folder
        self._processes: list[Running] = []
        self._ledger = Ledger.open(postgres.url)
        self._engines = Engines(postgres.url)
        self.environment = {
            **os.environ,
            "TAGWERK_DATABASE_URL": postgres.url,
            "TAGWERK_BROKER_URL": redis.url,
            "TAGWERK_BLOBS": str(folder / "blobs"),
            "TAGWERK_TAGGERS": str(folder / "taggers"),
            "TAGWERK_LEASE_SECONDS": str(LEASE_SECONDS),
            "TAGWERK_REAPER_TICK_SECONDS": str(TICK_SECONDS),
            # Two workers on one small machine: threads that wait for each other's cores cost more than they bring.
            "OMP_NUM_THREADS": "1",
        }

    # processes

    def start_worker(self, name: str, queue: str = "tag", **settings: str) -> Running:
        """Start a worker; `settings` are more environment variables."""
        return self._start(name, ["worker", "-Q", queue, "-n", f"{name}@%h"], settings)

    def prepare(self) -> None:
        """Make the tables and start the reaper."""
        upgrade(self.postgres.url)
        self._start("reaper", ["reaper"], {})

    def start_one(self, **settings: str) -> Running:
        """Prepare the ledger and start a worker, where what a second one does proves nothing more."""
        worker = self.start_worker("one", **settings)
        self.prepare()
        self.until(lambda: " ready." in worker.said(), "the worker is ready")
        return worker

    def start_all(self, **settings: str) -> tuple[Running, Running]:
        """Prepare the ledger and start two workers, which are returned when both wait for work."""
        # They ask for nothing before a bell rings, so they can start beside the migration.
        one, two = self.start_worker("one", **settings), self.start_worker("two", **settings)
        self.prepare()
        # Otherwise the first to be ready may have done everything before the second is.
        self.until(lambda: all(" ready." in worker.said() for worker in (one, two)), "both workers are ready")
        return one, two

    def start_server(self, **settings: str) -> Server:
        """Start the HTTP front door on a port of its own; returns when it accepts connections."""
        running = self._start("serve", ["serve", "--port", "0"], settings)
        return Server(running=running, url=self._address(running, r"listening on (http://[\d.:]+)"))

    def start_flower(self) -> str:
        """Start Flower and return its address."""
        port = services.free_port()
        running = self._start("flower", ["flower", "--port", str(port)], {})
        url = f"http://127.0.0.1:{port}"
        self.until(
            lambda: running.process.poll() is None and _answers(f"{url}/api/workers?refresh=1"), "Flower answers"
        )
        return url

    def client(self, server: Server, retries: int = 5) -> Client:
        """A client with a key of its own."""
        done = self.run("keys", "create")
        assert done.returncode == 0, done.stderr
        return Client(server.url, done.stdout.strip(), retries=retries)

    def _address(self, running: Running, pattern: str) -> str:
        self.until(lambda: re.search(pattern, running.said()) is not None, "the server listens")
        found = re.search(pattern, running.said())
        assert found is not None
        return found[1]

    def run(self, *arguments: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [*TAGWERK, *map(str, arguments)],
            env={**self.environment, **settings},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )

    def submit(self, corpus: Path, labels: Path, **settings: str) -> str:
        """Submit a corpus by command, without waiting; returns the job's id."""
        done = self.run("tag", corpus, "--labels", labels, "--detach", **settings)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def start_tagging(self, corpus: Path, labels: Path, output: Path) -> Running:
        """Start a command that submits a corpus, waits for the job, and writes its results."""
        return self._start("tag", ["tag", str(corpus), "--labels", str(labels), "-o", str(output)], {})

    def end(self) -> None:
        """End every process."""
        for running in self._processes:
            if running.process.poll() is None:
                running.kill()
        self._ledger.close()
        self._engines.close()

    def _start(self, name: str, arguments: list[str], settings: Mapping[str, str]) -> Running:
        log = self._folder / f"{len(self._processes)}-{name}.log"
        child = Child([*TAGWERK, *arguments], log, {**self.environment, **settings})
        running = Running(process=child.start(), child=child, log=log)
        self._processes.append(running)
        return running

    # faults

    def catch(self, job_id: str, *workers: Running) -> list[HeldChunk]:
        """Freeze workers in mid-chunk: each holds a chunk of the job, none a lock; returns their chunks in order."""
        found: list[HeldChunk] = []

        def caught() -> bool:
            for worker in workers:
                worker.freeze()
            chunks = self.held(job_id)
            found[:] = [chunk for worker in workers for chunk in chunks if worker.holds(chunk)]
            if len(found) == len(workers):
                return True
            for worker in workers:
                worker.thaw()
            return False

        self.until(caught, "every worker is in mid-chunk")
        return found

    def flush_broker(self) -> int:
        """Wipe Redis; returns how many bells were lost with it."""
        with Redis.from_url(self.redis.url) as client:
            waiting = client.llen("tag")
            client.flushall()
        assert isinstance(waiting, int)
        return waiting

    def restart_postgres(self) -> None:
        """Restart PostgreSQL as after a crash: every connection is cut, open transactions are undone."""
        self.postgres.restart()

    # looking

    def until(self, holds: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
        """Wait until something holds; fails the test, with what the processes said last, where it never does."""
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                words = "\n".join(f"{each.log.name}: {each.child.last_words()}" for each in self._processes)
                pytest.fail(f"waited {seconds:.0f} seconds in vain until {what}\n{words}", pytrace=False)
            time.sleep(LOOK_EVERY)

    def job(self, job_id: str) -> JobView:
        """The job as it stands."""
        return self._ledger.job(job_id)

    def only_job(self) -> str:
        """The id of the one job there is, as soon as its corpus is validated."""
        self.until(lambda: any(job.total for job in self._ledger.jobs()), "a job is queued")
        [job] = self._ledger.jobs()
        return job.id

    def mid_job(self, job_id: str) -> None:
        """Wait until a part of the job is done."""
        self.until(lambda: self.job(job_id).completed > 0, "a chunk is done")
        assert self.job(job_id).pending > 0, "the job is too small for this machine"

    def finished(self, job_id: str) -> JobView:
        """Wait until the job ends."""
        self.until(lambda: self.job(job_id).state in FINAL, "the job ends")
        return self.job(job_id)

    def lines(self, job_id: str, folder: Path) -> list[dict[str, Any]]:
        """The job's result lines, by command."""
        done = self.run("jobs", "results", job_id, "-o", folder / f"{job_id}.jsonl")
        assert done.returncode == 0, done.stderr
        return read_lines(folder / f"{job_id}.jsonl")

    def breaches(self, job_id: str) -> list[str]:
        """Everything about the job that must not be: the law broken, or a result of a stale attempt."""
        return [*self._ledger.law(job_id), *(f"line {line} is of a stale attempt" for line in self._stale(job_id))]

    def attempts(self, job_id: str) -> dict[int, tuple[int, int]]:
        """How often each chunk was claimed, and how often its lease ran out."""
        wanted = select(CHUNKS.c.id, CHUNKS.c.attempt, CHUNKS.c.crashes).where(CHUNKS.c.job_id == job_id)
        with self._engines.reading() as connection:
            return {row.id: (row.attempt, row.crashes) for row in connection.execute(wanted)}

    def _stale(self, job_id: str) -> list[int]:
        # The last thing that is written to a chunk is its end, in the transaction that writes its results: a
        # result by any other transaction is of another attempt.
        odd = text(
            "SELECT result.line FROM result JOIN chunk ON chunk.id = result.chunk_id"
            " WHERE result.job_id = :job AND (chunk.state <> 'done' OR result.xmin <> chunk.xmin)"
        )
        with self._engines.reading() as connection:
            return list(connection.execute(odd, {"job": job_id}).scalars())

    def held(self, job_id: str) -> list[HeldChunk]:
        """The job's chunks that a worker holds; none where the job or a chunk is locked by a transaction."""
        job = select(JOBS.c.id).where(JOBS.c.id == job_id).with_for_update(skip_locked=True)
        held = select(CHUNKS.c.id, CHUNKS.c.worker).where(
            CHUNKS.c.job_id == job_id, CHUNKS.c.state == ChunkState.RUNNING
        )
        with self._engines.reading() as connection:
            if connection.execute(job).one_or_none() is None:
                return []
            rows = connection.execute(held.with_for_update(skip_locked=True)).all()
        return [HeldChunk(id=row.id, pid=int(row.worker.rpartition(":")[2])) for row in rows]


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=30).status_code == HTTPStatus.OK
    except httpx.TransportError:
        return False


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON Lines."""
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]
