"""As which bytes, and under which id, does an event travel?"""

from __future__ import annotations

from typing import Any

from tiktok_events.encoding import encode_event
from tiktok_events.errors import InvalidEvent
from tiktok_events.hashing import Hashing
from tiktok_events.identity import event_identity, id_fault


def new_item(
    event: dict[str, Any], event_id: str | None, *, max_bytes: int, hashing: Hashing | None = None
) -> tuple[bytes, str]:
    """Returns an event as it is sent, and its id.

    Args:
        event: see ``Producer.enqueue``.
        event_id: the id to use; None for the event's own, else one derived from its content.
        max_bytes: how many bytes of JSON it may have.
        hashing: what is hashed before anything is stored; None: nothing. A derived id is that of the event as given,
            so that it does not change when hashing is switched on.

    Raises:
        InvalidEvent, EventTooLarge: with place and rule, never with a value.
    """
    encoded = encode_event(event, max_bytes=max_bytes)
    if hashing is not None:
        encoded = encode_event(hashing.hashed(event), max_bytes=max_bytes)
    if event_id is None:
        return encoded, event_identity(event)
    if not isinstance(event_id, str) or not event_id.strip():
        raise InvalidEvent("event_id: not a text, or blank")
    if fault := id_fault(event_id.strip()):
        raise InvalidEvent(f"event_id: {fault}")
    return encoded, event_id.strip()
