"""Is a Segment call read as Segment reads it where that is right, and better where it is wrong?"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

from schemas import Mapped, Refused, Rule
from schemas.sources.segment_fields import FIELDS
from schemas.sources.segment_presets import PRESETS

MapEvent = Callable[..., Mapped | Refused]
Only = Callable[[Mapped | Refused], Any]
Faults = Callable[[Mapped | Refused], dict[str, str]]


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


@pytest.mark.covers(
    "segment/field/event-id",
    "segment/field/timestamp",
    "segment/field/phone",
    "segment/field/email",
    "segment/field/order-id",
    "segment/field/shop-id",
    "segment/field/external-id",
    "segment/field/ttclid",
    "segment/field/locale",
    "segment/field/page-url",
    "segment/field/page-referrer",
    "segment/field/ip",
    "segment/field/user-agent",
    "segment/field/contents",
    "segment/field/content-type",
    "segment/field/currency",
    "segment/field/value",
    "segment/field/query",
)
def test_every_default_path_reaches_its_field(map_event: MapEvent, only: Only, order: dict[str, Any]) -> None:
    assert only(map_event("segment", order)) == {
        "event": "Purchase",
        "event_time": 1789999200,
        "event_id": "message-1",
        "user": {
            "email": [digest("ada@example.com")],
            "phone": [digest("+12015550123")],
            "external_id": [digest("User-1")],
            "ttclid": "E.C.P.url",
            "ip": "203.0.113.7",
            "user_agent": "Mozilla/5.0",
            "locale": "en-US",
        },
        "properties": {
            "contents": [
                {
                    "price": 15.5,
                    "quantity": 3,
                    "content_id": "p-1",
                    "content_name": "Tea",
                    "content_category": "Drinks",
                    "brand": "Acme",
                }
            ],
            "content_type": "product",
            "currency": "USD",
            "value": 46.5,
            "query": "tea",
            "order_id": "o-1",
            "shop_id": "s-1",
        },
        "page": {"url": "https://shop.example/thanks?ttclid=E.C.P.url", "referrer": "https://shop.example/cart"},
    }


@pytest.mark.covers("segment/preset/fifteen")
def test_there_are_fifteen_presets() -> None:
    assert len(PRESETS) == len({preset.name for preset in PRESETS}) == 15


@pytest.mark.covers(
    "segment/accepts-track",
    "segment/default-mappings",
    "segment/preset/add-to-cart",
    "segment/preset/submit-form",
    "segment/preset/complete-registration",
    "segment/preset/contact",
    "segment/preset/initiate-checkout",
    "segment/preset/search",
    "segment/preset/complete-payment",
    "segment/preset/subscribe",
    "segment/preset/view-content",
    "segment/preset/download",
    "segment/preset/click-button",
    "segment/preset/place-an-order",
    "segment/preset/add-to-wishlist",
    "segment/preset/add-payment-info",
)
@pytest.mark.parametrize("preset", [preset for preset in PRESETS if preset.trigger], ids=lambda preset: preset.name)
def test_presets(preset: Any, map_event: MapEvent, only: Only, order: dict[str, Any]) -> None:
    order["event"] = preset.trigger
    order["properties"] |= {"product_id": "single", "price": "9"}
    body = only(map_event("segment", order))
    contents = [content["content_id"] for content in body["properties"].get("contents", [])]
    assert body["event"] == preset.event
    assert contents == {"products": ["p-1"], "properties": ["single"], "none": []}[preset.shape]


@pytest.mark.covers("segment/preset/page-view")
@pytest.mark.parametrize(
    ("event_source", "name"), [("offline", "ViewContent"), ("app", "ViewContent"), ("web", "Pageview")]
)
def test_a_page_call_becomes_what_its_source_knows(
    event_source: str, name: str, map_event: MapEvent, order: dict[str, Any]
) -> None:
    order |= {"type": "page", "event": None}
    result = map_event("segment", order, event_source=event_source)
    if event_source == "app":
        assert isinstance(result, Refused)
        assert result.event == name
    else:
        assert isinstance(result, Mapped)
        assert result.items[0].event == name


@pytest.mark.parametrize(
    ("trigger", "current", "legacy"),
    [
        ("Order Completed", "Purchase", "CompletePayment"),
        ("Form Submitted", "Lead", "SubmitForm"),
        ("Product Added", "AddToCart", "AddToCart"),
        ("Order Placed", "PlaceAnOrder", "PlaceAnOrder"),
    ],
)
def test_names_follow_the_setting(
    trigger: str, current: str, legacy: str, map_event: MapEvent, only: Only, order: dict[str, Any]
) -> None:
    order["event"] = trigger
    assert only(map_event("segment", order))["event"] == current
    assert only(map_event("segment", order, event_names="legacy"))["event"] == legacy


@pytest.mark.parametrize(
    ("change", "path", "rule"),
    [
        ({"event": "order completed"}, "event", "did you mean Order Completed?"),
        ({"event": "Order  Completed"}, "event", "did you mean Order Completed?"),
        ({"event": "Ada Lovelace called"}, "event", "is none that a preset knows"),
        ({"event": "__proto__"}, "event", "is none that a preset knows"),
        ({"event": "constructor"}, "event", "is none that a preset knows"),
        ({"event": ""}, "event", "is required"),
        ({"event": {"name": "Order Completed"}}, "event", "is required"),
        ({"event": ["Order Completed"]}, "event", "is required"),
        ({"type": "identify"}, "type", "track and page"),
        ({"type": "Screen"}, "type", "track and page"),
        ({"type": "group"}, "type", "track and page"),
        ({"type": "alias"}, "type", "track and page"),
    ],
)
def test_what_no_preset_asks_for_is_unmapped(
    change: dict[str, Any], path: str, rule: str, map_event: MapEvent, faults: Faults, order: dict[str, Any]
) -> None:
    result = map_event("segment", order | change)
    found = faults(result)
    assert isinstance(result, Refused)
    assert (result.reason, result.event) == ("unmapped", None)
    assert rule in found[path]
    assert "Ada" not in found[path]


@pytest.mark.covers("segment/field/ttp")
@pytest.mark.parametrize(
    ("change", "field", "sent"),
    [
        ({"properties": {"email": ""}}, "email", [digest("ada@example.com")]),
        ({"properties": {"email": " \ufeff"}}, "email", [digest("ada@example.com")]),
        ({"properties": {"email": [None, ""]}}, "email", [digest("ada@example.com")]),
        ({"properties": {"email": "Bob@Example.com"}}, "email", [digest("bob@example.com")]),
        ({"properties": {"phone": None}}, "phone", [digest("+12015550123")]),
        ({"userId": ""}, "external_id", [digest("anonymous-1")]),
        ({"userId": 42}, "external_id", [digest("42")]),
        ({"properties": {"ttclid": "own"}}, "ttclid", "own"),
        ({"integrations": {"TikTok Offline Conversions": {"ttclid": "named"}}}, "ttclid", "named"),
        ({"integrations": {"TikTok Offline Conversions (Actions)": {"ttp": "cookie"}}}, "ttp", "cookie"),
        ({"integrations": {"TikTok Offline Conversions": True}}, "ttclid", "E.C.P.url"),
        ({"properties": {"lead_id": 5}}, "lead_id", "5"),
    ],
)
def test_blank_falls_back_as_null_does(
    change: dict[str, Any], field: str, sent: Any, map_event: MapEvent, only: Only, order: dict[str, Any]
) -> None:
    properties = order["properties"] | change.get("properties", {})
    body = only(map_event("segment", order | change | {"properties": properties}))
    assert body["user"][field] == sent


@pytest.mark.covers("segment/field/value")
@pytest.mark.parametrize(
    ("properties", "value"),
    [
        ({"value": 0, "revenue": 5}, 0),
        ({"value": "", "revenue": "5,50"}, 5.5),
        ({"value": None, "revenue": None, "total": 7}, 7),
        ({"value": None}, None),
    ],
)
def test_value_falls_back_to_revenue_and_total(
    properties: dict[str, Any], value: Any, map_event: MapEvent, only: Only, order: dict[str, Any]
) -> None:
    order["properties"] |= properties
    assert only(map_event("segment", order))["properties"].get("value") == value


@pytest.mark.covers("segment/field/ttclid")
@pytest.mark.parametrize(
    ("url", "ttclid"),
    [
        ("https://shop.example/?a=1&ttclid=E.C.P%2Bx#top", "E.C.P+x"),
        ("https://shop.example/?nottclid=1", None),
        ("https://shop.example/?ttclid=&x=1", None),
        ("https://shop.example/#ttclid=1", None),
        ("http://[broken?ttclid=still", "still"),
        ("?ttclid=%ff%", "\ufffd%"),
    ],
)
def test_ttclid_comes_from_the_page_last(
    url: str, ttclid: str | None, map_event: MapEvent, only: Only, order: dict[str, Any]
) -> None:
    order["context"]["page"]["url"] = url
    assert only(map_event("segment", order))["user"].get("ttclid") == ttclid


@pytest.mark.covers("segment/field/contents")
@pytest.mark.parametrize(
    ("products", "contents"),
    [
        ({"product_id": 7, "price": "1"}, [{"content_id": "7", "price": 1}]),
        ([{"sku": "s"}, {"product_id": "", "sku": "t"}], [{"content_id": "s"}, {"content_id": "t"}]),
        ([{"price": None, "name": None, "product_id": "p"}], [{"content_id": "p"}]),
        ([None, {}, {"colour": "red"}, ""], None),
        ([{"price": 0, "quantity": 0}], [{"price": 0, "quantity": 0}]),
        ("", None),
        ([], None),
        (None, None),
    ],
)
def test_products_become_contents(
    products: Any, contents: Any, map_event: MapEvent, only: Only, order: dict[str, Any]
) -> None:
    order["properties"]["products"] = products
    assert only(map_event("segment", order))["properties"].get("contents") == contents


def test_a_single_product_preset_without_a_product_sends_no_empty_one(
    map_event: MapEvent, only: Only, order: dict[str, Any]
) -> None:
    order["event"] = "Products Searched"
    assert "contents" not in only(map_event("segment", order))["properties"]


@pytest.mark.covers("segment/field/currency")
@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"properties": {"products": "tea"}}, "properties.products"),
        ({"properties": {"products": [{"price": 1}, "tea"]}}, "properties.products.1"),
        ({"properties": {"products": [None, {"price": "abc"}]}}, "properties.products.1.price"),
        ({"properties": {"products": {"price": "abc"}}}, "properties.products.price"),
        ({"properties": {"products": [{"sku": True}]}}, "properties.products.0.sku"),
        ({"properties": {"value": "abc"}}, "properties.value"),
        ({"properties": {"revenue": "abc", "value": None}}, "properties.revenue"),
        ({"properties": {"currency": "euro"}}, "properties.currency"),
        ({"properties": {"limited_data_use": "yes"}}, "properties.limited_data_use"),
        ({"properties": {"email": {"home": 1}}}, "properties.email"),
        ({"properties": {"phone": ["+12015550123", True]}}, "properties.phone.1"),
        ({"event": "Product Viewed", "properties": {"price": "abc"}}, "properties.price"),
        ({"event": "Product Viewed", "properties": {"sku": {}}}, "properties.sku"),
        ({"timestamp": "soon"}, "timestamp"),
        ({"timestamp": None, "originalTimestamp": "soon"}, "originalTimestamp"),
        ({"messageId": True}, "messageId"),
        ({"userId": {}}, "userId"),
        ({"properties": "text"}, "properties"),
        ({"context": ["list"]}, "context"),
        ({"context": {"traits": "Ada"}}, "context.traits"),
        ({"context": {"page": "https://shop.example"}}, "context.page"),
    ],
)
def test_faults_name_the_place_in_the_call(
    change: dict[str, Any], path: str, map_event: MapEvent, faults: Faults, order: dict[str, Any]
) -> None:
    for key, value in change.items():
        order[key] = order[key] | value if key == "properties" and isinstance(value, dict) else value
    result = map_event("segment", order)
    assert list(faults(result)) == [path]
    assert isinstance(result, Refused)
    assert result.reason == "invalid"


@pytest.mark.covers("segment/field/lead-id")
def test_the_lead_goes_where_its_source_has_it(map_event: MapEvent, only: Only, order: dict[str, Any]) -> None:
    order["properties"] |= {"lead_id": "l-1", "lead_event_source": "crm-1"}
    body = only(map_event("segment", order, event_source="crm"))
    assert body["lead"] == {"lead_id": "l-1", "lead_event_source": "crm-1"}
    assert "lead_id" not in body["user"]
    assert only(map_event("segment", order))["user"]["lead_id"] == "l-1"


@pytest.mark.covers("segment/field/test-event-code")
def test_the_test_event_code_stays_out_of_the_element(map_event: MapEvent, order: dict[str, Any]) -> None:
    order["properties"]["test_event_code"] = "TEST1"
    result = map_event("segment", order)
    assert isinstance(result, Mapped)
    assert result.items[0].key.test_event_code == "TEST1"
    assert "test_event_code" not in result.items[0].body
    overruled = map_event("segment", order, test_event_code="TEST2")
    assert isinstance(overruled, Mapped)
    assert overruled.items[0].key.test_event_code == "TEST2"


def test_nothing_absent_is_sent(map_event: MapEvent, only: Only) -> None:
    call = {"type": "track", "event": "Callback Started", "properties": {"email": "ada@example.com"}}
    assert only(map_event("segment", call)) == {
        "event": "Contact",
        "event_time": 1789999995,
        "event_id": "door-1",
        "user": {"email": [digest("ada@example.com")]},
        "properties": {"content_type": "product"},
    }


@pytest.mark.covers("segment/action/report-offline-event", "segment/action/payment", "segment/action/non-payment")
@pytest.mark.parametrize(
    "action", [None, "reportOfflineEvent", "trackPaymentOfflineConversion", "trackNonPaymentOfflineConversion"]
)
def test_every_action_sends_the_same(
    action: str | None, map_event: MapEvent, only: Only, order: dict[str, Any]
) -> None:
    rule = Rule(event="Purchase", when="event == 'Order Completed'", action=action)
    assert only(map_event("segment", order, mappings=(rule,))) == only(map_event("segment", order))


@pytest.mark.covers("segment/engage/computed-traits", "segment/engage/audiences")
@pytest.mark.parametrize(("member", "name"), [(True, "Subscribe"), (False, "Contact"), (None, None)])
def test_entering_and_leaving_an_audience_become_events_where_mappings_ask_for_it(
    member: bool | None, name: str | None, map_event: MapEvent
) -> None:
    trait = "traits.order_completed_last_30days"
    rules = (
        Rule(event="Subscribe", when=f"type == 'identify' && {trait} == `true`"),
        Rule(event="Contact", when=f"type == 'identify' && {trait} == `false`"),
    )
    call = {"type": "identify", "userId": "u-1", "traits": {"email": "ada@example.com"}}
    if member is not None:
        call["traits"] = {"email": "ada@example.com", "order_completed_last_30days": member}
    result = map_event("segment", call, mappings=rules)
    assert ([item.event for item in result.items] if isinstance(result, Mapped) else [None]) == [name]


def test_the_table_of_fields_names_each_target_once_for_an_event_source() -> None:
    for event_source in ("offline", "web", "crm", "app"):
        targets = [field.target for field in FIELDS if event_source in field.event_sources]
        assert len(targets) == len(set(targets))
