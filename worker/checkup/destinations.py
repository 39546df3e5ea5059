"""Does every destination have what it needs: its stream groups, its credential, somebody who works?"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from redis import Redis

from worker.checkup.finding import Finding, finding
from worker.config import Config, Destination
from worker.keys import GROUP, Keys, credential
from worker.overview import Overview, look_at
from worker.workers import workers

_STREAMS = ("inbox", "bulk", "retry", "replay")
_FACTOR = 4
"""Entries held for so many times `take_back_after` should have been taken back long ago."""


def of_destinations(redis: Redis, config: Config, *, known: set[str]) -> Iterator[Finding]:
    """Yield what is stopped, and what waits in an inbox that nobody reads. `known` are the inboxes there are."""
    now = time.time()
    for one in look_at(redis, list(config.destinations), now=now, settings=config.destinations):
        yield _state(one, config.destinations[one.destination])
    yield from _groups(redis, config.destinations.values())
    for name in sorted(known - set(config.destinations)):
        yield Finding(
            f"inbox {name}",
            "fail",
            "holds events, but no destination reads it",
            "add the destination, or mend the producer",
        )


def _state(one: Overview, settings: Destination) -> Finding:
    subject = f"destination {one.destination}"
    if one.fault:
        return Finding(
            subject, "fail", f"Redis refuses its keys ({one.fault})", "a key is of another type: docs/redis.md"
        )
    if one.pause:
        advice = f"see docs/runbook.md#pause-{one.pause.reason}, then: python -m worker resume {one.destination}"
        return Finding(subject, "warn", f"paused: {one.pause.reason} {one.pause.detail}".strip(), advice)
    if one.breaker != "closed":
        told = f"breaker {one.breaker}: {one.breaker_why or 'TikTok fails too often'}"
        return Finding(subject, "warn", told, "see docs/runbook.md#alert-breaker_open")
    if one.oldest_seconds > settings.backlog_alert_seconds:
        told = f"{one.waiting} waiting, the oldest for {one.oldest_seconds:.0f} s"
        return Finding(subject, "warn", told, "see docs/runbook.md#alert-backlog")
    return Finding(subject, "pass", "not paused")


def _groups(redis: Redis, destinations: Collection[Destination]) -> Iterator[Finding]:
    """Say of each whether its consumer groups are there, and whether anything is held that nobody takes back."""
    pipe = redis.pipeline(transaction=False)
    for each in destinations:
        silence = int(each.take_back_after_seconds * _FACTOR * 1000)
        for name in _STREAMS:
            stream = getattr(Keys(each.name), name)
            pipe.exists(stream)
            pipe.xpending_range(stream, GROUP, "-", "+", 100, idle=silence)
    answers = iter(pipe.execute(raise_on_error=False))
    for each in destinations:
        yield _group(each.name, {name: (next(answers), next(answers)) for name in _STREAMS})


def _group(destination: str, answers: Mapping[str, tuple[Any, Any]]) -> Finding:
    subject = f"group {destination}"
    missing, stuck = [], 0
    for name, (exists, held) in answers.items():
        if not isinstance(held, Exception):
            stuck += len(held)
        elif exists and "NOGROUP" in str(held):
            missing.append(name)
        elif "NOGROUP" not in str(held):
            return Finding(subject, "fail", f"{name} is not a stream", "somebody else's key has its name")
    if missing:
        return Finding(subject, "warn", f"none yet of {', '.join(missing)}", "a worker makes it at its next claim")
    return finding(
        subject,
        f"{stuck} or more entries are held by workers that are gone" if stuck else "nothing is stuck",
        warn=bool(stuck),
        advice="start a worker: it takes them back",
    )


def of_credentials(redis: Redis, config: Config) -> Iterator[Finding]:
    """Yield whether each credential can be had. Whether TikTok accepts it is asked by `credentials check` alone."""
    for name, found in config.credentials.items():
        subject = f"credential {name}"
        used = any(each.credentials.name == name for each in config.destinations.values())
        if not used:
            yield Finding(subject, "warn", "no destination uses it", "remove it, or its name is mistyped")
        elif found.refresh is None:
            yield Finding(subject, "pass", "is set; `credentials check` asks TikTok whether it is good")
        else:
            yield _refreshing(subject, redis.hget(credential(name), "expires_at"))


def _refreshing(subject: str, raw: Any) -> Finding:
    if raw is None:
        return Finding(subject, "pass", "has no token yet; the first request gets one")
    ends = float(raw)
    left = ends - time.time()
    if not ends or left > 0:
        return Finding(subject, "pass", f"its token ends in {left / 3600:.1f} h" if ends else "its token has no end")
    return Finding(subject, "warn", "its token has ended", "the next request renews it; `credentials check` does, too")


def of_workers(redis: Redis) -> Iterator[Finding]:
    """Yield whether somebody works, and whether all of them run the same release."""
    found = workers(redis)
    alive = [seen.worker for seen in found if not seen.is_silent]
    slots = sum(worker.slots for worker in alive)
    yield finding(
        "workers",
        f"{len(alive)} alive, {slots} slots" if alive else "none is alive",
        warn=not alive,
        advice="start one: celery -A worker worker",
    )
    silent = [seen.worker.name for seen in found if seen.is_silent]
    if silent:
        advice = "killed or cut off; what they held is taken back by others"
        yield Finding("silent workers", "warn", ", ".join(silent), advice)
    versions = sorted({worker.version for worker in alive})
    if len(versions) > 1:
        yield Finding("releases", "warn", ", ".join(versions), "a deployment is under way, or was left half done")
