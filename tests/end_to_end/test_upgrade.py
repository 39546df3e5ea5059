"""Workers of the previous version and of this one serve the same Redis: nothing is lost, nothing is sent twice."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tiktok_events import Producer
from worker.sandbox import Sandbox

ROOT = Path(__file__).parents[2]
MakeOrder = Callable[..., dict[str, Any]]


def git(*arguments: str) -> bytes:
    return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, check=True).stdout


def previous() -> str:
    """Return the last release before this commit, or the commit before it where there has been none.

    `UPGRADE_FROM` names another one: any commit, to try how far back it holds.
    """
    if named := os.environ.get("UPGRADE_FROM"):
        return named
    try:
        releases = git("tag", "--list", "v*", "--merged", "HEAD^", "--sort=-v:refname").decode().split()
        return releases[0] if releases else git("rev-parse", "HEAD^").decode().strip()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no history here (a source archive, or a shallow clone): there is no previous version to run")


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the previous version."""
    revision = previous()
    folder = tmp_path_factory.mktemp("before")
    with tarfile.open(fileobj=io.BytesIO(git("archive", revision))) as archive:
        archive.extractall(folder, filter="data")
    return folder


ENQUEUE = """
import json, sys
from tiktok_events import Producer
with Producer() as producer:
    events = json.load(sys.stdin)
    for event in events[:20]:
        producer.enqueue(event, destination="stores")
    producer.enqueue_many(events[20:], destination="stores")
"""


def test_old_and_new_workers_and_producers_share_one_redis(
    before: Path, make_fleet: Callable[..., Any], order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    fleet = make_fleet(
        'batch_size = 50\n[destinations.stores.retry]\nmin_backoff = "200ms"\nmax_backoff = "400ms"'
        "\n[destinations.stores.breaker]\nmin_requests = 1000"
    )
    orders = [order_completed(number) for number in range(2400)]
    # Some requests fail, so that events wait to be tried again, written by one version and read by the other.
    sandbox.fault("http", match={"every": 6})
    old = fleet.start(root=before)
    fleet.wait(lambda _: b"stores" in fleet.redis.hkeys("tiktok-events:destinations"))
    _enqueue(fleet, before, orders[:600])
    fleet.wait(lambda now: now.totals.get("delivered", 0) > 100)
    fleet.start()
    fleet.wait(lambda _: "w1@test ready" in fleet.log())
    _enqueue(fleet, before, orders[600:1200])
    _enqueue(fleet, ROOT, orders[1200:1800])
    fleet.wait(lambda now: now.totals.get("delivered", 0) > 1300)
    # The upgrade ends: the old worker leaves in good order, under load.
    with Producer(fleet.environment["REDIS_URL"]) as producer:
        producer.enqueue_many(orders[1800:], destination="stores")
    old.send_signal(signal.SIGTERM)
    assert old.wait(timeout=90) == 0
    now = fleet.wait(lambda now: (now.waiting, now.in_flight, now.scheduled) == (0, 0, 0))
    assert now.totals["delivered"] == 2400
    assert now.totals["retried"] > 0
    assert now.dead == 0
    assert set(sandbox.deliveries) == {order["messageId"] for order in orders}
    assert max(sandbox.deliveries.values()) == 1


def test_an_upgrade_that_is_taken_back_loses_nothing(
    before: Path, make_fleet: Callable[..., Any], order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    fleet = make_fleet("batch_size = 50")
    orders = [order_completed(number) for number in range(1200)]
    new = fleet.start()
    fleet.wait(lambda _: b"stores" in fleet.redis.hkeys("tiktok-events:destinations"))
    sandbox.fault("slow", seconds=0.1)
    _enqueue(fleet, ROOT, orders)
    fleet.wait(lambda now: now.totals.get("delivered", 0) > 100)
    new.send_signal(signal.SIGTERM)
    assert new.wait(timeout=90) == 0
    fleet.start(root=before)
    time.sleep(0.1)
    fleet.wait(lambda now: (now.waiting, now.in_flight, now.scheduled) == (0, 0, 0))
    assert set(sandbox.deliveries) == {order["messageId"] for order in orders}
    assert max(sandbox.deliveries.values()) == 1


def _enqueue(fleet: Any, root: Path, events: list[dict[str, Any]]) -> None:
    """Enqueue with the client of a version: some one by one, the rest as `enqueue_many` does it."""
    subprocess.run(
        [sys.executable, "-c", ENQUEUE],
        cwd=root,
        env=fleet.environment,
        input=json.dumps(events),
        text=True,
        check=True,
    )
