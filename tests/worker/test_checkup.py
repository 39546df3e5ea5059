from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis as redis_py

from tests.servers import SERVERS
from worker.checkup import examine, of_redis
from worker.config import Config, ConfigError
from worker.config.load import build
from worker.keys import GROUP, WORKERS, Keys, credential
from worker.pauses import Pauses
from worker.workers import Heartbeat


def states(redis: redis_py.Redis, config: Config) -> dict[str, str]:
    return {finding.subject: finding.state for finding in examine(redis, config)}


@pytest.fixture
def safe(redis: redis_py.Redis) -> Iterator[redis_py.Redis]:
    redis.config_set("appendonly", "yes")
    yield redis
    redis.config_set("appendonly", "no")
    redis.config_set("maxmemory-policy", "noeviction")
    redis.config_set("maxmemory", 0)


@pytest.mark.every_server
def test_a_safe_server_passes(safe: redis_py.Redis, configure: Callable[..., Config]) -> None:
    found = states(safe, configure())
    assert {name for name, state in found.items() if state != "pass"} == {"workers"}


@pytest.mark.every_server
def test_a_server_is_called_by_its_own_version(redis: redis_py.Redis, shared_server: Any) -> None:
    told = {finding.subject: finding.detail for finding in of_redis(redis)}
    assert told["redis version"].replace(" ", "-") == next(
        name for name, binary in SERVERS.items() if binary == shared_server.binary
    )


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
    *_, finding = examine(away, configure())
    assert (finding.subject, finding.state) == ("redis", "fail")


def test_a_configuration_that_cannot_be_read_is_told_fault_by_fault_and_redis_is_looked_at(
    safe: redis_py.Redis,
) -> None:
    error = ConfigError("destinations.toml", ["destinations.a.kind: is required", "destinations.b.kind: is required"])
    found = examine(safe, error)
    assert [(each.state, each.detail) for each in found[:2]] == [("fail", fault) for fault in error.faults]
    assert "destinations.toml" in found[0].advice
    assert any(each.subject == "memory" for each in found)


def test_every_finding_that_is_no_pass_says_what_to_do(redis: redis_py.Redis, configure: Callable[..., Config]) -> None:
    redis.config_set("appendonly", "no")
    Pauses(redis, Keys("stores")).pause("command", detail="", by="t", credential="c", now=1.0)
    redis.set(Keys("stores").retry, "something of somebody else's")
    found = examine(redis, configure())
    assert {each.state for each in found} == {"pass", "warn", "fail"}
    assert all(bool(each.advice) == (each.state != "pass") for each in found)


def test_a_group_that_is_missing_and_entries_that_nobody_takes_back_are_named(
    safe: redis_py.Redis, configure: Callable[..., Config]
) -> None:
    stream = Keys("stores").inbox
    entry = safe.xadd(stream, {"event": b"{}"})
    assert states(safe, configure())["group stores"] == "warn"
    safe.xgroup_create(stream, GROUP, "0")
    assert states(safe, configure())["group stores"] == "pass"
    safe.xreadgroup(GROUP, "gone", {stream: ">"})
    assert states(safe, configure())["group stores"] == "pass"
    safe.xclaim(stream, GROUP, "gone", 0, [entry], idle=3_600_000, justid=True)
    assert states(safe, configure())["group stores"] == "warn"
    safe.delete(stream)
    safe.set(stream, "something of somebody else's")
    assert states(safe, configure())["group stores"] == "fail"


def test_a_breaker_that_is_open_and_an_old_backlog_are_named(
    safe: redis_py.Redis, configure: Callable[..., Config]
) -> None:
    safe.xadd(Keys("stores").inbox, {"event": b"{}"}, id="1-1")
    assert states(safe, configure())["destination stores"] == "warn"
    safe.delete(Keys("stores").inbox)
    assert states(safe, configure())["destination stores"] == "pass"
    safe.hset(Keys("stores").breaker, "open_until", 9_999_999_999_999)
    assert states(safe, configure())["destination stores"] == "warn"


def test_workers_that_live_pass_and_silent_ones_are_named(
    safe: redis_py.Redis, configure: Callable[..., Config]
) -> None:
    Heartbeat("w1", slots=2).beat(safe)
    assert states(safe, configure())["workers"] == "pass"
    ((said, score),) = safe.zrange(WORKERS, 0, -1, withscores=True)
    safe.zadd(WORKERS, {said: score - 60_000, said.replace(b"w1", b"w2").replace(b'"0.', b'"9.'): score})
    found = states(safe, configure())
    assert (found["workers"], found["silent workers"]) == ("pass", "warn")
    safe.zadd(WORKERS, {said: score})
    assert states(safe, configure())["releases"] == "warn"


@pytest.mark.parametrize(
    ("expires_at", "state"), [(None, "pass"), ("0", "pass"), ("99999999999", "pass"), ("5", "warn")]
)
def test_a_token_that_has_ended_is_named(safe: redis_py.Redis, expires_at: str | None, state: str) -> None:
    if expires_at is not None:
        safe.hset(credential("main"), "expires_at", expires_at)
    assert states(safe, build(REFRESHING, dict.fromkeys("ABC", "x"), source="test"))["credential main"] == state


REFRESHING = {
    "credentials": {
        "main": {
            "kind": "refreshing",
            "refresh_url": "https://example.com/token/",
            "client_id": "${A}",
            "client_secret": "${B}",
            "refresh_token": "${C}",
        }
    },
    "destinations": {"stores": {"kind": "events", "source": "segment", "credentials": "main", "event_source_id": "1"}},
}
