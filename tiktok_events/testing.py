"""What would this app have enqueued? For the app's own tests, without Redis.

::

    from tiktok_events.testing import capture

    def test_a_paid_order_is_reported():
        with capture("stores") as captured:
            pay(order)
        assert [event["event"] for event in captured.events("stores")] == ["Order Completed"]

As a fixture of pytest::

    @pytest.fixture
    def captured():
        with capture() as captured:
            yield captured
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast, overload

from tiktok_events.commands import Word
from tiktok_events.connections import Connections
from tiktok_events.hashing import Hashing
from tiktok_events.registry import Limits, Registry
from tiktok_events.sealing import is_sealed, open_with, read_keyring, to_event

#: Where the end of a command of enqueue.lua has its first event: after the trace and the event's count.
_FIRST_EVENT = 2


@dataclass(frozen=True, slots=True)
class Enqueued:
    """One event as a worker would have found it.

    Attributes:
        destination: where to.
        id: the one it keeps up to TikTok.
        event: what its JSON says.
    """

    destination: str
    id: str
    event: dict[str, Any] = field(repr=False)


class Captured(Sequence[Enqueued]):
    """What was enqueued, in its order; it grows while the block of ``capture`` runs, and stays after it."""

    def __init__(self) -> None:
        self._all: list[Enqueued] = []

    def events(self, destination: str | None = None) -> list[dict[str, Any]]:
        """Returns the events, all or those for one destination."""
        return [each.event for each in self._all if destination in (None, each.destination)]

    def clear(self) -> None:
        """Forgets what was enqueued so far."""
        self._all.clear()

    def add(self, found: Iterable[Enqueued]) -> None:
        """Adds events, as ``capture`` does."""
        self._all += found

    def __len__(self) -> int:
        return len(self._all)

    @overload
    def __getitem__(self, index: int) -> Enqueued: ...
    @overload
    def __getitem__(self, index: slice) -> list[Enqueued]: ...
    def __getitem__(self, index: int | slice) -> Enqueued | list[Enqueued]:
        return self._all[index]

    def __repr__(self) -> str:
        return f"Captured({self._all!r})"


@contextmanager
def capture(*destinations: str) -> Iterator[Captured]:
    """Collects what every producer of this process enqueues while the block runs, instead of storing it.

    ``enqueue``, ``enqueue_many``, ``Producer`` and ``AsyncProducer`` refuse what they would refuse in
    front of Redis, by the same errors; only a full inbox and a Redis that is away do not happen.

    Args:
        destinations: those that exist; without any, every name that may be one.
    """
    captured = Captured()
    registered = {name.encode(): b"{}" for name in destinations}

    async def fetch(_deadline: float) -> Mapping[bytes, bytes]:
        return registered

    # A producer may have asked a real Redis a moment ago, and must not remember what it hears in the block.
    registry = Registry(fetch)
    limits_of = Registry.limits

    async def limits(_: Registry, destination: str, *, deadline: float) -> Limits:
        found = await limits_of(registry, destination, deadline=deadline)
        # An app that asks for hashing sees its events as it made them: which places are hashed, the workers say.
        return replace(found, hashing=Hashing())

    async def ask(
        _: Connections, key: str, *head: Word, tail: Sequence[Word] = (), **__: object
    ) -> tuple[str, Word, Sequence[Word]]:
        return key, head[0], tail

    async def answer(_: Connections, question: tuple[str, Word, Sequence[Word]], **__: object) -> int:
        key, name, tail = question
        if name != "EVALSHA":
            return 0  # a wake-up's "SET ... NX": another one was just sent
        destination = key.partition("{")[2].partition("}")[0]
        events = cast(Sequence[bytes], tail[_FIRST_EVENT::3])
        ids = tail[_FIRST_EVENT + 1 :: 3]
        captured.add(
            Enqueued(destination, str(event_id), json.loads(_clear(encoded, destination, str(event_id))))
            for encoded, event_id in zip(events, ids, strict=True)
        )
        return len(events)

    with (
        _replaced(Registry, "limits", limits),
        _replaced(Connections, "ask", ask),
        _replaced(Connections, "answer", answer),
    ):
        yield captured


def _clear(encoded: bytes, destination: str, event_id: str) -> bytes:
    """Returns an event as it was before the producer sealed it, with the keys of the same environment."""
    return open_with(read_keyring(), encoded, to_event(destination, event_id)) if is_sealed(encoded) else encoded


@contextmanager
def _replaced(owner: type, name: str, replacement: object) -> Iterator[None]:
    original = getattr(owner, name)
    setattr(owner, name, replacement)
    try:
        yield
    finally:
        setattr(owner, name, original)
