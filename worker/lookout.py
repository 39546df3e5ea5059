"""Where is there work? One process of all leads: it looks at every destination, and listens to the streams meanwhile.

Two kinds of it may lead. A worker watches: it calls a deliver task by a Celery message for what it finds. A deliver
task that has nothing else to do serves: it takes the events itself, which spares the message. It takes over from who
watches, and hands back when nothing comes any more.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from redis import Redis

from worker.config import Destination
from worker.hearing import listen_and_ask, newest
from worker.inbox import Claimed
from worker.keys import CALLS, LEADER, SWEPT, VACANCY, Keys
from worker.schedule import Lease, Schedule, Tick
from worker.scripts import Call, run

log = logging.getLogger(__name__)

SWEEP_SECONDS = 60

_LONGEST_WAIT_SECONDS = 1.0
_SHORTEST_WAIT_SECONDS = 0.1
_LEASE_MARGIN_SECONDS = 2.0
_SURE_SECONDS = 0.5
_AT_ONCE = 100

_QUIET_WAIT_SECONDS = 10.0
LONGEST_SILENCE_SECONDS = 2 * _QUIET_WAIT_SECONDS
"""After so long without a turn something is wrong with who listens."""
_QUIET_LOOK_SECONDS, _QUIET_AMONG_LOUD_SECONDS = 30.0, 5.0
"""Where nothing waits, is held or is scheduled, only a new entry can change that, and those are listened to. A task
that a producer woke may take one and put its event aside before it is heard of: likelier while others are busy."""


class Lookout:
    """Looks and listens for one process, under the name it leads by: `watch:...` or `serve:...`."""

    def __init__(
        self, redis: Redis, destinations: Mapping[str, Destination], *, name: str, skips_all: bool = False
    ) -> None:
        """Make one. With `skips_all` nothing is heard of that a look has seen; else what it reserved a task for."""
        self.name = name
        self._skips_all = skips_all
        self.sweep_is_due = False
        self._leads_until = 0.0
        self._redis = redis
        self._destinations = destinations
        self._schedule = Schedule(redis, destinations)
        self._led = False
        self._looks: dict[str, float] = {}
        """When each is to be looked at next."""
        self._next_look = 0.0
        self._loud: set[str] = set()
        """Where something waits, is held or is scheduled, as far as is known."""
        self._forget()
        self._blocked: set[str] = set()
        self._faulty: set[str] = set()
        self._last_seen: dict[str, str] = {}
        self._heard = {name: _Heard.of(name) for name in destinations}

    def begin(self, name: str) -> None:
        """Go by another name, and forget what was seen: others may have led meanwhile."""
        self.name = name
        self._led, self._leads_until = False, 0.0

    @property
    def wait_seconds(self) -> float:
        """How long may be listened until the next look is due."""
        return max(0.001, self._next_look - time.monotonic())

    @property
    def _is_quiet(self) -> bool:
        return not self._loud

    def leads(self, *, for_sure: bool = False) -> bool:
        """Become or stay the leader; say whether it worked. Asked often, Redis is asked twice a second."""
        now = time.monotonic()
        if now < self._leads_until and not for_sure:
            self.sweep_is_due = False
            return True
        longest = _QUIET_WAIT_SECONDS if self._is_quiet else _LONGEST_WAIT_SECONDS
        lease_ms = int((longest + _LEASE_MARGIN_SECONDS) * 1000)
        leads, sweep = run(self._redis, "lead", [LEADER, CALLS, SWEPT], [self.name, lease_ms, SWEEP_SECONDS])
        self.sweep_is_due = bool(sweep)
        self._leads_until = now + _SURE_SECONDS if leads else 0.0
        if leads and not self._led:
            self._forget()
        self._led = bool(leads)
        return self._led

    def resign(self) -> None:
        """Stop leading, if it does."""
        self._led, self._leads_until = False, 0.0
        run(self._redis, "resign", [LEADER, VACANCY], [self.name])

    def wait_for_vacancy(self, seconds: float) -> None:
        """Wait until the leader resigns, or for some seconds: it may die without a word."""
        self._redis.blpop([VACANCY], timeout=seconds)

    def look(self, names: Iterable[str] | None = None) -> list[Lease]:
        """Reserve the deliver tasks that are missing: for some destinations, or for all that are due."""
        started = time.monotonic()
        if names is None:
            if started < self._next_look:
                return []
            names = [name for name, at in self._looks.items() if at <= started]
        ticks = self._ticks(list(names))
        found = []
        for name, tick in ticks.items():
            self._tell_of_fault(name, tick.fault)
            found += [Lease(name, token) for token in tick.tokens]
            if tick.tokens or self._skips_all:
                self._hear_after(name, tick.newest)
            (self._loud.discard if tick.quiet else self._loud.add)(name)
            # Where a destination is stopped, new entries change nothing.
            (self._blocked.add if tick.blocked else self._blocked.discard)(name)
        quiet_seconds = _QUIET_LOOK_SECONDS if self._is_quiet else _QUIET_AMONG_LOUD_SECONDS
        for name, tick in ticks.items():
            longest = quiet_seconds if tick.quiet else _LONGEST_WAIT_SECONDS
            wait = longest if tick.wait_seconds is None else min(tick.wait_seconds, longest)
            self._looks[name] = started + max(_SHORTEST_WAIT_SECONDS, wait)
        self._next_look = min(self._looks.values(), default=started + _LONGEST_WAIT_SECONDS)
        return found

    def _ticks(self, names: list[str]) -> dict[str, Tick]:
        ticks: dict[str, Tick] = {}
        for first in range(0, len(names), _AT_ONCE):
            part = names[first : first + _AT_ONCE]
            ticks |= zip(part, self._schedule.look_at(part), strict=True)
        return ticks

    def _hear_after(self, name: str, newest: Sequence[str]) -> None:
        for key, entry_id in zip(self._heard[name], newest, strict=True):
            if entry_id:
                self._last_seen[key] = entry_id

    def _forget(self) -> None:
        self._looks = dict.fromkeys(self._destinations, 0.0)
        self._next_look = 0.0
        self._loud = set(self._destinations)

    def _tell_of_fault(self, name: str, fault: str) -> None:
        if fault and name not in self._faulty:
            log.error("redis refuses this destination", extra={"destination": name, "cause": fault})
        (self._faulty.add if fault else self._faulty.discard)(name)

    def listen(self, seconds: float) -> list[str]:
        """Wait until a stream gets an entry, at most `seconds`; return the destinations that did."""
        return self.listen_and_ask(seconds, None)[0]

    def listen_and_ask(
        self, seconds: float, call: Call | None, *, but: Iterable[str] = ()
    ) -> tuple[list[str], Any | None]:
        """Do the same, and return the answer to a script that runs then, None where it did not run."""
        deaf = self._blocked.union(but)
        of_key = {key: name for name, heard in self._heard.items() if name not in deaf for key in heard}
        longest = _QUIET_WAIT_SECONDS if self._is_quiet else _LONGEST_WAIT_SECONDS
        seconds = min(seconds, longest)
        if not of_key:
            time.sleep(seconds)
            return [], None
        seen = {key: self._last_seen.get(key, "0-0") for key in of_key}
        written, answer = listen_and_ask(self._redis, seen, call, seconds=seconds)
        if not written:
            return [], answer
        heard = list(dict.fromkeys(of_key[key] for key in written))
        at = time.monotonic() + _LONGEST_WAIT_SECONDS
        for name in heard:
            self._loud.add(name)
            self._looks[name] = min(self._looks[name], at)
        self._next_look = min(self._next_look, at)
        return heard, answer

    def shut(self, name: str) -> None:
        """Do not listen to a destination that is stopped, until a look finds that it is not."""
        self._blocked.add(name)

    def saw(self, name: str, batch: Sequence[Claimed]) -> None:
        """Listen only for what comes after a batch that was taken here."""
        heard = self._heard[name]
        newest = {claimed.stream: claimed.entry_id for claimed in batch if not claimed.deliveries}
        for stream, key in ((1, heard.inbox), (3, heard.replay), (4, heard.bulk)):
            if stream in newest:
                self._last_seen[key] = newest[stream]

    def skip(self, names: Iterable[str]) -> None:
        """Listen only for what comes after what there is: others have it, or are called to it."""
        keys = [key for name in names for key in self._heard[name]]
        self._last_seen.update(newest(self._redis, keys))


class _Heard(NamedTuple):
    """The streams of a destination that others write to."""

    inbox: str
    bulk: str
    replay: str

    @classmethod
    def of(cls, name: str) -> _Heard:
        keys = Keys(name)
        return cls(keys.inbox, keys.bulk, keys.replay)
