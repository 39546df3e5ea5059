"""What a person needs to know of a destination at a glance. The terminal, the web pages and the metrics ask here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from worker.config import Destination
from worker.grouping import paths
from worker.keys import GROUP, Keys
from worker.limiter import in_force, scope
from worker.pauses import Pause, pause_of
from worker.reasons import REASONS
from worker.scripts import Call, run_many

MINUTES = 30
"""How far back the counters of minutes are shown."""

_WANTED = ("delivered", "dead", "retried")


@dataclass(frozen=True, slots=True)
class Overview:
    """One destination now. Ages in seconds, counters since the beginning."""

    destination: str
    waiting: int = 0
    """events in the streams that nobody has claimed, those in packs included"""
    oldest_seconds: float = 0.0
    in_flight: int = 0
    """claimed by a worker and not settled"""
    scheduled: int = 0
    next_retry_seconds: float | None = None
    dead: int = 0
    dead_by_reason: dict[str, int] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)
    last_minute: dict[str, int] = field(default_factory=dict)
    """the same counters in the last full minute"""
    delivered_by_minute: tuple[int, ...] = ()
    """of the last thirty full minutes, the oldest first"""
    failed_by_minute: tuple[int, ...] = ()
    """tries that failed: retried or dead-lettered"""
    running: int = 0
    """deliver tasks at work"""
    breaker: str = "closed"
    """closed, open or half-open"""
    breaker_since: float | None = None
    """Unix seconds, since when it is not closed"""
    breaker_why: str = ""
    """the last answer that kept it open"""
    pause: Pause | None = None
    blocked_seconds: float = 0.0
    """how long nothing is claimed, because TikTok throttled or a token is renewed"""
    limit_in_force: float | None = None
    """share of the rate limit after throttling, 1.0 when it is whole; None where each event names its own source"""
    fault: str = ""
    """why Redis told nothing about it (a key of the wrong type), by the name of the error; the rest is then zero"""

    @property
    def is_stopped(self) -> bool:
        """Say whether it waits for a person, for TikTok or for Redis."""
        return bool(self.pause or self.fault) or self.breaker != "closed" or self.blocked_seconds > 0

    def told(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)


def look(redis: Redis, destination: str, *, now: float) -> Overview:
    """Return the overview of one destination, without its rate limit.

    Raises:
        ResponseError: a key of it is of the wrong type.
    """
    (answer,) = run_many(redis, [_call(Keys(destination), now)])
    if isinstance(answer, ResponseError):
        raise answer
    return _overview(destination, answer, None, now)


def look_at(
    redis: Redis, names: Sequence[str], *, now: float, settings: Mapping[str, Destination] | None = None
) -> list[Overview]:
    """Return the overviews of several destinations in one round trip.

    `settings` are what the rate limits are found by. One destination that Redis refuses has a fault and does not keep
    the others from being seen.
    """
    limits = {name: in_force(found) for name in names if (found := _scopes((settings or {}).get(name)))}
    calls = [_call(Keys(name), now) for name in names]
    answers = run_many(redis, [*calls, *limits.values()])
    shares = dict(zip(limits, answers[len(names) :], strict=True))
    return [
        Overview(name, fault=_fault(answer))
        if isinstance(answer, ResponseError)
        else _overview(name, answer, shares.get(name), now)
        for name, answer in zip(names, answers, strict=False)
    ]


def _scopes(destination: Destination | None) -> list[str]:
    """Return the names of a destination's rate limits, none where its events name their own sources."""
    if destination is None or not destination.has_one_source or destination.event_set or destination.order_sync:
        return []
    fingerprint, source = destination.credentials.fingerprint(), destination.mapping.event_source_id
    return [scope(fingerprint, source, path) for path in paths(destination)]


def _call(keys: Keys, now: float) -> Call:
    last = int(now // 60) - 1
    own = [keys.inbox, keys.retry, keys.replay, keys.bulk, keys.bulk_size, keys.due, keys.dead, keys.totals]
    own += [keys.breaker, keys.state, keys.slices]
    own += [keys.facet("reason", reason) for reason in REASONS]
    own += [keys.minute(minute) for minute in range(last - MINUTES + 1, last + 1)]
    return Call("overview", own, [GROUP, len(REASONS), int(now * 1000), *_WANTED])


def _overview(destination: str, answer: Any, share: Any, now: float) -> Overview:
    *streams, figures, by_reason, minutes, last_minute, totals, (open_until, opened_at, why), raw_state = answer
    packed, scheduled, next_due, dead, running = figures
    entries, claimed = (sum(column) for column in list(zip(*streams[:3], strict=True))[:2])
    packs, packs_claimed, _ = streams[3]
    # How large each pack is, is not written down: those that are claimed count as many events as the others.
    packed_claimed = round(packed * packs_claimed / packs) if packs else 0
    ages = [now - oldest / 1000 for _, _, oldest in streams if oldest >= 0]
    state = {key.decode(): value.decode() for key, value in _pairs(raw_state)}
    delivered, died, retried = (minutes[place :: len(_WANTED)] for place in range(len(_WANTED)))
    return Overview(
        destination=destination,
        waiting=max(0, entries - claimed) + max(0, packed - packed_claimed),
        oldest_seconds=max(0.0, round(max(ages, default=0.0), 1)),
        in_flight=claimed + packed_claimed,
        scheduled=scheduled,
        next_retry_seconds=round(next_due / 1000 - now, 1) if next_due >= 0 else None,
        dead=dead,
        dead_by_reason={reason: count for reason, count in zip(REASONS, by_reason, strict=True) if count},
        totals=_numbers(totals),
        last_minute=_numbers(last_minute),
        delivered_by_minute=tuple(delivered),
        failed_by_minute=tuple(dead + again for dead, again in zip(died, retried, strict=True)),
        running=running,
        breaker="closed" if open_until is None else "open" if float(open_until) / 1000 > now else "half-open",
        breaker_since=None if opened_at is None else float(opened_at) / 1000,
        breaker_why=why.decode() if why else "",
        pause=pause_of(state),
        blocked_seconds=max(0.0, round(float(state.get("blocked_until", 0)) / 1000 - now, 1)),
        limit_in_force=None if share is None or isinstance(share, ResponseError) else float(share[0]),
    )


def _fault(refusal: ResponseError) -> str:
    # Redis 6.2 puts words of its own before the script's.
    return "WRONGTYPE" if "WRONGTYPE" in str(refusal) else type(refusal).__name__


def _pairs(flat: Sequence[bytes]) -> zip[tuple[bytes, bytes]]:
    return zip(flat[::2], flat[1::2], strict=True)


def _numbers(flat: Sequence[bytes]) -> dict[str, int]:
    return {key.decode(): int(value) for key, value in sorted(_pairs(flat))}
