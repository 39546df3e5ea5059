"""How do workers notice that there is work? One of them watches, wherever events come from, and calls deliver tasks.

Every worker has a waker. It blocks on the streams while it leads, so that an idle fleet costs one waiting connection.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from redis import Redis
from redis.exceptions import RedisError

from worker import sentry
from worker.calls import parts
from worker.config import Destination
from worker.connection import hang_up
from worker.lookout import Lookout
from worker.schedule import Lease
from worker.workers import Heartbeat

log = logging.getLogger(__name__)

_VACANCY_SECONDS = 1.0
_PAUSE_SECONDS = 0.02
_RECOVER_SECONDS = 1.0
_STOP_SECONDS, _STOP_TRIES = 0.5, 10


class Waker(threading.Thread):
    """Calls deliver tasks until told to stop. Losing it costs latency, never an event."""

    def __init__(
        self,
        connect: Callable[[], Redis],
        destinations: Mapping[str, Destination],
        call: Callable[[Sequence[Lease]], None],
        sweep: Callable[[], None],
        *,
        name: str,
        turned: Callable[[], None] = lambda: None,
        heartbeat: Heartbeat | None = None,
    ) -> None:
        super().__init__(name="waker", daemon=True)
        self._heartbeat = heartbeat
        self._connect = connect
        self._waiting = connect()
        self._destinations = destinations
        self._call = call
        self._sweep = sweep
        self._leads_as = f"watch:{name}"
        self._turned = turned
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Stop, and let another lead at once."""
        self._stopping.set()
        redis = self._connect()
        try:
            if self._heartbeat is not None:
                self._heartbeat.end(redis)
            self._lookout(redis).resign()
        except (RedisError, OSError):
            log.debug("lease left to end by itself")
        # It may be listening, for seconds to come, or be about to.
        for _ in range(_STOP_TRIES):
            hang_up(self._waiting)
            if not self.is_alive():
                return
            self.join(_STOP_SECONDS / _STOP_TRIES)

    def run(self) -> None:
        """Lead, or wait to; go on through whatever Redis does."""
        lookout = self._lookout(self._waiting)
        failures = 0
        while not self._stopping.is_set():
            self._turned()
            try:
                if self._heartbeat is not None:
                    self._heartbeat.beat(self._waiting)
                self._watch(lookout)
                if failures:
                    log.warning("redis is back", extra={"failures": failures})
                failures = 0
            except (RedisError, OSError) as error:
                if self._stopping.is_set():
                    return
                failures += 1
                if failures == 1:
                    log.warning("redis does not answer", extra={"cause": type(error).__name__})
                self._stopping.wait(min(5.0, 0.2 * 2 ** min(failures, 5)))
            except Exception as error:
                # A waker that dies silently would leave a worker that looks alive and does nothing.
                log.exception("waker failed; going on")
                sentry.capture(error)
                self._stopping.wait(_RECOVER_SECONDS)

    def _lookout(self, redis: Redis) -> Lookout:
        return Lookout(redis, self._destinations, name=self._leads_as, skips_all=True)

    def _watch(self, lookout: Lookout) -> None:
        """Look at everything when it is due, listen in between, and call tasks for what is found."""
        if not lookout.leads(for_sure=True):
            lookout.wait_for_vacancy(_VACANCY_SECONDS * random.uniform(0.8, 1.6))
            return
        self._call_for(lookout.look())
        # After the look: events that wait for a worker do not wait for its housekeeping, too.
        if lookout.sweep_is_due:
            self._sweep()
        heard = lookout.listen(lookout.wait_seconds)
        # Asked again: a deliver task that serves what it hears itself may have taken over meanwhile.
        if heard and not self._stopping.is_set() and lookout.leads(for_sure=True):
            started = time.monotonic()
            self._call_for(lookout.look(heard))
            # A stream that is written to all the time would otherwise turn this into a busy loop.
            self._stopping.wait(max(0.0, _PAUSE_SECONDS - (time.monotonic() - started)))

    def _call_for(self, leases: Sequence[Lease]) -> None:
        for part in parts(leases):
            self._call(part)
