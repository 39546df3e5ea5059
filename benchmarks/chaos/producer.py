"""Who enqueues while everything breaks? A thread that sends the same event again until it is acknowledged."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

Event = dict[str, Any]
Store = Callable[[Sequence[Event]], "Stored"]

_PAUSE_SECONDS = 0.1


class Stored:
    """What became of one try to enqueue: how many of the first events are certain, how many may be stored beside."""

    __slots__ = ("certain", "maybe")

    def __init__(self, certain: int, maybe: int = 0) -> None:
        self.certain, self.maybe = certain, maybe


class Producing(threading.Thread):
    """Enqueues `events` by `store`, spread over `seconds`, in parts of random size."""

    def __init__(
        self, events: Iterable[Event], store: Store, *, count: int, seconds: float, chance: random.Random
    ) -> None:
        super().__init__(name="producer", daemon=True)
        self._events, self._store = iter(events), store
        self._per_second = count / seconds
        self._chance = chance
        self._stopping = threading.Event()
        self.acknowledged: set[str] = set()
        self.sent_again = 0
        """How many events were sent again although a first copy may have been stored."""
        self.failure: BaseException | None = None

    def stop(self) -> None:
        """Enqueue no more."""
        self._stopping.set()

    def run(self) -> None:
        """Enqueue until the events end."""
        started = time.monotonic()
        try:
            while part := list(islice(self._events, self._chance.randint(1, 100))):
                ahead = len(self.acknowledged) / self._per_second - (time.monotonic() - started)
                if self._stopping.wait(max(0.0, ahead)):
                    return
                self._enqueue(part)
        except BaseException as error:
            self.failure = error  # told by whoever waits for the thread

    def _enqueue(self, part: list[Event]) -> None:
        while part and not self._stopping.is_set():
            stored = self._store(part)
            self.acknowledged.update(event["messageId"] for event in part[: stored.certain])
            self.sent_again += stored.maybe
            part = part[stored.certain :]
            if part:
                self._stopping.wait(_PAUSE_SECONDS)
