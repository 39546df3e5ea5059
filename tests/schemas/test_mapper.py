"""Do the steps together keep their promises: time, match keys, mappings, event sources, the door's id?"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

from schemas import REASONS, Mapped, Refused, Rule

MapEvent = Callable[..., Mapped | Refused]
Only = Callable[[Mapped | Refused], Any]
Faults = Callable[[Mapped | Refused], dict[str, str]]


def notes_of(result: Mapped | Refused) -> dict[str, str]:
    assert isinstance(result, Mapped), result
    return {note.path: note.rule for note in result.notes}


@pytest.mark.parametrize("event", [None, True, 1, 1.5, "text", [], [{"event": "Purchase"}]])
@pytest.mark.parametrize("source", ["tiktok", "segment"])
def test_what_is_no_object_is_invalid(event: Any, source: str, map_event: MapEvent) -> None:
    result = map_event(source, event)
    assert isinstance(result, Refused)
    assert result.reason == "invalid"


@pytest.mark.covers("segment/setting/event-set-id")
def test_the_smallest_event_passes(map_event: MapEvent, plain: dict[str, Any], now: float) -> None:
    result = map_event("tiktok", plain)
    assert isinstance(result, Mapped)
    item = result.items[0]
    assert (item.key.event_source, item.key.event_source_id) == ("offline", "7000000000000000001")
    assert (item.event, item.event_id, item.event_time) == ("Purchase", "e-1", int(now) - 60)
    assert item.body == {
        "event": "Purchase",
        "event_time": int(now) - 60,
        "event_id": "e-1",
        "user": {"email": [sha256(b"ada@example.com").hexdigest()]},
    }
    assert result.notes == ()


def test_no_repr_and_no_refusal_repeats_what_a_person_wrote(map_event: MapEvent, order: dict[str, Any]) -> None:
    secret = "canary@example.com"
    order["messageId"] = order["properties"]["email"] = order["properties"]["order_id"] = secret
    assert secret not in repr(map_event("segment", order))
    order["properties"] |= {"value": secret, "currency": secret, "products": [secret], "phone": {secret: secret}}
    order |= {"timestamp": secret}
    refused = map_event("segment", order)
    assert isinstance(refused, Refused)
    assert len(refused.faults) == 5
    assert secret not in repr(refused)
    assert secret not in repr(map_event("segment", order | {"event": secret}))


def test_the_event_itself_is_left_as_it_was(map_event: MapEvent, plain: dict[str, Any]) -> None:
    plain["page"] = {"url": "https://shop.example"}
    before = str(plain)
    rule = Rule(fields={"user.email": "", "user.phone": "user.email", "page.url": "event"})
    map_event("tiktok", plain, web_fields="drop", mappings=(rule,))
    assert str(plain) == before


# --- time


def test_a_missing_time_is_the_time_of_enqueueing(
    map_event: MapEvent, plain: dict[str, Any], only: Only, now: float
) -> None:
    for missing in (None, "", " "):
        result = map_event("tiktok", plain | {"event_time": missing}, received_at=now - 100.5)
        assert only(result)["event_time"] == int(now) - 101
        assert "event_time" in notes_of(result)


def test_a_time_without_zone_is_utc_and_noted(map_event: MapEvent, plain: dict[str, Any], only: Only) -> None:
    result = map_event("tiktok", plain | {"event_time": "2026-09-21T14:00:00"})
    assert only(result)["event_time"] == 1789999200
    assert "UTC" in notes_of(result)["event_time"]


@pytest.mark.parametrize(
    ("offset", "reason"),
    [
        (600, None),
        (601, "invalid"),
        (-28 * 86400, None),
        (-28 * 86400 - 1, "expired"),
        (-27 * 365 * 86400, "expired"),
    ],
)
def test_the_window_of_time(
    offset: int, reason: str | None, map_event: MapEvent, plain: dict[str, Any], now: float
) -> None:
    result = map_event("tiktok", plain | {"event_time": int(now) + offset})
    assert (result.reason if isinstance(result, Refused) else None) == reason
    if isinstance(result, Refused):
        assert [fault.path for fault in result.faults] == ["event_time"]


def test_the_window_is_a_setting(map_event: MapEvent, plain: dict[str, Any], now: float) -> None:
    event = plain | {"event_time": int(now) - 100}
    assert isinstance(map_event("tiktok", event, max_event_age_seconds=99), Refused)
    event = plain | {"event_time": int(now) + 5}
    assert isinstance(map_event("tiktok", event, max_future_seconds=0), Refused)


def test_a_field_fault_outweighs_age_and_age_a_missing_match_key(
    map_event: MapEvent, plain: dict[str, Any], now: float
) -> None:
    old = plain | {"event_time": int(now) - 10**8}
    assert getattr(map_event("tiktok", old | {"user": {"email": 1.0, "phone": {}}}), "reason", "") == "invalid"
    assert getattr(map_event("tiktok", old | {"user": {}}), "reason", "") == "expired"


# --- ids


@pytest.mark.covers("segment/field/event-id")
@pytest.mark.parametrize(
    ("given", "sent"), [("e-2", "e-2"), (77, "77"), (None, "door-1"), ("", "door-1"), (" ", "door-1")]
)
def test_the_sources_own_id_goes_before_the_doors(
    given: Any, sent: str, map_event: MapEvent, plain: dict[str, Any], only: Only
) -> None:
    assert only(map_event("tiktok", plain | {"event_id": given}))["event_id"] == sent


def test_the_event_source_id_may_come_from_the_event(
    map_event: MapEvent, plain: dict[str, Any], faults: Faults
) -> None:
    plain["properties"] = {"shop_id": 12}
    result = map_event("tiktok", plain, event_source_id="set-{{properties.shop_id}}")
    assert isinstance(result, Mapped)
    assert result.items[0].key.event_source_id == "set-12"
    plain["properties"] = {}
    assert list(faults(map_event("tiktok", plain, event_source_id="{{properties.shop_id}}"))) == ["properties.shop_id"]


# --- names


@pytest.mark.parametrize(
    ("name", "style", "sent"),
    [
        ("CompletePayment", "current", "Purchase"),
        ("SubmitForm", "current", "Lead"),
        ("Purchase", "legacy", "CompletePayment"),
        ("Lead", "legacy", "SubmitForm"),
        ("StartTrial", "legacy", "StartTrial"),
        ("ClickButton", "current", "ClickButton"),
    ],
)
def test_names_are_translated_both_ways(
    name: str, style: str, sent: str, map_event: MapEvent, plain: dict[str, Any]
) -> None:
    result = map_event("tiktok", plain | {"event": name}, event_names=style)
    assert isinstance(result, Mapped)
    assert (result.items[0].event, result.items[0].body["event"]) == (sent, sent)


@pytest.mark.covers("segment/field/event")
@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("purchase", "did you mean Purchase?"),
        ("Add To Cart", "did you mean AddToCart?"),
        ("Ada Lovelace", "standard events"),
        ("__proto__", "standard events"),
        ("", "is required"),
        (None, "is required"),
    ],
)
def test_offline_takes_standard_names_only(
    name: Any, rule: str, map_event: MapEvent, plain: dict[str, Any], faults: Faults
) -> None:
    result = map_event("tiktok", plain | {"event": name})
    found = faults(result)["event"]
    assert rule in found
    assert "Ada" not in found
    assert isinstance(result, Refused)
    assert result.event is None


@pytest.mark.parametrize("event_source", ["web", "crm", "app"])
def test_other_sources_take_custom_names(event_source: str, map_event: MapEvent, plain: dict[str, Any]) -> None:
    plain |= {"event": "Qualified", "page": {"url": "u"}, "app": {"app_id": "a"}, "lead": {"lead_id": "l"}}
    result = map_event("tiktok", plain, event_source=event_source)
    assert isinstance(result, Mapped)
    assert result.items[0].event == "Qualified"


# --- match keys


@pytest.mark.covers("segment/pii/at-least-one")
@pytest.mark.parametrize(
    ("event_source", "user", "settings", "passes"),
    [
        ("offline", {"email": "ada@example.com"}, {}, True),
        ("offline", {"phone": "+12015550123"}, {}, True),
        ("offline", {"external_id": "u"}, {}, False),
        ("offline", {"external_id": "u"}, {"accept_external_id": True}, True),
        ("offline", {"external_id": "u"}, {"accept_external_id": True, "web_fields": "drop"}, True),
        ("offline", {"ttclid": "c"}, {}, False),
        ("offline", {"email": "", "phone": [None]}, {}, False),
        ("offline", {}, {}, False),
        ("web", {"external_id": "u"}, {}, True),
        ("web", {"ttclid": "c"}, {}, True),
        ("web", {"ttp": "c"}, {}, True),
        ("web", {"ip": "203.0.113.7", "user_agent": "m"}, {}, True),
        ("web", {"ip": "203.0.113.7"}, {}, False),
        ("web", {"ip": "nowhere", "user_agent": "m"}, {}, False),
        ("app", {}, {}, True),
        ("crm", {}, {}, True),
    ],
)
def test_match_keys(
    event_source: str,
    user: dict[str, Any],
    settings: dict[str, Any],
    passes: bool,
    map_event: MapEvent,
    plain: dict[str, Any],
) -> None:
    plain |= {"user": user, "page": {"url": "u"}, "app": {"app_id": "a"}, "lead": {"lead_id": "l"}}
    result = map_event("tiktok", plain, event_source=event_source, **settings)
    assert isinstance(result, Mapped) is passes
    if isinstance(result, Refused):
        assert (result.reason, result.event) == ("no_match_key", "Purchase")


@pytest.mark.parametrize(
    ("event_source", "reason", "path"),
    [("web", "invalid", "page.url"), ("app", "invalid", "app.app_id"), ("crm", "no_match_key", "lead.lead_id")],
)
def test_what_a_source_requires(
    event_source: str, reason: str, path: str, map_event: MapEvent, plain: dict[str, Any], faults: Faults
) -> None:
    result = map_event("tiktok", plain, event_source=event_source)
    assert list(faults(result)) == [path]
    assert isinstance(result, Refused)
    assert result.reason == reason


@pytest.mark.covers("segment/pii/validated")
def test_without_match_key_the_reasons_of_dropping_are_told(
    map_event: MapEvent, order: dict[str, Any], faults: Faults
) -> None:
    order["context"]["traits"] = {}
    order["properties"] |= {"email": ["ada", ""], "phone": "201 555 0123"}
    result = map_event("segment", order)
    assert isinstance(result, Refused)
    assert result.reason == "no_match_key"
    found = faults(result)
    assert set(found) == {"user", "properties.email.0", "properties.phone"}
    assert "default region" in found["properties.phone"]


def test_a_dropped_phone_beside_a_good_address_is_a_note(map_event: MapEvent, plain: dict[str, Any]) -> None:
    plain["user"]["phone"] = "201 555 0123"
    assert list(notes_of(map_event("tiktok", plain))) == ["user.phone"]
    assert "user.phone" not in notes_of(map_event("tiktok", plain, default_region="us"))


# --- fields of the web


def test_fields_of_the_web_are_sent_or_left_out_by_setting(
    map_event: MapEvent, order: dict[str, Any], only: Only
) -> None:
    order["properties"]["limited_data_use"] = True
    sent = only(map_event("segment", order))
    assert (sent["limited_data_use"], set(sent["page"])) == (True, {"url", "referrer"})
    result = map_event("segment", order, web_fields="drop")
    dropped = only(result)
    assert set(dropped["user"]) == {"email", "phone"}
    assert {"page", "limited_data_use"} & dropped.keys() == set()
    assert set(notes_of(result)) == {
        "context.ip",
        "context.locale",
        "context.page.referrer",
        "context.page.url",
        "context.userAgent",
        "properties.limited_data_use",
        "userId",
    }


@pytest.mark.covers("segment/field/limited-data-use")
def test_limited_data_use_is_sent_only_if_given(map_event: MapEvent, order: dict[str, Any], only: Only) -> None:
    assert "limited_data_use" not in only(map_event("segment", order))
    order["properties"]["limited_data_use"] = False
    assert only(map_event("segment", order))["limited_data_use"] is False


# --- mappings


@pytest.mark.covers("segment/mappings/own")
def test_mappings_replace_the_presets(map_event: MapEvent, order: dict[str, Any]) -> None:
    rule = Rule(event="Contact", when="event == 'Called'")
    result = map_event("segment", order, mappings=(rule,))
    assert isinstance(result, Refused)
    assert result.reason == "unmapped"
    mapped = map_event("segment", order | {"event": "Called"}, mappings=(rule,))
    assert isinstance(mapped, Mapped)
    assert mapped.items[0].event == "Contact"


@pytest.mark.covers("segment/mappings/own")
def test_a_mapping_may_ask_for_any_call(map_event: MapEvent, only: Only) -> None:
    call = {"type": "identify", "traits": {"email": "ada@example.com", "vip": True}, "messageId": "m"}
    rule = Rule(event="Subscribe", when="type == 'identify' && traits.vip")
    assert only(map_event("segment", call, mappings=(rule,)))["event"] == "Subscribe"


def test_one_event_may_become_several(map_event: MapEvent, order: dict[str, Any]) -> None:
    rules = (Rule(event="Purchase"), Rule(event="Subscribe", fields={"properties.value": "`1`"}), Rule(event="Lead"))
    result = map_event("segment", order, mappings=rules)
    assert isinstance(result, Mapped)
    assert [item.event for item in result.items] == ["Purchase", "Subscribe", "Lead"]
    assert [item.body["properties"]["value"] for item in result.items] == [46.5, 1, 46.5]
    assert len({item.event_id for item in result.items}) == 1


def test_the_same_tiktok_event_twice_is_sent_once(map_event: MapEvent, order: dict[str, Any]) -> None:
    rules = (Rule(event="Purchase", fields={"properties.value": "`1`"}), Rule(event="CompletePayment"))
    result = map_event("segment", order, mappings=rules)
    assert isinstance(result, Mapped)
    assert [item.body["properties"]["value"] for item in result.items] == [1]
    assert list(notes_of(result)) == ["mappings.1"]


def test_a_fault_in_one_of_several_refuses_the_event(
    map_event: MapEvent, order: dict[str, Any], faults: Faults
) -> None:
    rules = (Rule(event="Purchase"), Rule(event="Lead", fields={"properties.value": "event"}))
    assert list(faults(map_event("segment", order, mappings=rules))) == ["event"]


@pytest.mark.covers("segment/field/description")
@pytest.mark.parametrize(
    ("fields", "part", "expected"),
    [
        ({"properties.order_id": "properties.shop_id"}, "properties", {"order_id": "s-1"}),
        ({"properties.order_id": ""}, "properties", {"order_id": None}),
        ({"properties.order_id": None}, "properties", {"order_id": None}),
        ({"properties.order_id": "properties.nothing"}, "properties", {"order_id": None}),
        (
            {"properties.description": "join('-', [event, properties.query])"},
            "properties",
            {"description": "Order Completed-tea"},
        ),
        (
            {"properties.contents": "properties.products[].{content_id: name, price: price}"},
            "properties",
            {"contents": [{"content_id": "Tea", "price": 15.5}]},
        ),
        ({"properties.content_type": "'product_group'"}, "properties", {"content_type": "product_group"}),
        (
            {"user.external_id": "properties.products.0.product_id"},
            "user",
            {"external_id": [sha256(b"p-1").hexdigest()]},
        ),
        ({"ad.campaign_id": "properties.shop_id"}, "ad", {"campaign_id": "s-1"}),
    ],
)
def test_fields_are_filled_and_left_out_by_mapping(
    fields: dict[str, Any],
    part: str,
    expected: dict[str, Any],
    map_event: MapEvent,
    order: dict[str, Any],
    only: Only,
) -> None:
    body = only(map_event("segment", order, mappings=(Rule(event="Purchase", fields=fields),)))
    assert {field: body[part].get(field) for field in expected} == expected


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"properties.value": "properties.query"}, "properties.query"),
        ({"properties.value": "join('', [event])"}, "properties.value"),
        ({"properties.value": "abs(event)"}, "properties.value"),
        ({"properties.contents": "properties.products"}, None),
        ({"properties.contents": "properties.products[].{price: name}"}, "properties.contents.0.price"),
        ({"event_time": "properties.query"}, "properties.query"),
    ],
)
def test_faults_of_mapped_fields_name_what_the_mapping_reads(
    fields: dict[str, Any], path: str | None, map_event: MapEvent, order: dict[str, Any]
) -> None:
    result = map_event("segment", order, mappings=(Rule(event="Purchase", fields=fields),))
    assert ([fault.path for fault in result.faults] if isinstance(result, Refused) else [None]) == [path]


def test_a_condition_that_cannot_be_worked_out_counts_as_false(map_event: MapEvent, order: dict[str, Any]) -> None:
    rules = (Rule(event="Purchase"), Rule(event="Lead", when="contains(properties.value, 'x')"))
    result = map_event("segment", order, mappings=rules)
    assert isinstance(result, Mapped)
    assert [item.event for item in result.items] == ["Purchase"]
    assert list(notes_of(result)) == ["mappings.1.when"]


def test_a_mapping_of_the_plain_source_may_keep_the_events_name(
    map_event: MapEvent, plain: dict[str, Any], only: Only
) -> None:
    plain["properties"] = {"order_id": "o-1"}
    rule = Rule(fields={"properties.description": "properties.order_id", "test_event_code": "properties.order_id"})
    result = map_event("tiktok", plain, mappings=(rule,))
    assert only(result)["properties"] == {"order_id": "o-1", "description": "o-1"}
    assert isinstance(result, Mapped)
    assert result.items[0].key.test_event_code == "o-1"


def test_every_reason_is_in_the_closed_list(map_event: MapEvent, plain: dict[str, Any]) -> None:
    refused = [
        map_event("tiktok", None),
        map_event("tiktok", plain | {"event_time": 1}),
        map_event("tiktok", plain | {"user": {}}),
        map_event("segment", {"type": "track", "event": "x"}),
    ]
    # Who asks for consent is in test_consent.py.
    assert {result.reason for result in refused if isinstance(result, Refused)} == set(REASONS) - {"no_consent"}


def test_deep_events_are_mapped_like_any_other(map_event: MapEvent, plain: dict[str, Any]) -> None:
    deep: Any = "x"
    for _ in range(50_000):
        deep = {"a": [deep]}
    assert isinstance(map_event("tiktok", plain | {"extra": deep}), Mapped)
    result = map_event("tiktok", plain | {"user": {"email": deep}, "properties": {"contents": [deep]}})
    assert isinstance(result, Refused)
    assert isinstance(map_event("segment", {"type": "page", "properties": deep, "context": deep}), Refused)
