"""The doorbell on a real broker: what is on the wire, what an outage leaves, who hears it."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import redis

from jobs.errors import BrokerUnavailable
from jobs.queue import TASKS, Doorbell, broker_facts, make_app, ring_and_mark, ring_owed
from tests.finding import REDIS, locate
from tests.jobs.building import queued_job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from jobs.store import Ledger
    from tests import services


@pytest.fixture
def client(broker_url: str) -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(broker_url)
    yield client
    client.close()


def message(client: redis.Redis, queue: str) -> tuple[dict[str, Any], list[Any]]:
    """Headers and positional arguments of the next message of a queue."""
    raw = json.loads(client.rpop(queue))  # type: ignore[arg-type]
    args, _kwargs, _embed = json.loads(base64.b64decode(raw["body"]))
    return raw["headers"], args


@pytest.mark.parametrize("queue", TASKS)
def test_a_message_is_a_task_name_and_a_chunk_id(bell: Doorbell, client: redis.Redis, queue: str) -> None:
    assert bell.ring(queue, [17]) == 1

    headers, args = message(client, queue)
    assert (headers["task"], args) == (TASKS[queue], [17])
    assert client.llen(queue) == 0


def test_queues_do_not_hear_each_other(bell: Doorbell) -> None:
    bell.ring("tag", [1, 2])
    bell.ring("llm", [3])

    assert [bell.depth(queue) for queue in ("tag", "llm", "adapt")] == [2, 1, 0]


def test_bells_are_heard_in_the_order_they_rang(bell: Doorbell, client: redis.Redis) -> None:
    bell.ring("tag", [3, 1, 2])

    assert [message(client, "tag")[1] for _ in range(3)] == [[3], [1], [2]]


def test_an_unknown_queue_is_refused(bell: Doorbell) -> None:
    with pytest.raises(KeyError, match="default"):
        bell.ring("default", [1])


def test_a_bell_rings_again_after_the_broker_was_wiped(bell: Doorbell, client: redis.Redis) -> None:
    bell.ring("tag", [1])
    client.flushall()

    assert bell.depth("tag") == 0
    assert bell.ring("tag", [1]) == 1
    assert bell.depth("tag") == 1


def test_a_broker_that_is_not_there_is_transient(dead_bell: Doorbell) -> None:
    calls: list[Callable[[], int]] = [partial(dead_bell.ring, "tag", [1]), partial(dead_bell.depth, "tag")]
    for call in calls:
        with pytest.raises(BrokerUnavailable, match=r"redis://127\.0\.0\.1:1/0 does not answer") as caught:
            call()
        assert caught.value.rung == ()
        assert not caught.value.permanent


def test_a_password_is_not_told() -> None:
    with pytest.raises(BrokerUnavailable, match=r"redis://:\*\*\*@127\.0\.0\.1:1/0") as caught:
        Doorbell.at("redis://:secret@127.0.0.1:1/0").depth("tag")

    assert "secret" not in str(caught.value)


@pytest.fixture
def socket_file(server_folder: Path) -> Iterator[Path]:
    """The socket of a server that listens nowhere else."""
    socket = server_folder / "broker.sock"
    quiet = ["--save", "", "--logfile", str(server_folder / "log"), "--dir", str(server_folder)]
    program = str(locate(REDIS))
    server = subprocess.Popen([program, "--port", "0", "--unixsocket", str(socket), *quiet])
    for _ in range(200):
        if socket.exists():
            break
        time.sleep(0.02)
    yield socket
    server.terminate()
    server.wait()


def test_a_unix_socket_is_a_broker_too(socket_file: Path) -> None:
    bell = Doorbell.at(f"redis+socket://{socket_file}?virtual_host=3")

    assert (bell.ring("tag", [1, 2]), bell.depth("tag")) == (2, 2)
    bell.close()


def test_a_bell_finds_its_broker_again(own_redis: services.Server) -> None:
    # Given a bell that has rung
    bell = Doorbell.at(own_redis.url)
    bell.ring("tag", [1])

    # When the broker dies and comes back
    own_redis.kill()
    with pytest.raises(BrokerUnavailable):
        bell.ring("tag", [2])
    own_redis.restart()

    # Then it rings on the same broker, without being made anew
    assert bell.ring("tag", [3]) == 1
    bell.close()


def test_a_broker_answers_or_does_not(bell: Doorbell, dead_bell: Doorbell) -> None:
    assert (bell.answers(), dead_bell.answers()) == (True, False)


def test_what_an_operator_must_know_of_a_broker(own_redis: services.Server) -> None:
    """The test's server keeps an append-only file and evicts nothing."""
    facts = broker_facts(own_redis.url)

    assert re.fullmatch(r"\d+\.\d+\.\d+", facts.version)
    assert (facts.append_only, facts.eviction) == (True, "noeviction")
    with redis.Redis.from_url(own_redis.url) as client:
        client.config_set("appendonly", "no")
        client.config_set("maxmemory-policy", "allkeys-lru")

    changed = broker_facts(own_redis.url)

    assert (changed.append_only, changed.eviction) == (False, "allkeys-lru")


def test_a_socket_tells_its_facts_too(socket_file: Path) -> None:
    assert broker_facts(f"redis+socket://{socket_file}").append_only is False


def test_a_broker_that_is_away_tells_nothing() -> None:
    with pytest.raises(BrokerUnavailable, match=r"redis://:\*\*\*@127\.0\.0\.1:1/0"):
        broker_facts("redis://:secret@127.0.0.1:1/0")


def test_threads_share_a_bell(bell: Doorbell) -> None:
    ringers = [threading.Thread(target=bell.ring, args=("tag", range(50))) for _ in range(4)]
    for ringer in ringers:
        ringer.start()
    for ringer in ringers:
        ringer.join()

    assert bell.depth("tag") == 200


def test_the_settings_that_reliability_rests_on() -> None:
    conf = make_app("redis://127.0.0.1:1/0").conf

    assert (conf.task_acks_late, conf.worker_disable_prefetch, conf.task_ignore_result) == (False, True, True)
    assert (conf.accept_content, conf.task_serializer, conf.result_backend) == (["json"], "json", None)
    assert (conf.worker_pool_start_method, conf.task_create_missing_queues) == ("spawn", False)
    assert (conf.worker_hijack_root_logger, conf.worker_send_task_events) == (False, True)


def test_every_queue_has_its_own_exchange_and_key() -> None:
    queues = make_app("redis://127.0.0.1:1/0").amqp.queues

    assert {(name, queue.exchange.name, queue.routing_key) for name, queue in queues.items()} == {
        (name, name, name) for name in TASKS
    }


def test_owed_bells_ring_once(ledger: Ledger, bell: Doorbell) -> None:
    queued_job(ledger, chunks=3)

    assert [ring_owed(ledger, bell, "tag") for _ in range(2)] == [3, 0]
    assert (bell.depth("tag"), ledger.rung_unclaimed("tag")) == (3, 3)


def test_owed_bells_ring_batch_by_batch(ledger: Ledger, bell: Doorbell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.queue.BATCH", 2)
    queued_job(ledger, chunks=5)

    assert ring_owed(ledger, bell, "tag") == 5
    assert bell.depth("tag") == 5


def test_bells_stay_owed_while_the_broker_is_away(ledger: Ledger, dead_bell: Doorbell) -> None:
    queued_job(ledger, chunks=3)

    with pytest.raises(BrokerUnavailable):
        ring_owed(ledger, dead_bell, "tag")

    assert len(ledger.owed("tag", 10)) == 3


class Breaking(Doorbell):
    """A doorbell whose broker goes away after the first ring."""

    def ring(self, queue: str, chunk_ids: Any) -> int:  # noqa: ANN401 -- as its base
        super().ring(queue, chunk_ids[:1])
        raise BrokerUnavailable("redis://gone", ConnectionError("reset"), tuple(chunk_ids[:1]))


def test_what_rang_before_an_outage_is_not_owed(ledger: Ledger, broker_url: str) -> None:
    queued_job(ledger, chunks=3)
    bell = Breaking(make_app(broker_url))
    owed = ledger.owed("tag", 10)

    with pytest.raises(BrokerUnavailable):
        ring_and_mark(ledger, bell, "tag", owed)

    assert ledger.owed("tag", 10) == owed[1:]
    assert bell.depth("tag") == 1
    bell.close()
