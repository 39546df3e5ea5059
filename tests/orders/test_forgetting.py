"""An update of an order that is forgotten holds the order's next one back no longer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from worker.keys import Keys
from worker.people import Person, forget, index_of

KEYS = Keys("stores")


@pytest.mark.parametrize("place", ["schedule", "retry"])
def test_the_next_update_goes(make_hotel: Callable[..., Any], update: Any, place: str) -> None:
    hotel = make_hotel()
    first, second = update("o-1", 1), update("o-1", 2, 1)
    first["user"] = {"email": "guest@example.com"}
    hotel.sandbox.fault("code", code=50000, times=1)
    hotel.put(first)
    hotel.deliver()
    hotel.put(second)
    hotel.deliver()
    assert hotel.arrived() == {}
    if place == "retry":
        hotel.promote()
    index = index_of(hotel.redis, "stores", hotel.config.destinations["stores"])
    sought = Person(email="guest@example.com").sought(index.places, None)
    erased = forget(hotel.redis, KEYS, sought, index, silence_seconds=60, wait_seconds=0)
    assert erased.places == {place: 1}
    hotel.promote()
    hotel.deliver()
    assert hotel.arrived() == {"o-1": [(2, "PAY_ORDER")]}
    assert hotel.redis.exists(KEYS.order_refs) == 0
