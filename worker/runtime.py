"""What one process shares between its tasks, made when first needed and again after a fork."""

from __future__ import annotations

import gc
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from redis import Redis

from worker.alerts import Alerts
from worker.breaker import Breaker
from worker.client import TikTokClient
from worker.config import Config, Credentials, Destination, EventSetSettings, load
from worker.connection import connect
from worker.delivery import Delivery
from worker.errors import Outcome
from worker.event_sets import Ensured, EventSets
from worker.flights import MOST_BATCHES
from worker.guard import Guard
from worker.inbox import Inbox
from worker.issues import Issues
from worker.keys import Keys
from worker.ledger import Ledger
from worker.limiter import Limiter
from worker.lookout import Lookout
from worker.management import Management, ManagementError
from worker.metrics import Meter, meter
from worker.outcomes import Outcomes
from worker.pace import Pace
from worker.pauses import Pauses
from worker.people import PeopleIndex, index_of
from worker.tokens import tokens_of

if TYPE_CHECKING:
    from worker.orders import OrderIntake

_HELD_SECONDS = 30.0


log = logging.getLogger(__name__)


@dataclass
class Runtime:
    """The collaborators of a process."""

    config: Config
    connect: Callable[[], Redis] = connect
    name: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}")
    _deliveries: dict[str, tuple[Delivery, Inbox | OrderIntake]] = field(default_factory=dict)
    _paces: dict[str, Pace] = field(default_factory=dict)
    _ear: threading.Lock = field(default_factory=threading.Lock)

    @cached_property
    def redis(self) -> Redis:
        """The connection pool of this process."""
        return self.connect()

    @cached_property
    def client(self) -> TikTokClient:
        """The HTTP client of this process."""
        return TikTokClient()

    @property
    def meter(self) -> Meter:
        """What this process notes its figures with."""
        return meter()

    @cached_property
    def alerts(self) -> Alerts:
        """Who is told of incidents."""
        return Alerts(self.config.alert_webhook)

    @cached_property
    def outcomes(self) -> Outcomes:
        """Who is told what became of events."""
        return Outcomes(Issues(self.redis))

    @cached_property
    def senders(self) -> ThreadPoolExecutor:
        """The threads in which this process waits for TikTok."""
        return ThreadPoolExecutor(MOST_BATCHES, thread_name_prefix="sender")

    @contextmanager
    def lookout(self, name: str) -> Iterator[Lookout | None]:
        """Lend this process's lookout, under a name to lead by; None while another thread of the process has it."""
        if not self._ear.acquire(blocking=False):
            yield None
            return
        try:
            self._lookout.begin(name)
            yield self._lookout
        finally:
            self._ear.release()

    @cached_property
    def _lookout(self) -> Lookout:
        return Lookout(self.redis, self.config.destinations, name="")

    def pace(self, destination: str) -> Pace:
        """Return how fast events of a destination come, as far as this process knows."""
        if destination not in self._paces:
            self._paces[destination] = Pace(self.config.destinations[destination].linger_seconds)
        return self._paces[destination]

    def of(self, destination: str) -> tuple[Delivery, Inbox | OrderIntake]:
        """Return what delivers to `destination`, and where its events come from.

        Raises:
            KeyError: the configuration has no such destination.
            ManagementError: its event set can neither be found nor made.
        """
        if destination not in self._deliveries:
            settings = self.config.destinations[destination]
            if settings.event_set is not None:
                settings = settings.with_event_set(self._event_set_id(settings, settings.event_set))
            self._deliveries[destination] = self._made(settings, Keys(destination))
        return self._deliveries[destination]

    def warm(self, names: Iterable[str]) -> None:
        """Make what these destinations need before the first batch comes, an event set asked for by name included."""
        for name in names:
            try:
                self.of(name)
            except ManagementError as error:
                log.warning("no event set", extra={"destination": name, "code": error.verdict.code})
                self.hold(name, error)

    def management(self, credentials: Credentials, base_url: str) -> Management:
        """Return the management endpoints, as a credential sees them."""
        tokens = tokens_of(credentials, self.redis, self.client)
        return Management(self.client, base_url, tokens, Limiter(self.redis), credentials.fingerprint())

    def _event_set_id(self, settings: Destination, wanted: EventSetSettings) -> str:
        kind = settings.mapping.event_source
        sets = EventSets(self.management(settings.credentials, settings.base_url), wanted.advertiser_id, kind)
        return Ensured(self.redis, Keys(settings.name), wanted, kind, sets).event_set_id()

    def hold(self, destination: str, error: ManagementError) -> None:
        """Stop a destination whose event set is not to be had: for a person, or for half a minute."""
        settings, verdict = self.config.destinations[destination], error.verdict
        pauses = Pauses(self.redis, Keys(destination))
        if verdict.outcome in (Outcome.UNAVAILABLE, Outcome.THROTTLED):
            pauses.block(_HELD_SECONDS)
            return
        reason = verdict.outcome.value if verdict.outcome is Outcome.UNAUTHORIZED else "misconfigured"
        fresh = pauses.pause(
            reason,
            detail=f"event set: {error}",
            by=self.name,
            credential=settings.credentials.fingerprint(),
            now=time.time(),
        )
        if fresh:
            self.alerts.tell("paused", destination, f"{reason}: event set: {verdict.told}")

    def people(self, settings: Destination, keys: Keys) -> PeopleIndex:
        """Return the index of the people that a destination's events are about."""
        return index_of(self.redis, keys.destination, settings)

    def _made(self, settings: Destination, keys: Keys) -> tuple[Delivery, Inbox | OrderIntake]:
        mapper = settings.mapper()
        inbox = Inbox(self.redis, keys, consumer=self.name)
        shared: dict[str, Any] = {
            "destination": settings,
            "mapper": mapper,
            "redis": self.redis,
            "keys": keys,
            "client": self.client,
            "tokens": tokens_of(settings.credentials, self.redis, self.client),
            "limiter": Limiter(self.redis),
            "breaker": Breaker(self.redis, keys, settings.breaker),
            "pauses": Pauses(self.redis, keys),
            "ledger": Ledger(self.redis, keys, settings.ledger_seconds),
            "guard": Guard(self.redis, keys, settings.guard),
            "alerts": self.alerts,
            "outcomes": self.outcomes,
            "meter": self.meter,
            "people": self.people(settings, keys),
            "worker": self.name,
        }
        orders = settings.order_sync
        if orders is None:
            return Delivery(**shared), inbox
        # Imported here: few configurations have orders.
        from worker.orders import OrderBook, OrderDelivery, OrderIntake

        book = OrderBook(self.redis, keys, settings.take_back_after_seconds, orders.remember_seconds)
        intake = OrderIntake(inbox, book, self.redis, keys, settings, mapper)
        return OrderDelivery(**shared, book=book, settings=orders), intake


_current: Runtime | None = None
_pid = 0


def runtime() -> Runtime:
    """Return this process's runtime. A fork makes its own: sockets must not be shared with the parent.

    Raises:
        ConfigError: the configuration cannot be used.
    """
    global _current, _pid  # one for each process, like the process itself
    if _current is None or _pid != os.getpid():
        config = _current.config if _current else load()
        _current, _pid = Runtime(config), os.getpid()
    return _current


def spare_the_collector() -> None:
    """Let the garbage collector look less often.

    It would look through a batch of a thousand events every few events and find nothing: they hold no cycles. What
    lives as long as the process is left out for good (together 69 instead of 78 µs of CPU an event).
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
