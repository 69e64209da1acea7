"""Flower as a process: what it may show, to whom, and what it is never told.

Owns its options. The broker's address and passwords go by the environment, since everybody on a machine can read
the words of a command.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from tagwerk.errors import UnusableInput
from tagwerk.serving import is_loopback, listen

if TYPE_CHECKING:
    from tagwerk.settings import FlowerSettings

#: Tasks that it remembers; the ledger remembers all.
MAX_TASKS = 10_000
#: Seconds after which it forgets a worker that ended.
FORGET_SECONDS = 3600


def become(host: str, port: int, broker_url: str, settings: FlowerSettings) -> None:
    """Replace this process by Flower. Raises UnusableInput where it would be open to all, or CannotListen."""
    environment = surroundings(host, broker_url, settings)
    # Flower itself would end in a traceback.
    listen(host, port).close()
    command = [sys.executable, "-m", "celery", "-A", "tagwerk.flower_app", "flower", *options(host, port)]
    os.execve(sys.executable, command, environment)


def options(host: str, port: int) -> list[str]:
    """Flower's options; it looks, and can stop, start or change nothing."""
    return [
        f"--address={host}",
        f"--port={port}",
        "--read_only=True",
        "--persistent=False",
        f"--max_tasks={MAX_TASKS}",
        f"--purge_offline_workers={FORGET_SECONDS}",
        "--tasks_columns=name,args,state,received,started,runtime,worker",
        # Not the flowerconfig.py of whatever folder this is started in.
        f"--conf={os.devnull}",
    ]


def surroundings(host: str, broker_url: str, settings: FlowerSettings) -> dict[str, str]:
    """Flower's environment, with the secrets; on loopback its API answers without a password."""
    secrets = credentials(settings)
    if not secrets and not is_loopback(host):
        raise UnusableInput(
            f"Flower on {host} would be open to all who reach it; set TAGWERK_FLOWER_BASIC_AUTH=user:password"
        )
    environment = {**os.environ, "TAGWERK_BROKER_URL": broker_url}
    open_to_all = str(secrets is None).lower()
    auth = {"FLOWER_BASIC_AUTH": secrets} if secrets else {}
    return {**environment, **auth, "FLOWER_UNAUTHENTICATED_API": open_to_all}


def credentials(settings: FlowerSettings) -> str | None:
    """Who may look, as Flower takes it; raises UnusableInput, which quotes no secret."""
    if settings.basic_auth is None:
        return None
    told = settings.basic_auth.get_secret_value()
    for number, pair in enumerate(told.split(","), start=1):
        user, _, password = pair.partition(":")
        if not user or not password:
            raise UnusableInput(
                f"part {number} of TAGWERK_FLOWER_BASIC_AUTH is not user:password; a comma begins another pair"
            )
    return told
