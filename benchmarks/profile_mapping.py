"""Where does a microsecond of the mapping go?

Each step is measured alone, over the same events, since watching it inside the others would cost more than it does.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson

from schemas import EventMapper, Mapped
from schemas.sources.segment import SegmentSource
from schemas.sources.source import Selection
from tiktok_events.identifiers import hashed, protect
from tiktok_events.phones import to_e164

EVENTS = 500
"""How many are enough."""
_ROUNDS = 7
_REGION = "US"


def measure(mapper: EventMapper, events: Sequence[bytes]) -> dict[str, float]:
    """Return what decoding and each step of mapping take, in µs of CPU an event: the least of several rounds.

    `events` are Segment calls that the offline `mapper`, whose default region is the US, makes an item of.
    """
    now = time.time()
    source = SegmentSource("offline", "1")
    users = [_read(source, orjson.loads(event))["user"] for event in events]
    numbers = [number for user in users for number in user.get("phone", ())]
    texts = [text for user in users for field in ("email", "phone", "external_id") for text in user.get(field, ())]

    def mapped(event: Any) -> None:
        assert isinstance(mapper.map(event, event_id="door", received_at=now, now=now), Mapped)

    with _undisturbed():
        whole = _least(mapped, lambda: map(orjson.loads, events), len(events))
        taken = {
            "decode the JSON": _least(orjson.loads, lambda: events, len(events)),
            "read and accept in one pass": _least(
                lambda event: _read(source, event), lambda: map(orjson.loads, events), len(events)
            ),
            "phones to E.164": _least(lambda number: to_e164(number, _REGION), lambda: numbers, len(events)),
            "hash (SHA-256)": _least(hashed, lambda: texts, len(events)),
        }
        protecting = _least(lambda user: protect(user, user, region=_REGION), lambda: users, len(events))
    taken["identity beside them"] = protecting - taken["phones to E.164"] - taken["hash (SHA-256)"]
    taken["the rest of mapping"] = whole + taken["decode the JSON"] - sum(taken.values())
    return taken


def _read(source: SegmentSource, event: dict[str, Any]) -> dict[str, Any]:
    selection = source.select(event)
    assert isinstance(selection, Selection)
    body = source.usual(event, selection, "door")
    assert body is not None
    return body


def _least(step: Callable[[Any], Any], arguments: Callable[[], Any], count: int) -> float:
    """Return the CPU time of the quickest round, in µs an event: what else the machine does only adds to it."""
    rounds = []
    for _ in range(_ROUNDS):
        given = list(arguments())
        began = time.process_time()
        for each in given:
            step(each)
        rounds.append((time.process_time() - began) / count * 1e6)
    return min(rounds)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep the garbage collector away, as a worker does while it delivers."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
