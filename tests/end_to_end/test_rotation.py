"""Keys come and go while workers and producers run: nothing is lost, and nothing is left that does not open."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest

from tiktok_events import Producer
from tiktok_events.sealing import VARIABLE, is_sealed
from worker.keys import Keys
from worker.sandbox import Sandbox

KEYS = Keys("stores")


def text(*names: str) -> str:
    return ",".join(f"{name}:{b64encode(name.encode().ljust(32, b'.')).decode()}" for name in names)


def test_a_rotation_under_way_loses_nothing(
    make_fleet: Callable[..., Any],
    sandbox: Sandbox,
    order_completed: Callable[..., dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Old and new workers at once, old and new producers, dead letters and retries of both keys, and the command."""
    fleet = make_fleet('retry = { min_backoff = "50ms", max_backoff = "200ms" }\nguard = { max_dead_share = 1 }')
    url = fleet.environment["REDIS_URL"]

    def enqueue(first: int, *keys: str) -> None:
        monkeypatch.setenv(VARIABLE, text(*keys))
        with Producer(url) as producer:
            producer.enqueue_many(
                (order_completed(number) for number in range(first, first + 200)), destination="stores"
            )
            producer.enqueue(
                {**order_completed(first), "messageId": f"bad-{first}", "properties": {"value": "none"}},
                destination="stores",
            )

    def use(*keys: str) -> None:
        fleet.environment[VARIABLE] = text(*keys)

    use("k1", "k2")
    first = fleet.start()
    enqueue(0, "k1")
    fleet.wait(lambda now: now.dead == 1)
    sandbox.fault("code", code=50000, message="no", times=3)
    use("k2", "k1")
    second = fleet.start()
    enqueue(1000, "k1", "k2")
    enqueue(2000, "k2", "k1")
    fleet.wait(lambda now: now.totals.get("delivered", 0) == 600 and now.dead == 3 and not now.scheduled)
    told = fleet.json("reencrypt", "--dry-run")
    assert "k1" in {row["key"] for row in told if row["place"] == "dead letters"}
    after = fleet.json("reencrypt", "--yes")
    assert {(row["place"], row["key"], row["payloads"]) for row in after} == {("dead letters", "k2", 3)}
    fleet.kill(first)
    fleet.kill(second)
    use("k2")
    fleet.start()
    refs = [letter["ref"] for letter in fleet.json("dead-letters", "list")]
    shown = fleet.json("dead-letters", "show", refs[0])
    assert shown["payload"]["messageId"].startswith("bad-")
    enqueue(3000, "k2")
    now = fleet.wait(lambda now: now.totals.get("delivered", 0) == 800 and now.dead == 4)
    assert "dead:undecryptable" not in now.totals
    assert fleet.json("audit")[0]["action"] == "reencrypt"
    assert is_sealed(fleet.redis.hvals(KEYS.dead_events)[0])


def test_a_worker_without_keys_says_so_unless_its_redis_is_the_embedded_one(make_fleet: Callable[..., Any]) -> None:
    fleet = make_fleet()
    fleet.start(concurrency=1)
    fleet.wait(lambda _: "ready" in fleet.log())
    assert "payloads lie in Redis in clear: TIKTOK_EVENTS_ENCRYPTION_KEYS is not set" in fleet.log()


def test_a_worker_with_bad_keys_does_not_start_and_shows_none(make_fleet: Callable[..., Any]) -> None:
    fleet = make_fleet()
    fleet.environment[VARIABLE] = "k1:c2VjcmV0,no-colon"
    assert fleet.start().wait(timeout=90) == 78
    assert f"{VARIABLE}: entry 1: its key must be 32 bytes" in fleet.log()
    assert f"{VARIABLE}: entry 2: must be id:key" in fleet.log()
    assert "c2VjcmV0" not in fleet.log()
