"""What one process shares between its tasks, made when first needed and again after a fork."""

from __future__ import annotations

import gc
import os
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from redis import Redis

from schemas import Mapper
from worker.alerts import Alerts
from worker.breaker import Breaker
from worker.client import TikTokClient
from worker.config import Config, Destination, load
from worker.connection import connect
from worker.delivery import Delivery
from worker.guard import Guard
from worker.inbox import Inbox
from worker.keys import Keys
from worker.ledger import Ledger
from worker.limiter import Limiter
from worker.pauses import Pauses


@dataclass
class Runtime:
    """The collaborators of a process."""

    config: Config
    connect: Callable[[], Redis] = connect
    name: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}")
    _deliveries: dict[str, tuple[Delivery, Inbox]] = field(default_factory=dict)

    @cached_property
    def redis(self) -> Redis:
        """The connection pool of this process."""
        return self.connect()

    @cached_property
    def client(self) -> TikTokClient:
        """The HTTP client of this process."""
        return TikTokClient()

    @cached_property
    def alerts(self) -> Alerts:
        """Who is told of incidents."""
        return Alerts(self.config.alert_webhook)

    def of(self, destination: str) -> tuple[Delivery, Inbox]:
        """Return what delivers to `destination`, and where its events come from.

        Raises:
            KeyError: the configuration has no such destination.
        """
        if destination not in self._deliveries:
            settings = self.config.destinations[destination]
            keys = Keys(destination)
            inbox = Inbox(self.redis, keys, consumer=self.name)
            self._deliveries[destination] = (self._delivery(settings, keys), inbox)
        return self._deliveries[destination]

    def warm(self) -> None:
        """Make what the first batch needs before it comes, and look for garbage less often."""
        for name in self.config.destinations:
            self.of(name)
        # The collector would look through a batch of a thousand events every few events, and find nothing: they hold no
        # cycles. What lives as long as the process is left out for good (together 69 instead of 78 µs of CPU an event).
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)

    def _delivery(self, settings: Destination, keys: Keys) -> Delivery:
        return Delivery(
            destination=settings,
            mapper=Mapper(settings.mapping),
            redis=self.redis,
            keys=keys,
            client=self.client,
            limiter=Limiter(self.redis),
            breaker=Breaker(self.redis, keys, settings.breaker),
            pauses=Pauses(self.redis, keys),
            ledger=Ledger(self.redis, keys, settings.ledger_seconds),
            guard=Guard(self.redis, keys, settings.guard),
            alerts=self.alerts,
            worker=self.name,
        )


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
