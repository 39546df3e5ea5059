"""Is a person told which values are sent otherwise than they came?"""

from __future__ import annotations

from typing import Any

import pytest

from schemas import Mapped, Mapper, MappingSettings


@pytest.fixture
def mapper() -> Mapper:
    return Mapper(MappingSettings(source="segment", event_source_id="1"))


def test_changed_values_are_named_at_their_place(mapper: Mapper, order: dict[str, Any], now: float) -> None:
    order["userId"] = 5
    order["properties"] |= {
        "value": "46,50",
        "currency": "usd",
        "order_id": 12,
        "limited_data_use": "true",
        "products": [None, {"colour": "red"}, {"sku": 7, "price": "1.50", "quantity": 1.0}],
    }
    result = mapper.map(order, event_id="d", received_at=now, now=now, explain=True)
    assert isinstance(result, Mapped)
    assert {note.path: note.rule for note in result.notes} == {
        "properties.value": "was text and is sent as a number",
        "properties.currency": "is sent in upper case",
        "properties.order_id": "was a number and is sent as text",
        "properties.limited_data_use": "was read as true or false",
        "properties.products.0": "is empty and was left out",
        "properties.products.1": "is empty and was left out",
        "properties.products.2.sku": "was a number and is sent as text",
        "properties.products.2.price": "was text and is sent as a number",
    }


def test_explaining_changes_nothing_but_the_notes(mapper: Mapper, order: dict[str, Any], now: float) -> None:
    order["properties"]["value"] = "46,50"
    plain = mapper.map(order, event_id="d", received_at=now, now=now)
    explained = mapper.map(order, event_id="d", received_at=now, now=now, explain=True)
    assert isinstance(plain, Mapped)
    assert isinstance(explained, Mapped)
    assert plain.items == explained.items
    assert plain.notes == ()


def test_an_event_that_is_sent_as_it_came_has_no_notes(mapper: Mapper, order: dict[str, Any], now: float) -> None:
    result = mapper.map(order, event_id="d", received_at=now, now=now, explain=True)
    assert isinstance(result, Mapped)
    assert result.notes == ()
