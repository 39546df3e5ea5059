"""What one process shares between its tasks, made when first needed and again after a fork."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from redis import Redis

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
from worker.orders import OrderBook, OrderDelivery, OrderIntake
from worker.pauses import Pauses
from worker.tokens import tokens_of


@dataclass
class Runtime:
    """The collaborators of a process."""

    config: Config
    connect: Callable[[], Redis] = connect
    name: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}")
    _deliveries: dict[str, tuple[Delivery, Inbox | OrderIntake]] = field(default_factory=dict)

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

    def of(self, destination: str) -> tuple[Delivery, Inbox | OrderIntake]:
        """Return what delivers to `destination`, and where its events come from.

        Raises:
            KeyError: the configuration has no such destination.
        """
        if destination not in self._deliveries:
            settings = self.config.destinations[destination]
            self._deliveries[destination] = self._made(settings, Keys(destination))
        return self._deliveries[destination]

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
            "worker": self.name,
        }
        orders = settings.order_sync
        if orders is None:
            return Delivery(**shared), inbox
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
