"""Every row of the mapping table of "Sync Order Information", and every rule, with a refused case each."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as run
from hypothesis import strategies as st

from schemas import Mapped, Refused, SettingsError
from schemas.order_sync import OrderMapper, OrderSettings

NOW = 1_764_000_000.0


@pytest.mark.covers(
    "order-sync/field/order-id",
    "order-sync/field/third-merchant-id",
    "order-sync/field/third-shop-id",
    "order-sync/field/third-shop-name",
    "order-sync/field/order-status",
    "order-sync/field/order-country",
    "order-sync/field/create-time",
    "order-sync/field/update-time",
    "order-sync/field/initiator",
    "order-sync/field/currency",
    "order-sync/field/payment-value",
    "order-sync/field/total-value",
    "order-sync/field/length-of-stay",
    "order-sync/field/amount-of-room",
    "order-sync/field/check-in-date",
    "order-sync/field/check-out-date",
    "order-sync/field/third-sku-id",
    "order-sync/field/third-sku-name",
    "order-sync/field/third-spu-id",
    "order-sync/field/third-spu-name",
    "order-sync/field/actual-occupancy",
    "order-sync/field/no-show",
    "order-sync/field/cancel-reason",
    "order-sync/field/fulfillment-value",
    "order-sync/field/fulfillment-tax",
    "order-sync/field/fulfillment-service-fee",
    "order-sync/field/commission-currency",
    "order-sync/field/commission-base-amount",
    "order-sync/field/total-room-fee",
    "order-sync/field/total-service-fee",
    "order-sync/field/discounts",
    "order-sync/field/promotion-id",
    "order-sync/field/promotion-description",
    "order-sync/field/promotion-saved-amount",
    "order-sync/field/total-tax",
    "order-sync/field/order-url",
    "order-sync/path/order-info",
    "order-sync/feature/events-structure",
    "order-sync/feature/prebuilt-mappings",
    "order-sync/feature/items",
    "order-sync/rule/sku-path",
    "order-sync/rule/commission-path",
)
def test_every_row_of_the_table_is_filled(order, update) -> None:
    assert update(order()).body == {
        "ttoclid": "click-1",
        "order_info": {
            "order_id": "order-1",
            "third_merchant_id": "merchant-1",
            "third_shop_id": "hotel-1",
            "third_shop_name": "Hôtel du Lac",
            "order_status": "CREATE_ORDER",
            "order_country": "FR",
            "create_time": 1_763_990_000,
            "update_time": 1_763_990_001,
            "initiator": "CUSTOMER",
            "value": {
                "currency": "EUR",
                "payment_value": 270.0,
                "total_value": 300.0,
                "total_room_fee": 250,
                "total_tax": 30,
                "total_service_fee": 20,
                "discounts": 30,
                "fulfillment_value": 270,
                "fulfillment_tax": 30,
                "fulfillment_service_fee": 20,
                "commission_value": [{"currency": "EUR", "commission_base_amount": 250}],
            },
            "extra": {
                "length_of_stay": 2,
                "amount_of_room": 1,
                "check_in_date": "2026-03-01",
                "check_out_date": "2026-03-03",
                "actual_occupancy": 2,
                "no_show": False,
                "cancel_reason": "none",
            },
            "spu_list": [
                {
                    "third_spu_id": "offer-3",
                    "third_spu_name": "Breakfast included",
                    "sku_list": [{"third_sku_id": "room-7", "third_sku_name": "Double room"}],
                }
            ],
            "order_url": "https://hotel.example/book",
            "promotion_info": {"promotion_id": "p-1", "description": "Winter", "saved_amount": 30},
        },
    }


def test_an_update_knows_its_order_its_status_and_its_time_to_the_millisecond(order, update) -> None:
    found = update(order())
    assert (found.order_id, found.event, found.update_ms) == ("order-1", "CREATE_ORDER", 1_763_990_001_500)
    assert found.event_id == "order-1:1763990001500"
    assert "order-1" not in repr(found)


@pytest.mark.covers(
    "order-sync/setting/third-merchant-id",
    "order-sync/setting/third-shop-id",
    "order-sync/setting/third-shop-name",
    "order-sync/setting/payment-value",
    "order-sync/setting/total-value",
    "order-sync/setting/order-country",
    "order-sync/setting/create-time",
    "order-sync/setting/length-of-stay",
    "order-sync/setting/amount-of-room",
    "order-sync/setting/check-in-date",
    "order-sync/setting/check-out-date",
    "order-sync/rule/mandatory",
)
@pytest.mark.parametrize(
    ("path", "place", "rule"),
    [
        ("id", "id", "is required"),
        ("currency", "currency", "is required"),
        ("context.event_timestamp", "context.event_timestamp", "is required"),
        ("items.0.id", "items.0.id", "is required"),
        ("items.0.product.name", "items.0.product.name", "is required"),
        ("items", "items.0.id", "is required"),
        ("hotel.id", "hotel.id", "is required, since third_shop_id is made of it"),
        ("hotel.name", "hotel.name", "is required, since third_shop_name is made of it"),
        ("created_at", "created_at", "is required, since create_time is made of it"),
        ("value", "value", "is required, since payment_value is made of it"),
        ("total", "total", "is required, since total_value is made of it"),
        ("nights", "nights", "is required, since length_of_stay is made of it"),
        ("rooms", "rooms", "is required, since amount_of_room is made of it"),
        ("check_in", "check_in", "is required, since check_in_date is made of it"),
        ("check_out", "check_out", "is required, since check_out_date is made of it"),
        ("partners.tiktok.ttoclid", "partners.tiktok.ttoclid", "is required, since ttoclid is made of it"),
    ],
)
@pytest.mark.parametrize("blank", [None, "", "  "])
def test_a_mandatory_field_that_is_missing_or_blank_is_named(order, refused, path, place, rule, blank) -> None:
    assert refused(order({path: blank}))[place] == rule


@pytest.mark.parametrize(
    ("path", "wrong", "rule"),
    [
        ("id", ["x"], "must be text"),
        ("currency", "EURO", "must be a currency's three letters (ISO 4217)"),
        ("context.event_timestamp", "yesterday", "must be an ISO 8601 time or a Unix time in seconds or milliseconds"),
        ("context.event_timestamp", True, "must be an ISO 8601 time or a Unix time in seconds or milliseconds"),
        ("context.event_timestamp", NOW + 601, "is more than 600 seconds in the future"),
        ("created_at", 0, "must be after 1970-01-01"),
        ("value", -1, "must not be negative"),
        ("value", "N/A", "must be a number"),
        ("total", 10**15, "must be an amount of money"),
        ("nights", 0, "must be at least 1"),
        ("rooms", 1.5, "must be a whole number"),
        ("check_in", "in March", "must be a date (ISO 8601), or a Unix time in seconds or milliseconds"),
        ("check_out", "2026-03-01", "must be after check_in_date"),
        ("partners.tiktok.initiator", "HOTEL", "must be CUSTOMER or MERCHANT"),
        ("partners.tiktok.no_show", "maybe", "must be true or false"),
        ("partners.tiktok.commission_base_amount", -5, "must not be negative"),
        ("items", "room", "must be a list of objects"),
        ("items", [1], "must be a list of objects"),
    ],
)
def test_a_wrong_value_is_refused_by_place_and_rule(order, refused, path, wrong, rule) -> None:
    assert refused(order({path: wrong}))[path] == rule


@pytest.mark.parametrize("initiator", ["MERCHANT", "CUSTOMER", "merchant"])
def test_a_cancelled_order_says_who_cancelled_it(order, update, initiator) -> None:
    event = order({"event_name": "order_cancelled", "partners.tiktok.initiator": initiator})
    assert update(event).body["order_info"]["initiator"] == initiator.upper()


@pytest.mark.covers("order-sync/rule/initiator")
def test_a_cancelled_order_without_initiator_is_refused(order, refused) -> None:
    event = order({"event_name": "order_cancelled", "partners.tiktok.initiator": None})
    assert refused(event) == {"partners.tiktok.initiator": "is required for CANCEL_ORDER, CUSTOMER or MERCHANT"}


@pytest.mark.covers("order-sync/rule/complete-order")
@pytest.mark.parametrize(
    "name",
    [
        "fulfillment_value",
        "fulfillment_tax",
        "fulfillment_service_fee",
        "commission_currency",
        "commission_base_amount",
    ],
)
def test_a_completed_order_needs_its_fulfillment_and_commission(order, refused, name) -> None:
    path = f"partners.tiktok.{name}"
    (found,) = refused(order({"event_name": "order_completed", path: None})).items()
    assert found[0] == path
    assert found[1].startswith("is required")


def test_fulfillment_and_commission_are_optional_for_other_statuses(order, update) -> None:
    event = order({"partners.tiktok": {"ttoclid": "c"}})
    assert set(update(event).body["order_info"]["value"]) == {"currency", "payment_value", "total_value", "total_tax"}


@pytest.mark.parametrize(
    ("changes", "place", "rule"),
    [
        ({"value": 271}, "value", "must be total_value less discounts"),
        ({"partners.tiktok.discounts": None, "value": 301}, "value", "must not be more than total_value"),
        (
            {"partners.tiktok.total_room_fee": 240},
            "total",
            "must be total_room_fee, total_tax and total_service_fee together",
        ),
        (
            {"partners.tiktok.total_room_fee": None, "tax_amount": 301},
            "total",
            "must not be less than its parts together",
        ),
        ({"nights": 3}, "nights", "must be the nights from check_in_date to check_out_date"),
    ],
)
def test_what_does_not_add_up_is_noted_or_refused_as_configured(order, noted, refused, changes, place, rule) -> None:
    assert noted(order(changes)) == {place: rule}
    assert refused(order(changes), arithmetic="refuse") == {place: rule}


def test_what_adds_up_to_the_cent_is_not_noted(order, noted) -> None:
    changes = {"value": 269.995, "total": "300,00", "partners.tiktok.total_room_fee": 250.01}
    assert noted(order(changes)) == {}


def test_the_event_mapping_decides_the_status_and_suggests_the_nearest(order, settings) -> None:
    mapper = OrderMapper(settings())
    found = mapper.map(order({"event_name": "order_canceled"}), event_id="x", received_at=NOW, now=NOW)
    assert isinstance(found, Refused)
    assert found.reason == "unmapped"
    assert found.faults[0].rule.endswith("did you mean order_cancelled?")


@pytest.mark.parametrize("name", [None, 5, "", [], {}])
def test_an_event_without_a_name_is_unmapped(order, settings, name) -> None:
    found = OrderMapper(settings()).map(order({"event_name": name}), event_id="x", received_at=NOW, now=NOW)
    assert isinstance(found, Refused)
    assert found.reason == "unmapped"


@pytest.mark.covers("order-sync/feature/smart-mapping")
def test_smart_mapping_repoints_and_removes(order, update) -> None:
    fields = {"value.total_room_fee": "total", "order_url": "", "third_shop_name": "hotel.id"}
    info = update(order(), fields=fields, values={"third_shop_name": ""}).body["order_info"]
    assert info["value"]["total_room_fee"] == 300
    assert "order_url" not in info
    assert info["third_shop_name"] == "hotel-1"


def test_settings_are_literal_a_path_or_mixed(order, update) -> None:
    info = update(order(), values={"third_shop_id": "shop", "third_shop_name": "{{hotel.id}} in {{items.0.id}}"}).body
    assert info["order_info"]["third_shop_id"] == "shop"
    assert info["order_info"]["third_shop_name"] == "hotel-1 in room-7"


@pytest.mark.covers("order-sync/setting/ttoclid")
def test_the_click_id_falls_back_to_the_pages_url_and_goes_where_it_is_wanted(order, update) -> None:
    event = order(
        {"partners.tiktok.ttoclid": None, "context.page.url": "https://hotel.example/?a=1&ttoclid=c%2D9#ttoclid=no"}
    )
    assert update(event, ttoclid_path="order_info.tracking.ttoclid").body["order_info"]["tracking"] == {
        "ttoclid": "c-9"
    }


@pytest.mark.parametrize(
    ("form", "total", "yen"),
    [("number", 300.5, 300.5), ("string", "300.50", "301"), ("minor", 30050, 301)],
)
def test_money_is_written_as_configured(order, update, form, total, yen) -> None:
    changes = {"total": 300.5}
    value = update(order(changes), money_format=form).body["order_info"]["value"]
    assert value["total_value"] == total
    assert (
        update(order({**changes, "currency": "jpy"}), money_format=form).body["order_info"]["value"]["total_value"]
        == yen
    )


def test_times_and_dates_are_written_as_configured(order, update) -> None:
    changes = {"check_in": "2026-03-01T23:30:00-11:00", "created_at": "2026-02-28T12:00:00Z"}
    info = update(
        order({**changes, "context.event_timestamp": 1_763_990_001.5}), time_unit="milliseconds", date_format="%d/%m/%Y"
    ).body["order_info"]
    assert (info["update_time"], info["create_time"]) == (1_763_990_001_500, 1_772_280_000_000)
    assert info["extra"]["check_in_date"] == "01/03/2026"


def test_all_skus_are_sent_on_request_those_of_one_offer_together(order, update) -> None:
    items = [
        {"id": 1, "third_spu_id": "a", "product": {"name": "x"}},
        {"id": 2, "third_spu_id": "b", "product": {"name": "y"}},
        {"id": 3, "third_spu_id": "a", "product": {"name": "z"}},
    ]
    found = update(order({"items": items}), sku_mode="all").body["order_info"]["spu_list"]
    assert [(spu["third_spu_id"], [sku["third_sku_id"] for sku in spu["sku_list"]]) for spu in found] == [
        ("a", ["1", "3"]),
        ("b", ["2"]),
    ]


def test_the_wrapper_is_a_setting(order, update) -> None:
    assert set(update(order(), wrapper_key="order").body) == {"order", "ttoclid"}


@pytest.mark.covers("order-sync/setting/event-mapping")
def test_every_fault_of_the_settings_is_told_at_once() -> None:
    wrong = OrderSettings(
        status_map={},
        values={"third_shop_id": "{{a", "ttoclid": "x"},
        fields={"order_idd": "id", "value.currency": "a =="},
    )
    with pytest.raises(SettingsError) as caught:
        OrderMapper(wrong)
    rules = {fault.path: fault.rule for fault in caught.value.faults}
    assert rules["fields.order_idd"] == "is not a field of an order; did you mean order_id?"
    assert rules["third_shop_id"] == "has braces that are not paired"
    assert {"status_map", "fields.value.currency", "third_merchant_id", "check_out_date"} <= rules.keys()


LEAF = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["EUR", "1763990001500", "2026-03-01", "2026-03-05", "CUSTOMER", "12,30", 250, 2])
)
ANY = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner), max_leaves=6
)


# The fixtures are makers without state, so that examples may share them.
@run(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    changes=st.dictionaries(
        st.sampled_from(
            ["id", "currency", "value", "total", "tax_amount", "nights", "check_in", "check_out", "created_at", "hotel"]
            + ["items", "items.0.product", "context", "context.page", "context.event_timestamp", "partners"]
            + [f"partners.tiktok.{name}" for name in ("discounts", "initiator", "no_show", "commission_currency")]
        ),
        ANY,
        max_size=4,
    ),
    status=st.sampled_from(["order_created", "order_cancelled", "order_completed"]),
    form=st.sampled_from(["number", "string", "minor"]),
)
def test_any_json_is_mapped_or_refused_and_never_raises(order, settings, changes, status, form) -> None:
    event: dict[str, Any] = order({"event_name": status})
    for path, value in sorted(changes.items()):
        try:
            holder: Any = event
            *above, last = path.split(".")
            for step in above:
                holder = holder[int(step)] if type(holder) is list else holder[step]
            holder[last] = value
        except (KeyError, TypeError, IndexError, ValueError):
            continue
    mapper = OrderMapper(settings(money_format=form, sku_mode="all"))
    found = mapper.map(event, event_id="x", received_at=NOW, now=NOW, explain=True)
    if isinstance(found, Mapped):
        orjson.dumps(found.items[0].body)
    else:
        assert found.faults
