"""Does every row of Commanders Act's page reach its field, in both forms of TikTok's API?"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

from schemas import Mapped, Mapper, MappingSettings, Refused, Rule, SettingsError
from schemas.sources.commanders_act_fields import CHANNELS, FIELDS

Only = Callable[[Mapped | Refused], Any]
Faults = Callable[[Mapped | Refused], dict[str, str]]
MapPurchase = Callable[..., Mapped | Refused]

PURCHASE = Rule(event="CompletePayment", when="event_name == 'purchase'")


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


@pytest.fixture
def map_purchase(map_event: Callable[..., Mapped | Refused]) -> MapPurchase:
    def run(event: object, **settings: Any) -> Mapped | Refused:
        return map_event("commanders_act", event, **{"mappings": (PURCHASE,), **settings})

    return run


@pytest.mark.covers(
    "commanders-act/feature/events-structure",
    "commanders-act/feature/prebuilt-mappings",
    "commanders-act/feature/automatic-hashing",
    "commanders-act/field/event",
    "commanders-act/field/event-id",
    "commanders-act/field/timestamp",
    "commanders-act/field/phone",
    "commanders-act/field/email",
    "commanders-act/field/order-id",
    "commanders-act/field/shop-id",
    "commanders-act/field/item-id",
    "commanders-act/field/item-name",
    "commanders-act/field/item-price",
    "commanders-act/field/item-quantity",
    "commanders-act/field/item-type",
    "commanders-act/field/item-category",
    "commanders-act/field/currency",
    "commanders-act/field/value",
    "commanders-act/field/type",
    "commanders-act/note/timestamp",
    "commanders-act/note/hashing",
)
def test_every_row_of_the_page_reaches_its_legacy_field(
    map_purchase: MapPurchase, only: Only, purchase: dict[str, Any]
) -> None:
    assert only(map_purchase(purchase, kind="offline")) == {
        "event": "CompletePayment",
        "event_id": "o-1",
        "timestamp": "2026-09-21T14:00:00Z",
        "context": {"user": {"emails": [digest("ada@example.com")], "phone_numbers": [digest("+12015550123")]}},
        "properties": {
            "order_id": "o-1",
            "shop_id": "s-1",
            "currency": "EUR",
            "value": 46.5,
            "event_channel": "in_store",
            "contents": [
                {
                    "price": 15.5,
                    "quantity": 3,
                    "content_type": "product",
                    "content_id": "sku-1",
                    "content_name": "Tea",
                    "content_category": "Home>Kitchen>Drinks>Tea>Green",
                }
            ],
        },
    }


@pytest.mark.covers("commanders-act/feature/events-structure", "commanders-act/feature/prebuilt-mappings")
def test_every_field_reaches_events_api_2(map_purchase: MapPurchase, only: Only, purchase: dict[str, Any]) -> None:
    purchase |= {"search_term": "tea", "status": "paid"}
    assert only(map_purchase(purchase)) == {
        "event": "Purchase",
        "event_id": "o-1",
        "event_time": 1789999200,
        "limited_data_use": False,
        "user": {
            "email": [digest("ada@example.com")],
            "phone": [digest("+12015550123")],
            "external_id": [digest("User-1")],
            "ttclid": "E.C.P.own",
            "ttp": "cookie-1",
            "ip": "203.0.113.7",
            "user_agent": "Mozilla/5.0",
            "locale": "fr-FR",
        },
        "page": {"url": "https://shop.example/thanks?ttclid=E.C.P.url", "referrer": "https://shop.example/cart"},
        "properties": {
            "order_id": "o-1",
            "shop_id": "s-1",
            "currency": "EUR",
            "value": 46.5,
            "search_string": "tea",
            "status": "paid",
            "contents": [
                {
                    "price": 15.5,
                    "quantity": 3,
                    "content_type": "product",
                    "content_id": "sku-1",
                    "content_name": "Tea",
                    "content_category": "Home>Kitchen>Drinks>Tea>Green",
                    "brand": "Acme",
                }
            ],
        },
    }


# --- settings


@pytest.mark.covers("commanders-act/setting/mapping")
def test_a_mapping_is_required() -> None:
    with pytest.raises(SettingsError) as caught:
        Mapper(MappingSettings(source="commanders_act", event_source_id="1"))
    assert [(fault.path, fault.rule) for fault in caught.value.faults] == [
        ("mappings", "at least one mapping is required for source commanders_act")
    ]


@pytest.mark.covers("commanders-act/setting/mapping-event-type")
@pytest.mark.parametrize(
    "rule", [Rule(), Rule(when="event_name == 'purchase'"), Rule(event="", fields={"user.email": "user.email"})]
)
def test_a_mapping_needs_a_tiktok_event_type(rule: Rule) -> None:
    with pytest.raises(SettingsError) as caught:
        Mapper(MappingSettings(source="commanders_act", event_source_id="1", mappings=(rule,)))
    assert [fault.path for fault in caught.value.faults] == ["mappings.0.event"]


@pytest.mark.covers(
    "commanders-act/event/CompletePayment",
    "commanders-act/event/Contact",
    "commanders-act/event/Subscribe",
    "commanders-act/event/SubmitForm",
)
@pytest.mark.parametrize("name", ["CompletePayment", "Contact", "Subscribe", "SubmitForm"])
def test_any_event_may_become_each_event_of_the_page(
    name: str, map_purchase: MapPurchase, only: Only, purchase: dict[str, Any]
) -> None:
    purchase["event_name"] = "anything at all"
    rules = (Rule(event=name, when="event_name == 'anything at all'"),)
    assert only(map_purchase(purchase, mappings=rules, event_names="legacy"))["event"] == name


@pytest.mark.covers("commanders-act/setting/mapping-event-name")
def test_an_event_that_no_mapping_asks_for_is_unmapped(map_purchase: MapPurchase, purchase: dict[str, Any]) -> None:
    result = map_purchase(purchase | {"event_name": "Purchase"})
    assert isinstance(result, Refused)
    assert result.reason == "unmapped"


@pytest.mark.covers("commanders-act/setting/event-set-id-dynamic")
@pytest.mark.parametrize(
    ("setting", "sent"),
    [
        ("7000000000000000002", "7000000000000000002"),
        ("{{shop.event_set}}", "7000000000000000003"),
        ("{{ shop.event_set }}", "7000000000000000003"),
        ("set-{{shop.country}}-{{shop_id}}", "set-fr-s-1"),
    ],
)
def test_the_event_set_id_is_a_literal_a_path_or_both_mixed(
    setting: str, sent: str, map_purchase: MapPurchase, purchase: dict[str, Any]
) -> None:
    purchase["shop"] = {"event_set": 7000000000000000003, "country": "fr"}
    result = map_purchase(purchase, event_source_id=setting)
    assert isinstance(result, Mapped)
    assert result.items[0].key.event_source_id == sent


@pytest.mark.covers("commanders-act/setting/event-set-id")
def test_an_event_without_its_event_set_id_is_refused(
    map_purchase: MapPurchase, faults: Faults, purchase: dict[str, Any]
) -> None:
    assert faults(map_purchase(purchase, event_source_id="{{shop.event_set}}")) == {
        "shop.event_set": "is required, since event_source_id is made of it"
    }


@pytest.mark.covers("commanders-act/feature/smart-mapping")
def test_smart_mapping_points_fields_elsewhere_and_deletes_them(
    map_purchase: MapPurchase, only: Only, purchase: dict[str, Any]
) -> None:
    purchase["datalayer"] = {"number": 1001, "store": "s-9", "channel": "crm"}
    fields = {
        "event_id": "join('-', [id, event_name])",
        "properties.order_id": "datalayer.number",
        "properties.shop_id": "datalayer.store",
        "properties.event_channel": "datalayer.channel",
        "properties.contents": "items[].{content_id: product.id, price: product.price, quantity: quantity}",
        "user.phone": "",
    }
    rule = Rule(event="Purchase", when="event_name == 'purchase'", fields=fields)
    body = only(map_purchase(purchase, kind="offline", mappings=(rule,)))
    assert body["event_id"] == "o-1-purchase"
    assert body["context"]["user"] == {"emails": [digest("ada@example.com")]}
    assert body["properties"] == {
        "order_id": "1001",
        "shop_id": "s-9",
        "event_channel": "crm",
        "currency": "EUR",
        "value": 46.5,
        "contents": [{"content_id": "p-1", "price": 15.5, "quantity": 3}],
    }


# --- fields


@pytest.mark.covers("commanders-act/field/timestamp", "commanders-act/note/timestamp")
@pytest.mark.parametrize(
    ("timestamp", "sent"),
    [
        ("1789999200900", 1789999200),
        (1789999200900, 1789999200),
        (1789999200, 1789999200),
        ("2026-09-21T16:00:00.900+02:00", 1789999200),
        ("2026-09-21T14:00:00Z", 1789999200),
        ("", 1789999995),
    ],
)
def test_times_are_milliseconds_or_iso(
    timestamp: Any, sent: int, map_purchase: MapPurchase, only: Only, purchase: dict[str, Any]
) -> None:
    purchase["context"]["event_timestamp"] = timestamp
    assert only(map_purchase(purchase))["event_time"] == sent


@pytest.mark.covers("commanders-act/note/hashing")
@pytest.mark.parametrize("field", ["email", "phone"])
@pytest.mark.parametrize("hashed", ["a" * 64, f" {'A' * 64} ", ["a" * 64, "A" * 64]])
def test_a_hash_is_preferred_to_the_clear_value(
    field: str, hashed: Any, map_purchase: MapPurchase, only: Only, purchase: dict[str, Any]
) -> None:
    purchase["user"][f"{field}_sha256"] = hashed
    assert only(map_purchase(purchase))["user"][field] == ["a" * 64]


@pytest.mark.parametrize("field", ["email", "phone"])
@pytest.mark.parametrize("written", ["not hashed", digest(""), ["a" * 64, 5], {"of": "what"}])
def test_a_hash_that_is_none_does_not_hide_the_clear_value(
    field: str, written: Any, map_purchase: MapPurchase, purchase: dict[str, Any]
) -> None:
    purchase["user"][f"{field}_sha256"] = written
    result = map_purchase(purchase)
    assert isinstance(result, Mapped)
    clear = {"email": "ada@example.com", "phone": "+12015550123"}[field]
    assert result.items[0].body["user"][field] == [digest(clear)]
    assert [(note.path, note.rule) for note in result.notes] == [
        (f"user.{field}_sha256", "is no SHA-256 hash of anything and was left out")
    ]


def test_a_hash_that_is_none_and_alone_is_named_where_it_is(
    map_purchase: MapPurchase, faults: Faults, purchase: dict[str, Any]
) -> None:
    purchase["user"] = {"email_sha256": "not hashed"}
    found = faults(map_purchase(purchase))
    assert found["user.email_sha256"] == "is not an e-mail address"
    assert "not hashed" not in str(found)


def test_md5_is_left_out_with_a_note(map_purchase: MapPurchase, purchase: dict[str, Any]) -> None:
    purchase["user"] |= {"email_md5": "0" * 32, "phone_md5": "1" * 32}
    result = map_purchase(purchase)
    assert isinstance(result, Mapped)
    assert [note.path for note in result.notes] == ["user.email_md5", "user.phone_md5"]
    purchase["user"] = {"email_md5": "0" * 32}
    refused = map_purchase(purchase)
    assert isinstance(refused, Refused)
    assert [fault.path for fault in refused.faults] == ["user", "user.email_md5"]


@pytest.mark.covers("commanders-act/field/type")
@pytest.mark.parametrize(
    ("written", "channel"),
    [
        ("online", "website"),
        ("Offline", "in_store"),
        ("store", "in_store"),
        ("call", "phone_call"),
        ("email", "email"),
        (" CRM ", "crm"),
        ("kiosk", "other"),
        ("phone_call", "phone_call"),
        ("", None),
        (None, None),
    ],
)
def test_the_type_becomes_an_event_channel_by_a_table(
    written: Any, channel: str | None, map_purchase: MapPurchase, only: Only, purchase: dict[str, Any]
) -> None:
    purchase["type"] = written
    assert only(map_purchase(purchase, kind="offline"))["properties"].get("event_channel") == channel


def test_the_type_is_left_out_of_events_api_2_with_a_note(purchase: dict[str, Any], now: float) -> None:
    mapper = Mapper(MappingSettings(source="commanders_act", event_source_id="1", mappings=(PURCHASE,)))
    result = mapper.map(purchase, event_id="d", received_at=now, now=now, explain=True)
    assert isinstance(result, Mapped)
    assert "event_channel" not in result.items[0].body["properties"]
    assert ("type", "is for kind offline only and was left out") in [(n.path, n.rule) for n in result.notes]


@pytest.mark.covers("commanders-act/field/item-category")
@pytest.mark.parametrize(
    ("product", "category"),
    [
        ({"category_1": "Home"}, "Home"),
        ({"category_1": "Home", "category_3": "Tea"}, "Home>Tea"),
        ({"category_1": " ", "category_2": " Kitchen ", "category_5": None}, "Kitchen"),
        ({"category_1": 12, "category_2": "Tea"}, "12>Tea"),
        ({"category_1": "", "category_2": None}, None),
        ({"category_6": "Home"}, None),
    ],
)
def test_categories_are_joined_and_blanks_skipped(
    product: dict[str, Any], category: str | None, map_purchase: MapPurchase, only: Only, purchase: dict[str, Any]
) -> None:
    purchase["items"] = [{"id": "a", "product": product}]
    assert only(map_purchase(purchase))["properties"]["contents"][0].get("content_category") == category


@pytest.mark.covers("commanders-act/feature/multi-item")
@pytest.mark.parametrize(
    ("items", "contents"),
    [
        ({"id": 7, "product": {"price": "15,50"}}, [{"content_id": "7", "price": 15.5}]),
        (
            [{"id": "a"}, None, {}, {"product": {"id": "b"}}],
            [{"content_id": "a"}, {"content_id": "b"}],
        ),
        ([{"id": "a", "price": 2, "product": {"price": ""}}], [{"content_id": "a", "price": 2}]),
        ([{"id": "a", "price": 2, "product": {"price": 0}}], [{"content_id": "a", "price": 0}]),
        ([], None),
        ("", None),
        (None, None),
    ],
)
def test_items_become_contents(
    items: Any, contents: Any, map_purchase: MapPurchase, only: Only, purchase: dict[str, Any]
) -> None:
    purchase["items"] = items
    assert only(map_purchase(purchase))["properties"].get("contents") == contents


@pytest.mark.parametrize(
    ("change", "field", "sent"),
    [
        ({"id": ""}, "event_id", "context-1"),
        ({"id": None, "context": {"event_id": " "}}, "event_id", "door-1"),
        ({"id": 12}, "event_id", "12"),
        ({"partners": None}, "user.ttclid", "E.C.P.url"),
        ({"partners": {"tiktok": {"shop_id": "s-2"}}}, "properties.shop_id", "s-1"),
        ({"partners": {"tiktok": {"shop_id": "s-2"}}, "shop_id": ""}, "properties.shop_id", "s-2"),
        ({"value": 0}, "properties.value", 0),
        ({"value": None, "revenue": 5}, "properties.value", None),
    ],
)
def test_what_stands_in_for_what(
    change: dict[str, Any], field: str, sent: Any, map_purchase: MapPurchase, only: Only, purchase: dict[str, Any]
) -> None:
    body = only(map_purchase(purchase | change))
    part, _, name = field.rpartition(".")
    assert (body[part] if part else body).get(name) == sent


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"items": "tea"}, "items"),
        ({"items": [{"id": "a"}, "tea"]}, "items.1"),
        ({"items": [{"product": {"price": "abc"}}]}, "items.0.product.price"),
        ({"items": {"product": {"price": "abc"}}}, "items.product.price"),
        ({"items": [{"price": "abc"}]}, "items.0.price"),
        ({"items": [{"type": "tea"}]}, "items.0.type"),
        ({"items": [{"quantity": 1.5}]}, "items.0.quantity"),
        ({"items": [{"product": {"category_1": "a", "category_2": ["b"]}}]}, "items.0.product.category_2"),
        ({"items": [{"product": "tea"}]}, "items.0.product"),
        ({"items": {"product": "tea"}}, "items.product"),
        ({"currency": "euro"}, "currency"),
        ({"value": "N/A"}, "value"),
        ({"id": True}, "id"),
        ({"context": {"event_timestamp": "soon"}}, "context.event_timestamp"),
        ({"context": "text"}, "context"),
        ({"user": ["ada@example.com"]}, "user"),
        ({"user": {"email": {"home": 1}}}, "user.email"),
        ({"user": {"phone_sha256": [True]}}, "user.phone_sha256.0"),
        ({"partners": {"tiktok": {"ldu": "maybe"}}}, "partners.tiktok.ldu"),
        ({"partners": "tiktok"}, "partners"),
    ],
)
def test_faults_name_the_place_in_the_event(
    change: dict[str, Any], path: str, map_purchase: MapPurchase, faults: Faults, purchase: dict[str, Any]
) -> None:
    result = map_purchase(purchase | change)
    assert path in faults(result)
    assert isinstance(result, Refused)
    assert result.reason == "invalid"


def test_a_type_that_is_no_text_is_refused_by_the_legacy_kind(
    map_purchase: MapPurchase, faults: Faults, purchase: dict[str, Any]
) -> None:
    assert list(faults(map_purchase(purchase | {"type": ["online"]}, kind="offline"))) == ["type"]


def test_the_tables_are_closed() -> None:
    for event_source in ("offline", "web", "crm", "app"):
        targets = [field.target for field in FIELDS if event_source in field.event_sources]
        assert len(targets) == len(set(targets))
    assert set(CHANNELS.values()) == {"website", "in_store", "phone_call", "email", "crm", "other"}
