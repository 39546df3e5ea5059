"""What is one update of an order, ready to be sent?"""

from __future__ import annotations

from dataclasses import dataclass, field

from schemas.outcome import Item


@dataclass(slots=True)  # not frozen, as an item is not
class OrderUpdate(Item):
    """One request: `event` is the order's status, its key names the shop, `body` the whole request.

    `event_id` is the order's id with the time of its update, by which a repeat is known. `update_ms` is that time in
    Unix milliseconds, finer than what is sent: it decides which of two updates is the older.
    """

    order_id: str = field(repr=False)
    update_ms: int
