"""A hotel's order as Commanders Act sends it, and a mapper of it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from schemas import Mapped, Refused
from schemas.order_sync import OrderMapper, OrderSettings, OrderUpdate

NOW = 1_764_000_000.0

VALUES = {
    "ttoclid": "{{partners.tiktok.ttoclid}}",
    "third_merchant_id": "merchant-1",
    "third_shop_id": "{{hotel.id}}",
    "third_shop_name": "{{hotel.name}}",
    "order_country": "FR",
    "create_time": "{{created_at}}",
    "payment_value": "{{value}}",
    "total_value": "{{total}}",
    "length_of_stay": "{{nights}}",
    "amount_of_room": "{{rooms}}",
    "check_in_date": "{{check_in}}",
    "check_out_date": "{{check_out}}",
}
STATUSES = {"order_created": "CREATE_ORDER", "order_cancelled": "CANCEL_ORDER", "order_completed": "COMPLETE_ORDER"}
EVENT = {
    "event_name": "order_created",
    "id": "order-1",
    "currency": "EUR",
    "value": 270,
    "total": 300,
    "tax_amount": 30,
    "nights": 2,
    "rooms": 1,
    "check_in": "2026-03-01",
    "check_out": "2026-03-03",
    "created_at": 1_763_990_000,
    "hotel": {"id": "hotel-1", "name": "Hôtel du Lac"},
    "items": [
        {
            "id": "room-7",
            "third_spu_id": "offer-3",
            "third_spu_name": "Breakfast included",
            "product": {"name": "Double room"},
        },
        {"id": "room-8", "third_spu_id": "offer-3", "product": {"name": "Single room"}},
    ],
    "context": {"event_timestamp": "1763990001500", "page": {"url": "https://hotel.example/book"}},
    "partners": {
        "tiktok": {
            "ttoclid": "click-1",
            "initiator": "CUSTOMER",
            "total_room_fee": 250,
            "total_service_fee": 20,
            "discounts": 30,
            "fulfillment_value": 270,
            "fulfillment_tax": 30,
            "fulfillment_service_fee": 20,
            "commission_currency": "EUR",
            "commission_base_amount": 250,
            "promotion_id": "p-1",
            "promotion_description": "Winter",
            "promotion_saved_amount": 30,
            "actual_occupancy": 2,
            "no_show": "false",
            "cancel_reason": "none",
        }
    },
}


def put(holder: Any, path: str, value: Any) -> None:
    *above, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in above:
        holder = holder[step]
    holder[last] = value


@pytest.fixture
def order() -> Callable[..., dict[str, Any]]:
    """Make an order event; `changes` are values by their paths."""

    def make(changes: dict[str, Any] | None = None) -> dict[str, Any]:
        event = copy.deepcopy(EVENT)
        for path, value in (changes or {}).items():
            put(event, path, value)
        return event

    return make


@pytest.fixture
def settings() -> Callable[..., OrderSettings]:
    def make(**changes: Any) -> OrderSettings:
        values = {**VALUES, **changes.pop("values", {})}
        return OrderSettings(**{"status_map": STATUSES, "values": values, **changes})

    return make


@pytest.fixture
def update(settings: Callable[..., OrderSettings]) -> Callable[..., OrderUpdate]:
    """Map an event that must be accepted; keywords are settings."""

    def mapped(event: Any, **changes: Any) -> OrderUpdate:
        found = OrderMapper(settings(**changes)).map(event, event_id="x", received_at=NOW, now=NOW)
        assert isinstance(found, Mapped), found
        (item,) = found.items
        assert isinstance(item, OrderUpdate)
        return item

    return mapped


@pytest.fixture
def refused(settings: Callable[..., OrderSettings]) -> Callable[..., dict[str, str]]:
    """Map an event that must be refused as invalid; return rules by their places."""

    def mapped(event: Any, **changes: Any) -> dict[str, str]:
        found = OrderMapper(settings(**changes)).map(event, event_id="x", received_at=NOW, now=NOW)
        assert isinstance(found, Refused), found
        assert found.reason == "invalid"
        return {fault.path: fault.rule for fault in found.faults}

    return mapped


@pytest.fixture
def noted(settings: Callable[..., OrderSettings]) -> Callable[..., dict[str, str]]:
    def mapped(event: Any, **changes: Any) -> dict[str, str]:
        found = OrderMapper(settings(**changes)).map(event, event_id="x", received_at=NOW, now=NOW)
        assert isinstance(found, Mapped), found
        return {fault.path: fault.rule for fault in found.notes}

    return mapped
