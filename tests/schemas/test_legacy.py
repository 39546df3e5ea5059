"""Do the legacy offline endpoints get their own form of an event, and nothing that they do not know?"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

from schemas import Mapped, Mapper, MappingSettings, Refused, SettingsError

MapEvent = Callable[..., Mapped | Refused]
Only = Callable[[Mapped | Refused], Any]
Faults = Callable[[Mapped | Refused], dict[str, str]]


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def test_a_whole_order_in_the_legacy_form(map_event: MapEvent, only: Only, order: dict[str, Any]) -> None:
    assert only(map_event("segment", order, kind="offline")) == {
        "event": "CompletePayment",
        "event_id": "message-1",
        "timestamp": "2026-09-21T14:00:00Z",
        "context": {"user": {"emails": [digest("ada@example.com")], "phone_numbers": [digest("+12015550123")]}},
        "properties": {
            "order_id": "o-1",
            "shop_id": "s-1",
            "currency": "USD",
            "value": 46.5,
            "contents": [
                {
                    "content_type": "product",
                    "price": 15.5,
                    "quantity": 3,
                    "content_id": "p-1",
                    "content_name": "Tea",
                    "content_category": "Drinks",
                }
            ],
        },
    }


def test_properties_are_there_even_when_empty(map_event: MapEvent, only: Only, plain: dict[str, Any]) -> None:
    assert only(map_event("tiktok", plain, kind="offline"))["properties"] == {}


def test_a_products_own_type_stays(map_event: MapEvent, only: Only, plain: dict[str, Any]) -> None:
    contents = [{"content_id": "a", "content_type": "product_group"}, {"content_id": "b"}]
    plain["properties"] = {"content_type": "product", "contents": contents}
    sent = only(map_event("tiktok", plain, kind="offline"))["properties"]
    assert [content["content_type"] for content in sent["contents"]] == ["product_group", "product"]
    assert "content_type" not in sent


@pytest.mark.parametrize(
    ("style", "given", "sent"),
    [
        (None, "Purchase", "CompletePayment"),
        (None, "Lead", "SubmitForm"),
        (None, "Contact", "Contact"),
        ("current", "CompletePayment", "Purchase"),
    ],
)
def test_names_are_legacy_unless_set(
    style: str | None, given: str, sent: str, map_event: MapEvent, only: Only, plain: dict[str, Any]
) -> None:
    assert only(map_event("tiktok", plain | {"event": given}, kind="offline", event_names=style))["event"] == sent


@pytest.mark.covers("amperity/column/event-channel")
@pytest.mark.parametrize("channel", ["email", "website", "phone_call", "in_store", "crm", "other"])
def test_event_channels_are_a_closed_list(channel: str, map_event: MapEvent, only: Only, plain: dict[str, Any]) -> None:
    plain["properties"] = {"event_channel": channel}
    assert only(map_event("tiktok", plain, kind="offline"))["properties"] == {"event_channel": channel}


@pytest.mark.parametrize(
    ("channel", "meant"),
    [
        ("web", ""),
        ("In Store", "; did you mean in_store?"),
        ("Email", "; did you mean email?"),
        (1, ""),
        (["email"], ""),
    ],
)
def test_another_channel_is_refused_without_repeating_it(
    channel: Any, meant: str, map_event: MapEvent, faults: Faults, plain: dict[str, Any]
) -> None:
    plain["properties"] = {"event_channel": channel}
    assert faults(map_event("tiktok", plain, kind="offline")) == {
        "properties.event_channel": "must be crm or email or in_store or other or phone_call or website" + meant
    }


def test_the_channel_is_left_out_of_events_with_a_note(plain: dict[str, Any], now: float) -> None:
    plain["properties"] = {"event_channel": "anything", "order_id": "1"}
    mapper = Mapper(MappingSettings(source="tiktok", event_source_id="1"))
    result = mapper.map(plain, event_id="d", received_at=now, now=now, explain=True)
    assert isinstance(result, Mapped)
    assert result.items[0].body["properties"] == {"order_id": "1"}
    assert [note.path for note in result.notes] == ["properties.event_channel"]


def test_what_has_no_place_is_left_out_with_a_note(order: dict[str, Any], now: float) -> None:
    mapper = Mapper(MappingSettings(source="segment", event_source_id="1", kind="offline"))
    result = mapper.map(order, event_id="d", received_at=now, now=now, explain=True)
    assert isinstance(result, Mapped)
    assert {note.path for note in result.notes} == {
        "userId",
        "context.page.url",
        "context.ip",
        "context.userAgent",
        "context.locale",
        "properties.query",
        "properties.products",
        "page",
    }
    assert all("was left out" in note.rule for note in result.notes)


def test_a_test_event_is_refused_rather_than_sent_as_a_real_one(
    map_event: MapEvent, faults: Faults, order: dict[str, Any]
) -> None:
    order["properties"]["test_event_code"] = "TEST1"
    assert "no test events" in faults(map_event("segment", order, kind="offline"))["properties.test_event_code"]


def test_an_external_id_is_no_match_key(map_event: MapEvent, order: dict[str, Any]) -> None:
    order["context"]["traits"] = {}
    result = map_event("segment", order, kind="offline")
    assert isinstance(result, Refused)
    assert result.reason == "no_match_key"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("event_source", "web"),
        ("event_source", "crm"),
        ("accept_external_id", True),
        ("test_event_code", "TEST1"),
        ("max_event_age_seconds", 10**12),
    ],
)
def test_settings_that_the_legacy_endpoints_cannot_follow(setting: str, value: Any) -> None:
    settings: dict[str, Any] = {"source": "segment", "event_source_id": "1", "kind": "offline", setting: value}
    with pytest.raises(SettingsError) as caught:
        Mapper(MappingSettings(**settings))
    assert [fault.path for fault in caught.value.faults] == [setting]
