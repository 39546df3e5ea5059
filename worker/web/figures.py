"""What do the charts and tables of the overview show?"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from redis import Redis

from worker.config import Destination
from worker.history import History, Minute, total
from worker.keys import UNKNOWN
from worker.overview import MINUTES, Overview, look_at
from worker.web.display import duration, visible

_FRESH_SECONDS = 1.0
"""Pages that many people look at ask Redis once."""

_CHART_MINUTES = 60


@dataclass(slots=True)
class Figures:
    """The figures of all destinations, kept for a moment."""

    redis: Redis
    destinations: Mapping[str, Destination]
    clock: Callable[[], float]
    _history: History = field(init=False)
    _kept: dict[tuple[str, ...], tuple[float, Any]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._history = History(self.redis)

    def overviews(self, names: Sequence[str] | None = None) -> list[Overview]:
        """Return how destinations are, those in trouble first."""
        wanted = [*self.destinations, UNKNOWN] if names is None else names
        found = look_at(self.redis, wanted, now=self.clock(), settings=self.destinations)
        # What named no destination is shown once there is any.
        return sorted((each for each in found if names or each.destination != UNKNOWN or each.dead), key=_trouble)

    def told(self, name: str | None = None) -> dict[str, Any]:
        """Return the figures of one destination, or of all, as the pages' scripts want them."""
        names = tuple(self.destinations) if name is None else (name,)
        # One at a time: the others then find what the first one asked for.
        with self._lock:
            at, told = self._kept.get(names, (0.0, None))
            if told is None or not 0 <= self.clock() - at < _FRESH_SECONDS:
                told = self._asked(names, everything=name is None)
                self._kept[names] = (self.clock(), told)
        return told  # type: ignore[no-any-return] # what _asked returned

    def minutes(self, name: str) -> list[tuple[int, Minute]]:
        """Return the last hour of a destination, each minute with its beginning in Unix seconds, the newest first."""
        now = self.clock()
        series = self._history.of([name], now=now, minutes=_CHART_MINUTES)[name]
        return [(60 * (int(now // 60) - age), minute) for age, minute in enumerate(reversed(series))]

    def _asked(self, names: Sequence[str], *, everything: bool) -> dict[str, Any]:
        now = self.clock()
        history = self._history.of(names, now=now, minutes=_CHART_MINUTES)
        found = self.overviews(None if everything else names)
        first = int(now // 60) - _CHART_MINUTES + 1
        return {
            "now": now,
            "destinations": [_row(each, history.get(each.destination, ()), now) for each in found],
            "minutes": [60 * (first + place) for place in range(_CHART_MINUTES)],
            "series": _series(total(same) for same in zip(*history.values(), strict=True)),
        }


def state_of(overview: Overview) -> tuple[str, str]:
    """Return a destination's state in words, and how bad that is: good, plain, warn, or bad."""
    if overview.fault:
        return f"unreadable: {overview.fault}", "bad"
    if overview.pause:
        return "paused", "bad"
    if overview.breaker != "closed":
        return ("breaker open", "bad") if overview.breaker == "open" else ("probing", "warn")
    if overview.blocked_seconds:
        return "waiting for TikTok", "warn"
    if overview.destination == UNKNOWN:
        return ("to be moved" if overview.dead else "empty"), "plain"
    return "running", "good"


def story_of(overview: Overview, now: float) -> str:
    """Return since when a destination is stopped, and why; nothing if it is not."""
    if overview.pause:
        since, reason = overview.pause.since, overview.pause.reason
        why = f"{reason if reason != 'command' else ''} {overview.pause.detail}".strip()
    elif overview.breaker_since is not None:
        since, why = overview.breaker_since, overview.breaker_why
    else:
        return ""
    return visible(f"for {duration(now - since)}" + (f": {why}" if why else ""))


def _trouble(overview: Overview) -> tuple[int, str]:
    return ("bad", "warn", "plain", "good").index(state_of(overview)[1]), overview.destination


def _row(overview: Overview, history: Sequence[Minute], now: float) -> dict[str, Any]:
    text, kind = state_of(overview)
    return {
        "name": overview.destination,
        "state": {"text": text, "kind": kind, "paused": overview.pause is not None, "story": story_of(overview, now)},
        "waiting": overview.waiting,
        "oldest_seconds": overview.oldest_seconds,
        "in_flight": overview.in_flight,
        "scheduled": overview.scheduled,
        "dead": overview.dead,
        "delivered": overview.totals.get("delivered", 0),
        "failed": overview.totals.get("retried", 0) + overview.totals.get("dead", 0),
        "spark": [minute.delivered for minute in history[-MINUTES:]],
    }


def _series(minutes: Iterable[Minute]) -> Mapping[str, list[float | None]]:
    rows = list(minutes)
    return {
        "delivered": [row.delivered for row in rows],
        "failed": [row.failed for row in rows],
        "backlog": [row.backlog for row in rows],
        "p50_ms": [row.took_ms(0.5) for row in rows],
        "p95_ms": [row.took_ms(0.95) for row in rows],
    }
