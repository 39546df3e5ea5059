"""Which orders does the sandbox take, and in which envelope does it answer?"""

import copy

import pytest

ORDER = {
    "order_id": "o-1",
    "third_merchant_id": "m",
    "third_shop_id": "hotel-1",
    "third_shop_name": "Hotel",
    "order_status": "CREATE_ORDER",
    "order_country": "FR",
    "create_time": 1_700_000_000,
    "update_time": 1_700_000_100,
    "value": {"currency": "EUR", "payment_value": "90", "total_value": "100"},
    "extra": {"length_of_stay": 2, "amount_of_room": 1, "check_in_date": "x", "check_out_date": "y"},
    "spu_list": [{"sku_list": [{"third_sku_id": "1", "third_sku_name": "Room"}]}],
}
PATH = "/order/sync/"


@pytest.fixture
def orders(start):
    return start(script={"settings": {"order_sync_path": PATH}})


def order(**changes):
    return {"order_info": {**copy.deepcopy(ORDER), **changes}}


def test_there_is_no_order_endpoint_until_one_is_configured(client):
    assert client.post(PATH, order()).status_code == 404


def test_an_order_is_recorded_with_its_status_and_the_time_of_its_update(orders):
    assert orders.post(PATH, order()).json()["code"] == 0
    assert orders.post(PATH, order(order_status="CANCEL_ORDER", initiator="CUSTOMER")).json()["code"] == 0
    assert [record["event"]["order_info"]["order_status"] for record in orders.sandbox.events] == [
        "CREATE_ORDER",
        "CANCEL_ORDER",
    ]
    assert orders.sandbox.deliveries == {"o-1:1700000100": 2}
    assert orders.sandbox.duplicates == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"order_id": 5}, "Invalid value for order_info.order_id: not a valid string."),
        (
            {"update_time": 1_700_000_100_000},
            "Invalid value for order_info.update_time: not a valid Unix timestamp in seconds.",
        ),
        ({"order_status": "CANCEL_ORDER"}, "Missing required field(s): order_info.initiator."),
        (
            {"order_status": "CANCEL_ORDER", "initiator": "HOTEL"},
            "Invalid value for order_info.initiator: not a supported initiator.",
        ),
        (
            {"order_status": "COMPLETE_ORDER"},
            "Missing required field(s): order_info.value.fulfillment_value.",
        ),
        ({"extra": {}}, "Missing required field(s): order_info.extra.length_of_stay."),
        (
            {"spu_list": [{"sku_list": [{"third_sku_id": "1"}]}]},
            "Missing required field(s): order_info.spu_list.0.sku_list.0.third_sku_name.",
        ),
    ],
)
def test_an_order_that_breaks_a_rule_is_refused(orders, changes, message):
    assert orders.post(PATH, order(**changes)).json()["message"] == message


def test_the_order_endpoint_takes_a_bearer_too(start):
    client = start(script={"settings": {"order_sync_path": PATH}, "tokens": {"b-1": {}}})
    good = client.post(PATH, order(), token=None, headers={"Authorization": "Bearer b-1"})
    bad = client.post(PATH, order(), token=None, headers={"Authorization": "Bearer b-2"})
    assert (good.json()["code"], bad.json()["code"]) == (0, 40105)


def test_wrapper_and_envelope_are_knobs(orders):
    orders.sandbox.configure(order_sync_envelope="error.code", order_sync_wrapper="order")
    good = orders.post(PATH, {"order": ORDER}).json()
    bad = orders.post(PATH, order()).json()
    assert (good["error"]["code"], good["error"]["message"], "code" in good) == ("0", "success", False)
    assert bad["error"]["code"] == "40002"
    orders.sandbox.fault("code", code=-9990202, match={"path": PATH})
    assert orders.post(PATH, order()).json()["error"]["code"] == "-9990202"
