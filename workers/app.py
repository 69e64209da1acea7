"""The worker's Celery application, as `tagwerk worker` and `celery -A workers.app` start it.

Reads the environment when it is imported, as Celery needs of an application module; nothing else imports it.
"""

from __future__ import annotations

import os
import signal

from billiard import active_children
from celery.signals import worker_process_init, worker_shutting_down

from jobs.queue import make_app
from jobs.settings import JobsSettings
from workers.process import END_SIGNAL, prepare_child

app = make_app(JobsSettings().broker_url or "redis://127.0.0.1:6379/0")
# With spawned pool processes, only modules named here are loaded in them.
app.conf.include = ["workers.tasks"]


@worker_process_init.connect  # type: ignore[untyped-decorator]
def _child_started(**_: object) -> None:
    prepare_child()


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _shutting_down(**_: object) -> None:
    # Celery's own warm shutdown waits for running tasks; this makes them hand their chunks back between batches.
    for child in active_children():
        os.kill(child.pid, END_SIGNAL)


def run(queues: list[str], *, concurrency: int, name: str, log_level: str) -> None:
    """Run a worker until it is told to end."""
    cores = len(os.sched_getaffinity(0))
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores // concurrency)))
    signal.signal(END_SIGNAL, signal.SIG_IGN)
    app.worker_main(
        [
            "worker",
            f"--queues={','.join(queues)}",
            f"--hostname={name}",
            "--pool=prefork",
            f"--concurrency={concurrency}",
            "--without-gossip",
            "--without-mingle",
            f"--loglevel={log_level}",
        ]
    )
