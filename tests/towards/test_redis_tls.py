"""Redis over TLS: worker, broker and producer speak it, and none of them to a server that nobody vouches for."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py
from celery import Celery

from tiktok_events import AsyncProducer, Producer, Unavailable
from tiktok_events.wake import Waker
from worker.connection import connect
from worker.sandbox import Sandbox

ROOT = Path(__file__).parents[2]


def test_a_worker_a_producer_and_celery_meet_over_tls(
    tls_redis: Callable[..., Any],
    start_worker: Callable[..., Any],
    sandbox: Sandbox,
    order_completed: Callable[..., dict[str, Any]],
    wait: Callable[..., None],
    tmp_path: Path,
) -> None:
    url = tls_redis().url()
    with connect(url) as client, Producer(url, wake=True) as producer:
        start_worker(url)
        wait(lambda: client.exists("tiktok-events:destinations"), told=(tmp_path / "worker.log").read_text)
        producer.enqueue(order_completed(1), destination="stores")
        asyncio.run(_enqueue(url, order_completed(2)))
        Celery("host", broker=url, set_as_current=False).send_task(
            "tiktok_events.enqueue", args=["stores", order_completed(3)], queue="tiktok-events"
        )
        # Of its own a worker looks into the inbox, so what came over the broker is told by the third.
        wait(lambda: len(sandbox.deliveries) == 3, told=(tmp_path / "worker.log").read_text)


async def _enqueue(url: str, event: dict[str, Any]) -> None:
    async with AsyncProducer(url) as producer:
        await producer.enqueue(event, destination="stores")


@pytest.mark.parametrize(
    ("certificate", "trusting"),
    [("certificate", False), ("elsewhere", True), ("ended", True)],
    ids=["authority unknown", "another's name", "ended"],
)
def test_a_server_that_nobody_vouches_for_gets_nothing(
    tls_redis: Callable[..., Any],
    start_worker: Any,
    order_completed: Callable[..., dict[str, Any]],
    certificate: str,
    trusting: bool,
) -> None:
    server = tls_redis(certificate)
    url = server.url("shop", trusting=trusting)
    with Producer(url, timeout_seconds=1) as producer, pytest.raises(Unavailable) as caught:
        producer.enqueue(order_completed(1), destination="stores")
    assert not caught.value.maybe_stored
    assert "PASSWORD" not in str(caught.value)
    with pytest.raises(Unavailable):
        asyncio.run(_enqueue(url, order_completed(1)))
    with connect(url, retries=0) as client, pytest.raises(redis_py.ConnectionError):
        client.ping()
    waker = Waker(url, timeout_seconds=1)
    waker.wake("stores")
    assert waker.rests, "the broker's client refuses, too"
    command = [sys.executable, "-m", "worker", "status"]
    told = subprocess.run(
        command, cwd=ROOT, env=start_worker.environment(url), capture_output=True, text=True, check=False
    )
    assert told.returncode == 69
    assert "PASSWORD" not in told.stdout + told.stderr
    assert "cmdstat_auth" not in server.admin.info("commandstats"), "no password was sent"
