"""How are times, days and money written? None of it is public, so each is a setting."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from schemas.order_sync.settings import MoneyFormat, OrderSettings, TimeUnit

_MONEY = frozenset(
    {
        "payment_value",
        "total_value",
        "total_room_fee",
        "total_tax",
        "total_service_fee",
        "discounts",
        "fulfillment_value",
        "fulfillment_tax",
        "fulfillment_service_fee",
        "commission_base_amount",
    }
)
_NO_DECIMALS = frozenset(
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split()  # noqa: SIM905 # easier to read
)
_THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})


def written(order: dict[str, Any], settings: OrderSettings) -> dict[str, Any]:
    """Return a valid order with its times, days and money as the settings want them."""
    currency = order["value"]["currency"]
    value = _with_money(order["value"], currency, settings.money_format)
    if "commission_value" in value:
        value["commission_value"] = [
            _with_money(each, each["currency"], settings.money_format) for each in value["commission_value"]
        ]
    told = {
        **order,
        "create_time": moment(order["create_time"], settings.time_unit),
        "update_time": moment(order["update_time"], settings.time_unit),
        "value": value,
        "extra": {
            name: each.strftime(settings.date_format) if isinstance(each, date) else each
            for name, each in order["extra"].items()
        },
    }
    promotion = order.get("promotion_info", {})
    if "saved_amount" in promotion:
        told["promotion_info"] = {
            **promotion,
            "saved_amount": money(settings.money_format)(promotion["saved_amount"], currency),
        }
    return told


def moment(seconds: float, unit: TimeUnit) -> int:
    """Return a time as a whole number of the unit, rounded down."""
    return math.floor(seconds) if unit == "seconds" else math.floor(round(seconds * 1000, 3))


def money(form: MoneyFormat) -> Callable[[float, str], int | float | str]:
    """Return what writes an amount of a currency: a JSON number as given, a text with the currency's decimals, or a
    whole number of its smallest unit."""
    return {"number": _number, "string": _text, "minor": _minor}[form]


def _with_money(part: dict[str, Any], currency: str, form: MoneyFormat) -> dict[str, Any]:
    write = money(form)
    return {name: write(each, currency) if name in _MONEY else each for name, each in part.items()}


def _number(amount: float, _currency: str) -> int | float:
    return amount


def _text(amount: float, currency: str) -> str:
    return f"{_rounded(amount, currency):f}"


def _minor(amount: float, currency: str) -> int:
    return int(_rounded(amount, currency).scaleb(_decimals(currency)))


def _rounded(amount: float, currency: str) -> Decimal:
    return Decimal(repr(amount)).quantize(Decimal(1).scaleb(-_decimals(currency)), ROUND_HALF_UP)


def _decimals(currency: str) -> int:
    if currency in _NO_DECIMALS:
        return 0
    return 3 if currency in _THREE_DECIMALS else 2
