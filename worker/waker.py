"""How workers notice that there is work: one of them listens to the inboxes, wherever events come from.

Every worker has a waker; a lease in Redis makes one of them the leader. It blocks on the streams, so that an idle
fleet costs one waiting connection, and looks at each destination at least once a second for what no stream tells:
retries that fall due, and entries that a dead worker held.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from worker.config import Config
from worker.keys import LEADER, Keys
from worker.schedule import Schedule
from worker.scripts import run
from worker.workers import Heartbeat

log = logging.getLogger(__name__)

_LEADS_MS = 3000
_LONGEST_WAIT_SECONDS = 1.0
_SHORTEST_WAIT_SECONDS = 0.1
_SHORTEST_PAUSE_SECONDS = 0.02

_SWEEP_SECONDS = 60.0
_AT_ONCE = 100

Dispatch = Callable[[str, str], None]


class Waker(threading.Thread):
    """Dispatches deliver tasks until told to stop. Losing it costs latency, never an event."""

    def __init__(
        self,
        connect: Callable[[], Redis],
        config: Config,
        dispatch: Dispatch,
        sweep: Callable[[], None],
        *,
        name: str,
        turned: Callable[[], None] = lambda: None,
        heartbeat: Heartbeat | None = None,
    ) -> None:
        super().__init__(name="waker", daemon=True)
        self._heartbeat = heartbeat
        self._connect = connect
        self._config = config
        self._dispatch = dispatch
        self._sweep = sweep
        self._next_sweep = 0.0
        self._next_full_look = 0.0
        self._fired: list[str] = []
        self._blocked: set[str] = set()
        self._faulty: set[str] = set()
        self._own_name = name
        self._turned = turned
        self._stopping = threading.Event()
        self._last_seen: dict[str, str] = {}

    def stop(self) -> None:
        """Stop after the current wait."""
        self._stopping.set()

    def run(self) -> None:
        """Lead, or wait to; go on through whatever Redis does."""
        redis: Redis | None = None
        failures = 0
        while not self._stopping.is_set():
            self._turned()
            try:
                redis = redis or self._connect()
                if self._heartbeat is not None:
                    self._heartbeat.beat(redis)
                if self._leads(redis):
                    self._look_and_wait(redis)
                else:
                    self._stopping.wait(_LONGEST_WAIT_SECONDS * random.uniform(0.8, 1.6))
                if failures:
                    log.warning("redis is back", extra={"failures": failures})
                failures = 0
            except (RedisError, OSError) as error:
                failures += 1
                if failures == 1:
                    log.warning("redis does not answer", extra={"cause": type(error).__name__})
                self._stopping.wait(min(5.0, 0.2 * 2 ** min(failures, 5)))
            except Exception:
                # A waker that dies silently would leave a worker that looks alive and does nothing.
                log.exception("waker failed; going on")
                self._stopping.wait(_LONGEST_WAIT_SECONDS)
        if redis is not None:
            self._resign(redis)

    def _leads(self, redis: Redis) -> bool:
        return bool(run(redis, "lead", [LEADER], [self._own_name, _LEADS_MS]))

    def _resign(self, redis: Redis) -> None:
        try:
            if self._heartbeat is not None:
                self._heartbeat.end(redis)
            if redis.get(LEADER) == self._own_name.encode():
                redis.delete(LEADER)
        except (RedisError, OSError):
            log.debug("lease left to end by itself")

    def _look_and_wait(self, redis: Redis) -> None:
        """Look at what was written to, and once a second at everything; then wait for the next entry."""
        started = time.monotonic()
        if started >= self._next_sweep:
            self._next_sweep = started + _SWEEP_SECONDS
            self._sweep()
        if started >= self._next_full_look:
            wait = self._look(redis, list(self._config.destinations))
            self._next_full_look = started + max(_SHORTEST_WAIT_SECONDS, min(wait, _LONGEST_WAIT_SECONDS))
        elif self._fired:
            wait = self._look(redis, self._fired)
            self._next_full_look = min(self._next_full_look, started + max(_SHORTEST_WAIT_SECONDS, wait))
        self._fired = self._listen(redis, max(0.001, self._next_full_look - time.monotonic()))
        # A stream that is written to all the time would otherwise turn this into a busy loop.
        self._stopping.wait(max(0.0, _SHORTEST_PAUSE_SECONDS - (time.monotonic() - started)))

    def _look(self, redis: Redis, names: list[str]) -> float:
        """Dispatch the tasks that are missing; return the seconds until something is due."""
        schedule = Schedule(redis, self._config.destinations)
        wait = _LONGEST_WAIT_SECONDS
        for first in range(0, len(names), _AT_ONCE):
            part = names[first : first + _AT_ONCE]
            for name, tick in zip(part, schedule.look_at(part), strict=True):
                self._tell_of_fault(name, tick.fault)
                for token in tick.tokens:
                    self._dispatch(name, token)
                if tick.wait_seconds is not None:
                    wait = min(wait, tick.wait_seconds)
                # Where a destination is stopped, new entries change nothing.
                (self._blocked.add if tick.blocked else self._blocked.discard)(name)
        return wait

    def _tell_of_fault(self, name: str, fault: str) -> None:
        if fault and name not in self._faulty:
            log.error("redis refuses this destination", extra={"destination": name, "cause": fault})
        (self._faulty.add if fault else self._faulty.discard)(name)

    def _listen(self, redis: Redis, seconds: float) -> list[str]:
        """Wait until an inbox gets an entry, at most `seconds`; return the destinations that did."""
        of_key = {Keys(name).inbox: name for name in self._config.destinations if name not in self._blocked}
        if not of_key:
            self._stopping.wait(seconds)
            return []
        streams: Any = {key: self._last_seen.get(key, "0-0") for key in of_key}
        answer: Any = redis.xread(streams, count=1, block=max(1, int(seconds * 1000)))
        fired = [key.decode() for key, _ in answer or ()]
        pipe = redis.pipeline(transaction=False)
        for key in fired:
            pipe.xrevrange(key, count=1)
        for key, newest in zip(fired, pipe.execute(), strict=True):
            # From the newest entry on, so that those under way do not wake again. An emptied stream keeps its ids.
            if newest:
                self._last_seen[key] = newest[0][0].decode()
        return [of_key[key] for key in fired]
