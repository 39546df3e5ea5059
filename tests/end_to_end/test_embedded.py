"""Without `REDIS_URL` a worker brings a Redis of its own, and takes it along when it ends; the data stays."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py

from tiktok_events import Producer
from worker.overview import look
from worker.sandbox import Sandbox

ROOT = Path(__file__).parents[2]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[redis_py.Redis]:
    """A client for the server that a worker is about to start; none is left behind by a test that fails."""
    client = redis_py.Redis.from_url(f"unix://{tmp_path / 'tiktok-events' / 'redis.sock'}")
    yield client
    if _answers(client):
        client.shutdown(nosave=True)
    client.close()


def test_the_embedded_server_ends_with_its_worker_and_keeps_its_data(
    order_completed: Callable[..., dict[str, Any]], redis: redis_py.Redis, sandbox: Sandbox, tmp_path: Path
) -> None:
    config = tmp_path / "destinations.toml"
    text = (ROOT / "examples" / "destinations.toml").read_text(encoding="utf-8")
    config.write_text(text.replace("http://127.0.0.1:8900/open_api/v1.3/", sandbox.url), encoding="utf-8")
    environment = {
        **{name: value for name, value in os.environ.items() if name not in ("REDIS_URL", "CELERY_BROKER_URL")},
        "XDG_STATE_HOME": str(tmp_path),
        "TIKTOK_EVENTS_CONFIG": str(config),
        "TIKTOK_ACCESS_TOKEN": "token-of-the-test",
    }
    url = f"unix://{tmp_path / 'tiktok-events' / 'redis.sock'}"
    command = [sys.executable, "-m", "celery", "-A", "worker", "worker", "--concurrency", "1"]
    command += ["--without-gossip", "--without-mingle"]
    for number in (1, 2):
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as worker:
            try:
                _wait_for(redis)
                with Producer(url) as producer:
                    producer.enqueue(order_completed(number), destination="stores")
                end = time.monotonic() + 90
                while look(redis, "stores", now=time.time()).totals.get("delivered", 0) < number:
                    assert time.monotonic() < end
                    time.sleep(0.05)
            finally:
                worker.terminate()
            # Reads to the end: a server that held the worker's output open would hold up whoever reads it.
            told, _ = worker.communicate(timeout=90)
        assert b"Traceback" not in told
        assert not _answers(redis)


def _wait_for(redis: redis_py.Redis) -> None:
    end = time.monotonic() + 90
    while not _answers(redis):
        assert time.monotonic() < end
        time.sleep(0.05)


def _answers(redis: redis_py.Redis) -> bool:
    try:
        return bool(redis.ping())
    except redis_py.RedisError:
        return False
