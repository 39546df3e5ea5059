"""Which id an event gets at the door."""

from __future__ import annotations

from typing import Any

import pytest

from tiktok_events.identity import event_identity, id_fault


def is_derived(event_id: str) -> bool:
    return len(event_id) == 32 and all(character in "0123456789abcdef" for character in event_id)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"event_id": "o-1"}, "o-1"),
        ({"event_id": "  o-1\n"}, "o-1"),
        ({"event_id": "o-1", "messageId": "m-1"}, "o-1"),
        ({"messageId": "m-1"}, "m-1"),
        ({"event_id": " ", "messageId": "m-1"}, "m-1"),
        ({"event_id": None, "messageId": "m-1"}, "m-1"),
        ({"event_id": True, "messageId": "m-1"}, "m-1"),
        ({"event_id": ["o-1"], "messageId": "m-1"}, "m-1"),
        ({"event_id": 1.5, "messageId": "m-1"}, "m-1"),
        ({"event_id": 0}, "0"),
        ({"event_id": 20240101}, "20240101"),
        ({"event_id": "x" * 256}, "x" * 256),
        ({"event_id": "4915112345678"}, "4915112345678"),
        ({"event_id": "заказ-1"}, "заказ-1"),
    ],
)
def test_an_events_own_id_is_kept(event: dict[str, Any], expected: str) -> None:
    assert event_identity(event) == expected


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"event": "Lead"},
        {"event_id": "x" * 257},
        {"event_id": "ada@example.com"},
        {"event_id": "order-1-ada@example.com", "messageId": "m-1"},
        {"event_id": "+49 (151) 123-45678"},
        {"event_id": "o\x1b[31m1"},
        {"event_id": "o\n1"},
        {"event_id": "\ud800"},
    ],
)
def test_an_unusable_id_is_replaced_by_a_derived_one(event: dict[str, Any]) -> None:
    assert is_derived(event_identity(event))


def test_a_derived_id_depends_on_the_content_and_not_on_its_order() -> None:
    first = event_identity({"a": 1, "b": {"c": [1, 2.5, None], "d": "ä"}})
    assert first == event_identity({"b": {"d": "ä", "c": [1, 2.5, None]}, "a": 1})
    assert first != event_identity({"a": 1, "b": {"c": [2.5, 1, None], "d": "ä"}})


def test_a_derived_id_stays_what_it_was_in_earlier_releases() -> None:
    # A change of the rule would deliver again what waits in queues and ledgers.
    assert event_identity({"event": "Lead", "n": [1, 2.5, True, None, "ä"]}) == "28bc2b8989f9d78a50558970c4917f01"


def test_a_fault_never_shows_the_id() -> None:
    for event_id in ("ada@example.com", "+491511234567", "secret\x00"):
        assert event_id not in (id_fault(event_id) or event_id)
