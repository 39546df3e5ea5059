"""Whether this machine, its Redis and its configuration are fit to keep events: what `doctor` asks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from worker.config import Config
from worker.keys import LEADER, Keys
from worker.pauses import Pauses

OLDEST_REDIS = (6, 2)
_SKEW_SECONDS = 2.0
_HEADROOM = 0.8


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer: `state` is pass, warn or fail; `advice` says what to do unless it is a pass."""

    subject: str
    state: str
    detail: str
    advice: str = ""


def of_redis(redis: Redis) -> Iterator[Finding]:
    """Yield what the server's settings mean for events that must not be lost."""
    info: Any = redis.info()
    version = str(info["redis_version"])
    old = tuple(int(part) for part in version.split(".")[:2]) < OLDEST_REDIS
    yield Finding("redis version", "fail" if old else "pass", version, "upgrade to 6.2 or newer" if old else "")
    policy = info.get("maxmemory_policy", "unknown")
    yield (
        Finding("eviction", "pass", policy)
        if policy == "noeviction"
        else Finding("eviction", "fail", policy, "set maxmemory-policy noeviction: anything else deletes events")
    )
    yield (
        Finding("append-only file", "pass", "on")
        if info.get("aof_enabled")
        else Finding("append-only file", "fail", "off", "set appendonly yes: a restart would lose what is queued")
    )
    most, used = int(info.get("maxmemory") or 0), int(info["used_memory"])
    full = bool(most) and used > most * _HEADROOM
    detail = f"{used / 1e6:.0f} MB used of {f'{most / 1e6:.0f} MB' if most else 'no limit'}"
    yield Finding(
        "memory", "warn" if full else "pass", detail, "give it more, or let the backlog drain" if full else ""
    )
    seconds, microseconds = redis.time()
    skew = abs(time.time() - seconds - microseconds / 1e6)
    skewed = skew > _SKEW_SECONDS
    yield Finding("clock", "warn" if skewed else "pass", f"{skew:.2f} s apart", "run NTP on both" if skewed else "")


def of_destinations(redis: Redis, config: Config, *, known: set[str]) -> Iterator[Finding]:
    """Yield what is stopped, and what waits in an inbox that nobody reads. `known` are the inboxes there are."""
    for name in config.destinations:
        pause = Pauses(redis, Keys(name)).current()
        if pause is None:
            yield Finding(f"destination {name}", "pass", "not paused")
        else:
            advice = f"see docs/runbook.md, then: python -m worker resume {name}"
            yield Finding(f"destination {name}", "warn", f"paused: {pause.reason} {pause.detail}".strip(), advice)
    for name in sorted(known - set(config.destinations)):
        yield Finding(
            f"inbox {name}",
            "fail",
            "holds events, but no destination reads it",
            "add the destination, or mend the producer",
        )
    leads = redis.get(LEADER)
    yield (
        Finding("workers", "pass", "one is listening")
        if leads
        else Finding("workers", "warn", "none is listening", "start one: celery -A worker worker")
    )


def inboxes(redis: Redis) -> set[str]:
    """Return the destinations whose inbox exists in Redis, configured or not."""
    pattern = Keys("*").inbox
    before, after = pattern.split("*")
    found: Any = redis.scan_iter(match=f"{before.replace('{', '[{]')}*{after.replace('}', '[}]')}", count=1000)
    return {key.decode().removeprefix(before).removesuffix(after) for key in found if redis.xlen(key)}


def examine(redis: Redis, config: Config) -> list[Finding]:
    """Ask everything; a Redis that does not answer is a finding, too."""
    try:
        return [*of_redis(redis), *of_destinations(redis, config, known=inboxes(redis))]
    except RedisError as error:
        return [Finding("redis", "fail", f"does not answer ({type(error).__name__})", "check REDIS_URL and the server")]
