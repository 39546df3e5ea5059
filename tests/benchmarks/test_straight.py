"""All that are compared do the same work on the same event."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from benchmarks.order import orders
from benchmarks.straight import mapped
from schemas import Mapped, Mapper


def test_an_order_is_about_as_large_as_the_targets_say() -> None:
    sizes = [len(json.dumps(order, separators=(",", ":"))) for order in orders(3, first=123_456)]
    assert all(1_150 <= size <= 1_250 for size in sizes)


def test_the_straight_mapping_sends_what_the_worker_sends(configure: Callable[..., Any]) -> None:
    mapper = Mapper(configure().destinations["stores"].mapping)
    for order in orders(20):
        found = mapper.map(order, event_id=order["messageId"], received_at=time.time(), now=time.time())
        assert isinstance(found, Mapped)
        assert [item.body for item in found.items] == [mapped(order)]
