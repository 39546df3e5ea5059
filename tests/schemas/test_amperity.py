"""Does every column of Amperity's page reach its field, and are its rules kept?"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

from schemas import Mapped, Mapper, MappingSettings, Refused, Rule
from schemas.sources.amperity_columns import COLUMNS, PRODUCT_COLUMNS

MapEvent = Callable[..., Mapped | Refused]
Only = Callable[[Mapped | Refused], Any]
Faults = Callable[[Mapped | Refused], dict[str, str]]


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def notes_of(result: Mapped | Refused) -> dict[str, str]:
    assert isinstance(result, Mapped), result
    return {note.path: note.rule for note in result.notes}


@pytest.mark.covers(
    "amperity/column/agent",
    "amperity/column/brand",
    "amperity/column/content-category",
    "amperity/column/content-id",
    "amperity/column/content-name",
    "amperity/column/content-type",
    "amperity/column/cookie-id",
    "amperity/column/currency",
    "amperity/column/email",
    "amperity/column/event",
    "amperity/column/event-list",
    "amperity/column/event-id",
    "amperity/column/ip",
    "amperity/column/order-id",
    "amperity/column/phone",
    "amperity/column/phone-format",
    "amperity/column/price",
    "amperity/column/quantity",
    "amperity/column/shop-id",
    "amperity/column/tiktok-click-id",
    "amperity/column/timestamp",
    "amperity/column/value",
)
def test_every_column_reaches_its_field(map_event: MapEvent, only: Only, row: dict[str, Any]) -> None:
    row |= {"page_url": "https://shop.example/thanks", "external_id": "User-1", "limited_data_use": "TRUE"}
    result = map_event("amperity", row)
    assert notes_of(result) == {}
    assert only(result) == {
        "event": "Purchase",
        "event_id": "e1",
        "event_time": 1789999200,
        "limited_data_use": True,
        "user": {
            "email": [digest("ada@example.com")],
            "phone": [digest("+12015550123")],
            "external_id": [digest("User-1")],
            "ttclid": "E.C.P.own",
            "ttp": "cookie-1",
            "ip": "203.0.113.7",
            "user_agent": "Mozilla/5.0",
        },
        "page": {"url": "https://shop.example/thanks"},
        "properties": {
            "order_id": "o-1",
            "shop_id": "s-1",
            "value": 46.5,
            "currency": "EUR",
            "content_type": "product",
            "contents": [
                {
                    "price": 15.5,
                    "quantity": 3,
                    "content_type": "product",
                    "content_id": "p-1",
                    "content_name": "Tea",
                    "content_category": "Drinks",
                    "brand": "Acme",
                }
            ],
        },
    }


@pytest.mark.covers("amperity/column/event-channel")
def test_the_legacy_kind_gets_the_channel_too(map_event: MapEvent, only: Only, row: dict[str, Any]) -> None:
    body = only(map_event("amperity", row, kind="offline"))
    assert body["event"] == "CompletePayment"
    assert body["properties"]["event_channel"] == "in_store"
    assert body["properties"]["contents"][0]["content_type"] == "product"


@pytest.mark.covers("amperity/rows/orders")
def test_grouped_rows_are_one_event_with_contents(map_event: MapEvent, only: Only, row: dict[str, Any]) -> None:
    order = {column: value for column, value in row.items() if column not in PRODUCT_COLUMNS}
    order["contents"] = [
        {"content_id": "a", "price": "1,50", "quantity": "2", "content_type": "product_group", "colour": "red"},
        {"content_id": "b", "content_name": "", "price": 0},
        {},
    ]
    properties = only(map_event("amperity", order))["properties"]
    assert properties["contents"] == [
        {"content_id": "a", "price": 1.5, "quantity": 2, "content_type": "product_group"},
        {"content_id": "b", "price": 0},
    ]
    assert properties["content_type"] == "product_group"


@pytest.mark.covers(
    "amperity/event/AddPaymentInfo",
    "amperity/event/AddToCart",
    "amperity/event/CompletePayment",
    "amperity/event/CompleteRegistration",
    "amperity/event/Contact",
    "amperity/event/Download",
    "amperity/event/PlaceAnOrder",
    "amperity/event/Subscribe",
)
@pytest.mark.parametrize(
    "name",
    [
        "AddPaymentInfo",
        "AddToCart",
        "CompletePayment",
        "CompleteRegistration",
        "Contact",
        "Download",
        "PlaceAnOrder",
        "Subscribe",
    ],
)
def test_the_events_of_the_page(name: str, map_event: MapEvent, only: Only, row: dict[str, Any]) -> None:
    assert only(map_event("amperity", row | {"event": name}, event_names="legacy"))["event"] == name


@pytest.mark.covers("amperity/column/event", "amperity/column/event-list")
@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("completepayment", "did you mean CompletePayment?"),
        ("Complete Payment", "did you mean CompletePayment?"),
        ("ADDTOCART", "did you mean AddToCart?"),
        ("Walked in", "is not one of TikTok's standard events"),
        ("", "is required"),
        (None, "is required"),
    ],
)
def test_event_names_are_case_sensitive_and_closed(
    name: Any, rule: str, map_event: MapEvent, faults: Faults, row: dict[str, Any]
) -> None:
    found = faults(map_event("amperity", row | {"event": name}))
    assert rule in found["event"]
    assert "Walked" not in found["event"]


@pytest.mark.covers("amperity/setting/fixed-event")
def test_a_fixed_event_name_is_a_mapping(map_event: MapEvent, only: Only, row: dict[str, Any]) -> None:
    fixed = (Rule(event="Subscribe"),)
    assert only(map_event("amperity", {**row, "event": ""}, mappings=fixed))["event"] == "Subscribe"
    # The mapping says what to send: a column is heard only where the mapping leaves the name open.
    assert only(map_event("amperity", row, mappings=fixed))["event"] == "Subscribe"
    both = (Rule(when="event"), Rule(event="Subscribe", when="!event"))
    assert only(map_event("amperity", row, mappings=both))["event"] == "Purchase"
    assert only(map_event("amperity", {**row, "event": ""}, mappings=both))["event"] == "Subscribe"


@pytest.mark.covers("amperity/column/event-id")
def test_a_missing_event_id_is_the_doors(map_event: MapEvent, only: Only, row: dict[str, Any]) -> None:
    for missing in ("", " ", None):
        assert only(map_event("amperity", row | {"event_id": missing}))["event_id"] == "door-1"


# --- money


@pytest.mark.covers("amperity/column/price", "amperity/column/value")
@pytest.mark.parametrize(
    ("change", "value"),
    [
        ({}, 46.5),
        ({"price": "0.1", "quantity": "3"}, 0.3),
        ({"price": "1.234,50", "quantity": 2}, 2469.0),
        ({"price": "0"}, 0.0),
        ({"price": ""}, None),
        ({"quantity": None}, None),
        ({"price": "", "contents": [{"price": 1.1, "quantity": 3}, {"price": "2", "quantity": "1"}]}, 5.3),
        ({"price": "", "contents": [{"price": 1.1, "quantity": 3}, {"price": "2"}]}, None),
        ({"price": "", "contents": [{"price": 1.1, "quantity": 3}, {}]}, 3.3),
    ],
)
def test_a_missing_value_is_the_sum_of_price_times_quantity(
    change: dict[str, Any], value: float | None, map_event: MapEvent, only: Only, row: dict[str, Any]
) -> None:
    result = map_event("amperity", row | {"value": ""} | change)
    assert only(result)["properties"].get("value") == value
    assert ("value" in notes_of(result)) is (value is not None)


@pytest.mark.covers("amperity/column/value")
def test_a_given_value_is_not_computed(map_event: MapEvent, only: Only, row: dict[str, Any]) -> None:
    result = map_event("amperity", row | {"value": "0"})
    assert only(result)["properties"]["value"] == 0
    assert notes_of(result) == {}


@pytest.mark.covers("amperity/column/currency")
def test_a_missing_currency_is_usd_and_noted_where_there_is_money(
    map_event: MapEvent, only: Only, row: dict[str, Any]
) -> None:
    result = map_event("amperity", row | {"currency": ""})
    assert only(result)["properties"]["currency"] == "USD"
    assert notes_of(result) == {"currency": "is missing and was taken as USD"}
    assert "currency" in notes_of(map_event("amperity", row | {"currency": None, "value": ""}))
    free = {"event": "Contact", "email": "ada@example.com", "timestamp": "2026-09-21T14:00:00Z"}
    assert notes_of(map_event("amperity", free)) == {}


@pytest.mark.covers("amperity/column/content-type")
def test_a_missing_content_type_is_product(map_event: MapEvent, only: Only, row: dict[str, Any]) -> None:
    assert only(map_event("amperity", row | {"content_type": ""}))["properties"]["content_type"] == "product"


# --- where it goes


@pytest.mark.covers("amperity/setting/event-set-id", "amperity/column/event-set-id")
def test_the_event_set_follows_the_rows(map_event: MapEvent, row: dict[str, Any]) -> None:
    result = map_event("amperity", row | {"event_set_id": 7000000000000000009}, event_source_id="{{event_set_id}}")
    assert isinstance(result, Mapped)
    assert result.items[0].key.event_source_id == "7000000000000000009"


@pytest.mark.covers("amperity/column/event-set-id")
@pytest.mark.parametrize("given", ["7000000000000000009", 1, ["7000000000000000001"], "x"])
def test_a_row_for_another_event_set_is_not_sent_to_this_one(
    given: Any, map_event: MapEvent, faults: Faults, row: dict[str, Any]
) -> None:
    found = faults(map_event("amperity", row | {"event_set_id": given}))
    assert list(found) == ["event_set_id"]
    assert "{{event_set_id}}" in found["event_set_id"]
    assert str(given) not in found["event_set_id"]


@pytest.mark.parametrize("given", ["7000000000000000001", " 7000000000000000001 ", 7000000000000000001, "", None])
def test_a_row_for_this_event_set_or_none_is(given: Any, map_event: MapEvent, row: dict[str, Any]) -> None:
    assert isinstance(map_event("amperity", row | {"event_set_id": given}), Mapped)


def test_a_pixel_is_no_event_set(map_event: MapEvent, row: dict[str, Any]) -> None:
    row |= {"page_url": "https://shop.example"}
    assert isinstance(map_event("amperity", row, event_source="web", event_source_id="C4PIXEL"), Mapped)


@pytest.mark.covers("amperity/setting/event-source", "amperity/column/event-source")
def test_the_event_source_is_the_destinations(map_event: MapEvent, row: dict[str, Any]) -> None:
    result = map_event("amperity", row | {"event_source": "web"})
    assert isinstance(result, Mapped)
    assert result.items[0].key.event_source == "offline"
    assert "event_source" in notes_of(result)


@pytest.mark.covers("amperity/setting/event-source")
def test_web_rows_need_their_page(map_event: MapEvent, faults: Faults, row: dict[str, Any]) -> None:
    assert "page_url" in faults(map_event("amperity", row, event_source="web"))


# --- people and time


@pytest.mark.covers("amperity/column/email", "amperity/column/phone")
@pytest.mark.parametrize("kept", ["email", "phone"])
def test_one_of_email_and_phone_is_enough(kept: str, map_event: MapEvent, only: Only, row: dict[str, Any]) -> None:
    lost = {"email": "phone", "phone": "email"}[kept]
    assert list(only(map_event("amperity", row | {lost: ""}))["user"]) == [kept, "ttclid", "ttp", "ip", "user_agent"]


@pytest.mark.covers("amperity/column/email")
def test_a_row_without_email_and_phone_is_refused(map_event: MapEvent, row: dict[str, Any]) -> None:
    result = map_event("amperity", row | {"email": "", "phone": ""})
    assert isinstance(result, Refused)
    assert result.reason == "no_match_key"


@pytest.mark.covers("amperity/column/phone-format")
@pytest.mark.parametrize(
    ("phone", "sent"),
    [("+12061234567", "+12061234567"), ("+1 (206) 123-4567", "+12061234567"), ("+491701234567890", "+491701234567890")],
)
def test_phones_are_e164_of_up_to_fifteen_digits(
    phone: str, sent: str, map_event: MapEvent, only: Only, row: dict[str, Any]
) -> None:
    assert only(map_event("amperity", row | {"phone": phone}))["user"]["phone"] == [digest(sent)]


@pytest.mark.covers("amperity/window/28-days")
def test_rows_older_than_28_days_are_not_sent(map_event: MapEvent, row: dict[str, Any]) -> None:
    result = map_event("amperity", row | {"timestamp": "2026-08-24T14:13:19Z"})
    assert isinstance(result, Refused)
    assert (result.reason, [fault.path for fault in result.faults]) == ("expired", ["timestamp"])
    assert isinstance(map_event("amperity", row | {"timestamp": "2026-08-24T14:13:20Z"}), Mapped)


@pytest.mark.covers("amperity/column/timestamp")
@pytest.mark.parametrize("written", ["1789999200", "1789999200000", "2026-09-21 14:00:00 UTC", "2026-09-21T14:00:00"])
def test_timestamps_are_iso_or_unix(written: str, map_event: MapEvent, only: Only, row: dict[str, Any]) -> None:
    assert only(map_event("amperity", row | {"timestamp": written}))["event_time"] == 1789999200


# --- faults


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"price": "15.5O"}, "price"),
        ({"quantity": "1.5"}, "quantity"),
        ({"value": "$46"}, "value"),
        ({"currency": "EURO"}, "currency"),
        ({"content_type": "tea"}, "content_type"),
        ({"timestamp": "yesterday"}, "timestamp"),
        ({"email": {}}, "email"),
        ({"limited_data_use": "maybe"}, "limited_data_use"),
        ({"contents": "tea"}, "contents"),
        ({"contents": ["tea"]}, "contents.0"),
        ({"contents": [{"price": 1}, {"price": "abc"}]}, "contents.1.price"),
    ],
)
def test_faults_name_the_column(
    change: dict[str, Any], path: str, map_event: MapEvent, faults: Faults, row: dict[str, Any]
) -> None:
    result = map_event("amperity", row | change)
    assert path in faults(result)
    assert isinstance(result, Refused)
    assert result.reason == "invalid"


@pytest.mark.covers("amperity/column/event-channel")
@pytest.mark.parametrize("channel", ["In Store", "web", "phone"])
def test_the_channel_is_of_a_closed_list(
    channel: str, map_event: MapEvent, faults: Faults, row: dict[str, Any]
) -> None:
    assert list(faults(map_event("amperity", row | {"event_channel": channel}, kind="offline"))) == ["event_channel"]


def test_changed_values_are_named_by_their_column(row: dict[str, Any], now: float) -> None:
    mapper = Mapper(MappingSettings(source="amperity", event_source_id="7000000000000000001"))
    result = mapper.map(row, event_id="d", received_at=now, now=now, explain=True)
    assert notes_of(result) == {
        "value": "was text and is sent as a number",
        "price": "was text and is sent as a number",
        "quantity": "was text and is sent as a number",
        "event_channel": "is for kind offline only and was left out",
    }


def test_the_table_is_closed() -> None:
    for event_source in ("offline", "web", "crm", "app"):
        targets = [field.target for field in COLUMNS if event_source in field.event_sources]
        assert len(targets) == len(set(targets))
