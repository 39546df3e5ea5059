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

log = logging.getLogger(__name__)

_LEADS_MS = 3000
_LONGEST_WAIT_SECONDS = 1.0
_SHORTEST_PAUSE_SECONDS = 0.02

_SWEEP_SECONDS = 60.0

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
    ) -> None:
        super().__init__(name="waker", daemon=True)
        self._connect = connect
        self._config = config
        self._dispatch = dispatch
        self._sweep = sweep
        self._next_sweep = 0.0
        self._own_name = name
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
            try:
                redis = redis or self._connect()
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
        if redis.set(LEADER, self._own_name, nx=True, px=_LEADS_MS):
            return True
        if redis.get(LEADER) != self._own_name.encode():
            return False
        return bool(redis.pexpire(LEADER, _LEADS_MS))

    def _resign(self, redis: Redis) -> None:
        try:
            if redis.get(LEADER) == self._own_name.encode():
                redis.delete(LEADER)
        except (RedisError, OSError):
            log.debug("lease left to end by itself")

    def _look_and_wait(self, redis: Redis) -> None:
        started = time.monotonic()
        if started >= self._next_sweep:
            self._next_sweep = started + _SWEEP_SECONDS
            self._sweep()
        schedule = Schedule(redis, self._config.destinations)
        wait = _LONGEST_WAIT_SECONDS
        listening = []
        for name in self._config.destinations:
            tick = schedule.look(name)
            for token in tick.tokens:
                self._dispatch(name, token)
            if tick.wait_seconds is not None:
                wait = min(wait, tick.wait_seconds)
            # Where tasks are under way already, new entries change nothing: those tasks will find them.
            if not tick.backlog:
                listening.append(name)
        wait = max(wait, _SHORTEST_PAUSE_SECONDS)
        if listening:
            self._listen(redis, listening, wait)
        else:
            self._stopping.wait(wait)
        # A stream that is written to all the time would otherwise turn this into a busy loop.
        spent = time.monotonic() - started
        if spent < _SHORTEST_PAUSE_SECONDS:
            self._stopping.wait(_SHORTEST_PAUSE_SECONDS - spent)

    def _listen(self, redis: Redis, names: list[str], seconds: float) -> None:
        """Wait until one of the inboxes gets an entry, at most `seconds`."""
        streams: Any = {Keys(name).inbox: self._last_seen.get(name, "0-0") for name in names}
        answer: Any = redis.xread(streams, count=1, block=max(1, int(seconds * 1000)))
        of_key = {Keys(name).inbox: name for name in names}
        for key, entries in answer or ():
            # The newest id the stream has had, so that entries already under way do not wake again.
            newest: Any = redis.xrevrange(key, count=1)
            self._last_seen[of_key[key.decode()]] = (newest or entries)[0][0].decode()
