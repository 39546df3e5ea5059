"""What may be set about an order destination, and how requests then look."""

from __future__ import annotations

from typing import Any

import pytest

from worker.config import ConfigError
from worker.dead_letters import Filter, Queries
from worker.keys import Keys
from worker.overview import look
from worker.pauses import Pauses

KEYS = Keys("stores")
PATH = "/order/sync/"


def faults(make_hotel: Any, orders: dict[str, Any], **settings: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        make_hotel(orders=orders, **settings)
    return [fault.removeprefix("destinations.stores.") for fault in caught.value.faults]


def test_without_an_address_a_destination_is_refused_and_says_why(make_hotel) -> None:
    told = faults(make_hotel, {}, order_sync={})
    assert any(fault.startswith("order_sync.url: is required: TikTok does not publish the address") for fault in told)
    assert any(fault.startswith("order_sync.status_map: is required") for fault in told)


@pytest.mark.parametrize(
    ("orders", "place"),
    [
        ({"url": "http://tiktok.example/orders"}, "order_sync.url"),
        ({"method": "GET"}, "order_sync.method"),
        ({"auth": "not a header"}, "order_sync.auth"),
        ({"success": []}, "order_sync.success"),
        ({"success": [{"path": "code", "equals": 1.5}]}, "order_sync.success.0.equals"),
        ({"error_codes": {"1": "delivered"}}, "order_sync.error_codes.1"),
        ({"status_map": {}}, "order_sync.status_map"),
        ({"date_format": "%d.%m."}, "order_sync.date_format"),
        ({"money_format": "cents"}, "order_sync.money_format"),
        ({"sku_mode": "last"}, "order_sync.sku_mode"),
        ({"arithmetic": "fix"}, "order_sync.arithmetic"),
        ({"time_unit": "days"}, "order_sync.time_unit"),
        ({"remember": "1s"}, "order_sync.remember"),
        ({"fields": {"order_idd": "id"}}, "order_sync.fields.order_idd"),
        ({"third_shop_id": ""}, "order_sync.third_shop_id"),
        ({"third_shopid": "x"}, "order_sync.third_shopid"),
    ],
)
def test_each_setting_has_its_rule(make_hotel, orders, place) -> None:
    (told,) = faults(make_hotel, orders)
    assert told.startswith(f"{place}: "), told


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({"source": "segment"}, "source"),
        ({"event_source_id": "1"}, "event_source_id"),
        ({"mappings": [{"event": "Purchase"}]}, "mappings"),
    ],
)
def test_what_has_no_meaning_for_orders_is_refused(make_hotel, settings, place) -> None:
    (told,) = faults(make_hotel, {}, **settings)
    assert told.startswith(f"{place}: ")


@pytest.mark.covers("order-sync/setting/credentials")
@pytest.mark.parametrize("auth", ["access_token_header", "bearer"])
def test_the_token_travels_as_configured(make_hotel, update, auth) -> None:
    hotel = make_hotel(orders={"auth": auth})
    hotel.sandbox.configure_tokens({"token-of-the-test": {}})
    hotel.put(update("o-1", 1))
    hotel.deliver()
    assert hotel.totals()["delivered"] == 1


def test_a_refused_token_pauses_and_an_unmapped_event_is_a_dead_letter(make_hotel, update) -> None:
    hotel = make_hotel()
    hotel.sandbox.configure_tokens({"another": {}})
    hotel.put({**update("o-9", 1), "event_name": "page_view"}, update("o-1", 1))
    hotel.deliver()
    pause = Pauses(hotel.redis, KEYS).current()
    assert pause is not None
    assert pause.reason == "unauthorized"
    (dead,) = Queries(hotel.redis, KEYS).scan(Filter())
    assert (dead.reason, dead.event) == ("unmapped", None)
    assert look(hotel.redis, "stores", now=0).scheduled == 1


def test_too_many_refusals_hold_updates_back_and_their_successors_with_them(make_hotel, update) -> None:
    hotel = make_hotel(guard={"max_dead_share": 0.1, "min_events": 1})
    hotel.sandbox.fault("code", code=40002, match={"path": PATH}, times=1)
    hotel.put(update("o-1", 1), update("o-1", 2))
    hotel.deliver()
    assert (hotel.left(), hotel.arrived()) == (2, {})
    Pauses(hotel.redis, KEYS).resume(now=0)
    hotel.until_done(workers=2)
    assert [second for second, _ in hotel.arrived()["o-1"]] == [1, 2]


def test_throttling_uses_no_attempt_and_keeps_the_order(make_hotel, update) -> None:
    hotel = make_hotel()
    hotel.sandbox.fault("throttle", match={"path": PATH}, times=1)
    hotel.put(update("o-1", 1), update("o-1", 2), update("o-2", 1))
    hotel.until_done(workers=3)
    assert [second for second, _ in hotel.arrived()["o-1"]] == [1, 2]
    assert "retried" not in hotel.totals()
