"""The doorbell: the only module that speaks to the broker.

A message is a chunk id and nothing else; what it stands for is in the ledger. So the broker may lose, double
or reorder messages, or be wiped: the work is late, never lost, never doubled.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from jobs.errors import BrokerUnavailable
from jobs.records import BrokerFacts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jobs.store import Ledger

#: The name of the task that answers each queue; part of the wire format.
TASKS = {"tag": "tag.chunk", "llm": "llm.chunk", "adapt": "adapt.run"}

#: Chunks rung between two looks at the ledger.
BATCH = 1000

_BROKEN = (OperationalError, RedisError, OSError)

_SETTINGS: dict[str, Any] = {
    "task_serializer": "json",
    "event_serializer": "json",
    "accept_content": ["json"],
    "task_ignore_result": True,
    # Named in full: a queue without an exchange of its own is bound to every other queue's.
    "task_queues": {name: {"exchange": name, "exchange_type": "direct", "routing_key": name} for name in TASKS},
    "task_routes": {task: {"queue": queue} for queue, task in TASKS.items()},
    "task_default_queue": "tag",
    "task_default_exchange": "tag",
    "task_default_routing_key": "tag",
    "task_create_missing_queues": False,
    # The lease acknowledges; a late one would redeliver on the broker's schedule and loop on poison.
    "task_acks_late": False,
    "task_publish_retry_policy": {
        "max_retries": 2,
        "interval_start": 0,
        "interval_step": 0.2,
        "interval_max": 0.5,
    },
    # No message waits inside a busy worker.
    "worker_prefetch_multiplier": 1,
    "worker_disable_prefetch": True,
    # A forked child cannot use CUDA or torch threads of its parent.
    "worker_pool_start_method": "spawn",
    # A child that imports a model library takes longer than the 4 seconds allowed by default.
    "worker_proc_alive_timeout": 60,
    "worker_soft_shutdown_timeout": 30,
    "worker_send_task_events": True,
    "worker_hijack_root_logger": False,
    # A chunk in work needs the ledger alone, so losing the broker is no reason to stop it.
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "broker_connection_timeout": 2,
    "broker_transport_options": {
        "socket_connect_timeout": 2,
        "socket_timeout": 5,
        "health_check_interval": 15,
    },
}


def make_app(broker_url: str) -> Celery:
    """Return the Celery app on a `redis://` or `redis+socket://` broker. Connects to nothing yet."""
    app = Celery("tagwerk", broker=broker_url, set_as_current=False)
    app.conf.update(_SETTINGS)
    return app


class Doorbell:
    """Tells workers that a chunk waits. Threads may share one; it keeps one connection open."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._connection: Any = None  # a kombu Connection, which has no types

    @classmethod
    def at(cls, broker_url: str) -> Doorbell:
        """Return a doorbell on a broker of which nothing but the address is known."""
        return cls(make_app(broker_url))

    def ring(self, queue: str, chunk_ids: Sequence[int]) -> int:
        """Ring once for each chunk and return how many. `queue` is a key of `TASKS`.

        Raises `BrokerUnavailable`; its `rung` names those that were rung before the broker went away.
        """
        rung: list[int] = []
        with self._lock:
            try:
                producer = self._app.amqp.Producer(self._open())
                for chunk_id in chunk_ids:
                    self._app.send_task(TASKS[queue], args=[chunk_id], queue=queue, producer=producer)
                    rung.append(chunk_id)
            except _BROKEN as error:
                raise self._lost(error, rung) from error
        return len(rung)

    def depth(self, queue: str) -> int:
        """Count the messages that wait in a queue. Raises `BrokerUnavailable`."""
        with self._lock:
            try:
                channel = self._open().default_channel
                declared = self._app.amqp.queues[queue](channel).queue_declare()
            except _BROKEN as error:
                raise self._lost(error, []) from error
        return int(declared.message_count)

    def answers(self) -> bool:
        """Say whether the broker answers; on a connection of its own, so that it waits for no ring."""
        try:
            with _redis(self._app) as client:
                return bool(client.ping())
        except _BROKEN:
            return False

    def close(self) -> None:
        """Close the connection; the next ring opens another."""
        with self._lock:
            self._drop()

    def _open(self) -> Any:  # noqa: ANN401 -- kombu has no types
        if self._connection is None:
            self._connection = self._app.connection_for_write()
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.release()
        self._connection = None

    def _lost(self, error: Exception, rung: list[int]) -> BrokerUnavailable:
        self._drop()
        return BrokerUnavailable(_without_password(self._app.conf.broker_url), error, tuple(rung))


def broker_facts(broker_url: str) -> BrokerFacts:
    """Ask a broker what an operator must know of it. Raises `BrokerUnavailable`.

    From INFO, which managed servers answer where they refuse CONFIG GET.
    """
    try:
        with _redis(make_app(broker_url)) as client:
            told = client.info()
    except _BROKEN as error:
        raise BrokerUnavailable(broker_url, error) from error
    append_only = told.get("aof_enabled")
    return BrokerFacts(
        version=str(told.get("valkey_version") or told["redis_version"]),
        append_only=None if append_only is None else bool(append_only),
        eviction=told.get("maxmemory_policy"),
    )


@contextmanager
def _redis(app: Celery) -> Iterator[Any]:
    """Open a connection and give the broker's own client, which knows both kinds of address."""
    with app.connection_for_write() as connection:
        yield connection.default_channel.client


def ring_owed(ledger: Ledger, bell: Doorbell, queue: str) -> int:
    """Ring every bell that a queue is owed, mark them as rung and return how many.

    Marked after ringing: one who dies in between rings twice, which a claim refuses, rather than never.
    """
    total = 0
    while chunk_ids := ledger.owed(queue, BATCH):
        total += ring_and_mark(ledger, bell, queue, chunk_ids)
        if len(chunk_ids) < BATCH:
            break
    return total


def ring_and_mark(ledger: Ledger, bell: Doorbell, queue: str, chunk_ids: Sequence[int]) -> int:
    """Ring for these chunks and mark those that were rung, also where the broker goes away in between."""
    try:
        rung = bell.ring(queue, chunk_ids)
    except BrokerUnavailable as error:
        if error.rung:
            ledger.mark_rung(error.rung)
        raise
    ledger.mark_rung(chunk_ids)
    return rung


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return url.replace(f":{parts.password}@", ":***@") if parts.password else url
