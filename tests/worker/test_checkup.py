from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import redis as redis_py

from worker.checkup import examine
from worker.config import Config
from worker.keys import Keys
from worker.pauses import Pauses


def states(redis: redis_py.Redis, config: Config) -> dict[str, str]:
    return {finding.subject: finding.state for finding in examine(redis, config)}


@pytest.fixture
def safe(redis: redis_py.Redis) -> Iterator[redis_py.Redis]:
    redis.config_set("appendonly", "yes")
    yield redis
    redis.config_set("appendonly", "no")
    redis.config_set("maxmemory-policy", "noeviction")
    redis.config_set("maxmemory", 0)


def test_a_safe_server_passes(safe: redis_py.Redis, configure: Callable[..., Config]) -> None:
    found = states(safe, configure())
    assert {name for name, state in found.items() if state != "pass"} == {"workers"}


@pytest.mark.parametrize(
    ("setting", "value", "subject", "state"),
    [
        ("appendonly", "no", "append-only file", "fail"),
        ("maxmemory-policy", "allkeys-lru", "eviction", "fail"),
        ("maxmemory", 1_000_000, "memory", "warn"),
    ],
)
def test_settings_that_lose_events_are_named(
    safe: redis_py.Redis, configure: Callable[..., Config], setting: str, value: str | int, subject: str, state: str
) -> None:
    safe.config_set(setting, value)
    assert states(safe, configure())[subject] == state


def test_a_paused_destination_and_an_unread_inbox_are_named(
    safe: redis_py.Redis, configure: Callable[..., Config]
) -> None:
    Pauses(safe, Keys("stores")).pause("command", detail="", by="t", credential="c", now=1.0)
    safe.xadd(Keys("typo").inbox, {"event": b"{}"})
    found = states(safe, configure())
    assert (found["destination stores"], found["inbox typo"]) == ("warn", "fail")


def test_a_redis_that_is_away_is_a_finding(configure: Callable[..., Config]) -> None:
    away = redis_py.Redis(port=1, socket_connect_timeout=0.2)
    (finding,) = examine(away, configure())
    assert (finding.subject, finding.state) == ("redis", "fail")
