"""How an answer of an endpoint is read whose form is not public."""

from __future__ import annotations

from typing import Any

import pytest

from worker.config.order_sync import Condition
from worker.errors import Outcome
from worker.orders.answers import judge

RELATIVE = {"data": {}, "error": {"code": "0", "message": "success", "log_id": "log-1"}}


@pytest.fixture
def read(make_hotel: Any) -> Any:
    def made(status: int, body: object, **settings: Any) -> Any:
        orders = make_hotel(orders=settings).config.destinations["stores"].order_sync
        return judge(status, body, orders)

    return made


def error(code: object) -> dict[str, Any]:
    return {"data": {}, "error": {"code": code, "message": "m", "log_id": "log-1"}}


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, {"code": 0, "message": "OK", "request_id": "r"}, Outcome.DELIVERED),
        (200, RELATIVE, Outcome.DELIVERED),
        (500, error("-9990202"), Outcome.UNAVAILABLE),
        (500, error("-9990001"), Outcome.REJECTED),
        (500, error(-3000000), Outcome.UNAUTHORIZED),
        (200, error("-77"), Outcome.UNAVAILABLE),
        (200, {"code": 40002}, Outcome.REJECTED),
        (200, {"code": 40105}, Outcome.UNAUTHORIZED),
        (401, {"code": 40100}, Outcome.THROTTLED),
        (200, {"code": 20001}, Outcome.REJECTED),
        (200, {"code": False}, Outcome.UNAVAILABLE),
        (200, {"code": "0"}, Outcome.UNAVAILABLE),
        (200, {}, Outcome.UNAVAILABLE),
        (404, {}, Outcome.MISCONFIGURED),
        (200, [], Outcome.UNAVAILABLE),
        (200, None, Outcome.UNAVAILABLE),
        (302, None, Outcome.MISCONFIGURED),
        (403, None, Outcome.UNAUTHORIZED),
        (429, None, Outcome.THROTTLED),
        (200, {"code": "9" * 5000}, Outcome.UNAVAILABLE),
    ],
)
def test_both_known_envelopes_and_none_are_understood(read, status, body, outcome) -> None:
    assert read(status, body).outcome is outcome


def test_what_support_asks_for_is_kept_and_what_is_somebodys_is_struck_out(read) -> None:
    verdict = read(500, {"error": {"code": "-9990001", "message": "bad a@b.example", "log_id": "log-1"}})
    assert (verdict.code, verdict.message, verdict.request_id) == (-9990001, "bad [e-mail]", "log-1")


def test_the_configured_table_comes_before_the_built_in_one(read) -> None:
    assert read(200, error("-9990202"), error_codes={"-9990202": "rejected"}).outcome is Outcome.REJECTED
    assert read(200, error("E_BUSY"), error_codes={"E_BUSY": "throttled"}).outcome is Outcome.THROTTLED


def test_success_is_what_is_configured_and_nothing_else(read) -> None:
    success = [{"path": "result.ok", "equals": True}]
    assert read(200, {"result": {"ok": True}}, success=success).outcome is Outcome.DELIVERED
    assert read(200, {"result": {"ok": 1}}, success=success).outcome is Outcome.UNAVAILABLE
    assert read(200, {"code": 0}, success=success).outcome is Outcome.UNAVAILABLE


def test_a_condition_is_shown_as_it_is_set(make_hotel) -> None:
    found = make_hotel().config.destinations["stores"].order_sync.success
    assert found == (Condition("code", 0), Condition("error.code", "0"))
