"""How does a Django app enqueue an event only if its transaction commits?"""

from __future__ import annotations

import json
from typing import Any

from django.db import transaction

from tiktok_events import enqueue
from tiktok_events.items import new_item
from tiktok_events.registry import Limits


def enqueue_on_commit(
    event: dict[str, Any],
    *,
    destination: str,
    event_id: str | None = None,
    using: str | None = None,
    robust: bool = True,
) -> str:
    """Stores one event after the transaction of this moment, or at once without one, and returns its id.

    The event is looked at now, so that a wrong one is refused where it is made, and what the app does
    with its dict later changes nothing. After a rollback nothing is stored.

    Args:
        event, destination, event_id: see ``Producer.enqueue``.
        using: the database, as for ``transaction.on_commit``.
        robust: whether Django logs an error at the commit instead of raising it out of the block,
            whose data is committed by then. It needs Django 4.2.

    Raises:
        InvalidEvent, EventTooLarge: at once; the limit is 262,144 bytes, or that of the workers at the commit.
        EnqueueError: at the commit, without ``robust``.
    """
    encoded, chosen_id = new_item(event, event_id, max_bytes=Limits().max_event_bytes)

    def store() -> None:
        enqueue(json.loads(encoded), destination=destination, event_id=chosen_id)

    transaction.on_commit(store, using=using, robust=robust)
    return chosen_id
