"""Is the Redis server one that keeps what it is given?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from worker.checkup.finding import Finding, finding
from worker.cluster import Cluster

OLDEST_REDIS = (6, 2)
_SKEW_SECONDS = 2.0
_FULL = 0.8
_SLOW_SECONDS = 0.02


def of_redis(redis: Redis) -> Iterator[Finding]:
    """Yield what the server's settings mean for events that must not be lost; of a cluster, those of every master."""
    if not isinstance(redis, Cluster):
        yield from _of_server(redis)
        return
    for name, server in redis.masters():
        for found in _of_server(server):
            yield replace(found, subject=f"{found.subject} {name}")


def _of_server(redis: Redis) -> Iterator[Finding]:
    info: Any = redis.info()
    yield _version(info)
    yield finding(
        "redis role",
        str(info.get("role", "unknown")),
        fail=info.get("role") == "slave",
        advice="REDIS_URL leads to a replica, which takes no writes: name the primary, or use redis+sentinel://",
    )
    policy = str(info.get("maxmemory_policy", "unknown"))
    yield finding(
        "eviction", policy, fail=policy != "noeviction", advice="set maxmemory-policy noeviction: others delete events"
    )
    yield _append_only(info)
    yield from _fsync(redis, info)
    yield _memory(info)
    yield from _clock(redis)


def _version(info: dict[str, Any]) -> Finding:
    name = str(info.get("server_name", "redis"))
    # What Valkey calls its redis_version is the Redis that it does as: 7.2.4 in each of them.
    version = str(info.get(f"{name}_version", info["redis_version"]))
    old = tuple(int(part) for part in version.split(".")[:2]) < OLDEST_REDIS
    return finding("redis version", f"{name} {version}", fail=old, advice="upgrade to 6.2 or newer")


def _append_only(info: dict[str, Any]) -> Finding:
    if not info.get("aof_enabled"):
        return Finding("append-only file", "fail", "off", "set appendonly yes: a restart would lose what is queued")
    broken = info.get("aof_last_write_status", "ok") != "ok"
    return finding(
        "append-only file",
        "its last write failed" if broken else "on",
        fail=broken,
        advice="look at Redis's log and its disk: it is probably full",
    )


def _fsync(redis: Redis, info: dict[str, Any]) -> Iterator[Finding]:
    if not info.get("aof_enabled"):
        return
    try:
        told: Any = redis.config_get("appendfsync")
    except ResponseError:
        # A managed server or an ACL: nothing is wrong with that, it just cannot be seen.
        yield Finding("fsync", "pass", "not shown by this server")
        return
    policy = str(told.get("appendfsync", "unknown"))
    yield finding(
        "fsync", policy, warn=policy == "no", advice="set appendfsync everysec: a power cut would lose half a minute"
    )


def _memory(info: dict[str, Any]) -> Finding:
    used, limit = int(info["used_memory"]), int(info.get("maxmemory") or 0)
    most = limit or int(info.get("total_system_memory") or 0)
    of = f"{limit / 1e6:.0f} MB" if limit else f"the machine's {most / 1e6:.0f} MB, no limit is set"
    return finding(
        "memory",
        f"{used / 1e6:.0f} MB used of {of}",
        warn=bool(most) and used > most * _FULL,
        advice="give it more, or let the backlog drain: a full Redis takes no events",
    )


def _clock(redis: Redis) -> Iterator[Finding]:
    asked = time.time()
    seconds, microseconds = redis.time()
    answered = time.time()
    took = answered - asked
    skew = max(0.0, abs((asked + answered) / 2 - seconds - microseconds / 1e6) - took / 2)
    yield finding("clock", f"{skew:.2f} s apart", warn=skew > _SKEW_SECONDS, advice="run NTP on both")
    yield finding(
        "distance",
        f"{took * 1000:.1f} ms to Redis and back",
        warn=took > _SLOW_SECONDS,
        advice="put workers nearer to Redis: each batch asks it a few times",
    )
