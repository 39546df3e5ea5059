"""What comes of mapping one event: what TikTok gets, or why it gets nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

REASONS = {
    "invalid": "a field of the event breaks a rule; the faults name each one",
    "unmapped": "no preset and no mapping of the destination asks for this event",
    "no_match_key": "nothing is left by which TikTok could recognize a person",
    "expired": "the event is older than the destination sends",
    "no_consent": "the event does not say that its person agreed",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a field, or was dropped or changed.

    `path` is the place in the source event (`properties.products.0.price`), or in TikTok's form where the source
    has no such place. `rule` is a human sentence and never holds a value of the event.
    """

    path: str
    rule: str


class RequestKey(NamedTuple):
    """What all events of a request have in common, beside the credential."""

    event_source: str
    event_source_id: str
    test_event_code: str | None


# Not frozen, though nobody changes one: one is made of every event, and freezing doubles what that takes.
@dataclass(slots=True)
class Item:
    """One element of `data`, with what decides which request it may share.

    `event_time` is in Unix seconds. `body` is a dict that is ready for JSON: validated, normalized, hashed. Whoever
    sends it may put its JSON there.
    The repr leaves out what a person wrote.
    """

    key: RequestKey
    event: str
    event_id: str = field(repr=False)
    event_time: int
    body: Any = field(repr=False)


@dataclass(slots=True)  # not frozen, as above
class Mapped:
    """At least one item to send, and notes on what was dropped or changed on the way."""

    items: tuple[Item, ...]
    notes: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """An event that is not sent. `reason` is a key of `REASONS`; `event` is TikTok's event name, if known by then."""

    reason: str
    faults: tuple[Fault, ...]
    event: str | None
