"""Which destinations need deliver tasks now, and how many more."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from redis import Redis
from redis.exceptions import ResponseError

from worker.config import Destination
from worker.keys import GROUP, Keys
from worker.scripts import Call, run_many

LEASE_SECONDS = 15.0
"""How long a deliver task counts as running after it was last heard of."""

_MOST_PROMOTED = 1000
_MOST_TASKS_A_TICK = 4


class Lease(NamedTuple):
    """The right to run one deliver task of a destination."""

    destination: str
    token: str


@dataclass(frozen=True, slots=True)
class Tick:
    """What one look at a destination found."""

    tokens: tuple[str, ...]
    backlog: int
    wait_seconds: float | None
    """Until something is due or a block ends; None when nothing is to be waited for."""
    blocked: bool = False
    """Whether it is paused, throttled or its breaker open, so that new entries change nothing."""
    quiet: bool = False
    """Whether nothing waits, is held or is scheduled."""
    newest: tuple[str, ...] = ("", "", "")
    """The newest entries of inbox, bulk and replay stream, where there are any."""
    fault: str = ""
    """What Redis refuses here (a key of the wrong type, say), by the name of its error. The others are not held up."""


class Schedule:
    """Looks at destinations and reserves deliver tasks for them. Safe to run anywhere, at any time, more than once."""

    def __init__(self, redis: Redis, destinations: Mapping[str, Destination]) -> None:
        self._redis = redis
        self._destinations = destinations

    def look(self, name: str) -> Tick:
        """Promote what is due and reserve a lease for each task that is missing."""
        return self.look_at([name])[0]

    def look_at(self, names: Sequence[str]) -> list[Tick]:
        """Do the same for several, in one round trip: a thousand destinations may be busy at once."""
        offers = [self._offered(name) for name in names]
        calls = [
            call
            for name, offer in zip(names, offers, strict=True)
            for call in (_promote(name), self._tick(name, offer))
        ]
        answers = run_many(self._redis, calls)
        ticks = []
        for offer, promoted, looked in zip(offers, answers[0::2], answers[1::2], strict=True):
            refusal = next((each for each in (promoted, looked) if isinstance(each, ResponseError)), None)
            if refusal is not None:
                ticks.append(Tick((), 0, None, fault=type(refusal).__name__))
                continue
            (_, next_due), (reserved, backlog, blocked, busy, newest) = promoted, looked
            waits = [next_due / 1000] if next_due >= 0 else []
            waits += [blocked / 1000] if blocked > 0 else []
            quiet = next_due < 0 and not (backlog or blocked or busy)
            ids = tuple(each.decode() for each in newest)
            ticks.append(Tick(tuple(offer[:reserved]), backlog, min(waits, default=None), blocked != 0, quiet, ids))
        return ticks

    def _offered(self, name: str) -> list[str]:
        most = self._destinations[name].max_in_flight
        return [secrets.token_hex(8) for _ in range(min(_MOST_TASKS_A_TICK, most))]

    def _tick(self, name: str, offered: Sequence[str]) -> Call:
        destination, keys = self._destinations[name], Keys(name)
        limits = (
            destination.batch_size,
            destination.max_in_flight,
            int(LEASE_SECONDS * 1000),
            int(destination.take_back_after_seconds * 1000),
        )
        touched = [*keys.streams, keys.slices, keys.state, keys.breaker, keys.bulk_size]
        return Call("tick", touched, [GROUP, *limits, *offered])


def _promote(name: str) -> Call:
    keys = Keys(name)
    return Call("promote", [keys.due, keys.scheduled, keys.retry], [_MOST_PROMOTED, ""])
