"""What does an order look like, in TikTok's terms?

The rules that need more than one field are in `schemas.order_sync.checks`; how values are written is settled later, by
`schemas.order_sync.forms`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError

from schemas.fields import Choice, Flag, Integer, Number, Object, Plain, Sequence, Text
from schemas.outcome import Fault
from schemas.timestamps import NotATimeError, read_moment
from tiktok_events.text import EDGES

_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ].*)?", re.ASCII | re.DOTALL)
_TOO_MUCH = 10**15
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)


class Amount(Number):
    """An amount of money, not negative."""

    def read(self, value: Any) -> int | float:
        amount = super().read(value)
        if amount < 0:
            raise ValidationError("must not be negative")
        if amount >= _TOO_MUCH:
            raise ValidationError("must be an amount of money")
        return amount


class Count(Integer):
    """A whole number of at least one."""

    def read(self, value: Any) -> int:
        count = super().read(value)
        if count < 1:
            raise ValidationError("must be at least 1")
        return count


class Currency(Plain):
    """An ISO 4217 code. Which ones the endpoint takes is not public."""

    def read(self, value: Any) -> str:
        code = value.strip(EDGES).upper() if type(value) is str else ""
        if not _CURRENCY.fullmatch(code):
            raise ValidationError("must be a currency's three letters (ISO 4217)")
        return code


class Moment(Plain):
    """A point in time as Unix seconds with their fraction."""

    def read(self, value: Any) -> float:
        try:
            seconds = read_moment(value)
        except NotATimeError as error:
            raise ValidationError(str(error)) from None
        if seconds < 1:
            raise ValidationError("must be after 1970-01-01")
        return seconds


class Day(Plain):
    """A calendar day. Of a text with a time of day, the day as it is written: a hotel's day has no other zone."""

    def read(self, value: Any) -> date:
        found = _DATE.fullmatch(value.strip(EDGES)) if type(value) is str else None
        try:
            if found:
                return date.fromisoformat(found[1])
            return datetime.fromtimestamp(read_moment(value), UTC).date()
        except (NotATimeError, ValueError, OverflowError, OSError):
            raise ValidationError("must be a date (ISO 8601), or a Unix time in seconds or milliseconds") from None


class _Part(Schema):
    class Meta:
        unknown = EXCLUDE


class Commission(_Part):
    """What the commission is reckoned from."""

    currency = Currency(required=True)
    commission_base_amount = Amount(required=True)


class Value(_Part):
    """What the order costs."""

    currency = Currency(required=True)
    payment_value = Amount(required=True)
    total_value = Amount(required=True)
    total_room_fee = Amount()
    total_tax = Amount()
    total_service_fee = Amount()
    discounts = Amount()
    fulfillment_value = Amount()
    fulfillment_tax = Amount()
    fulfillment_service_fee = Amount()
    commission_value = Sequence(Object(Commission))


class Extra(_Part):
    """The stay."""

    length_of_stay = Count(required=True)
    amount_of_room = Count(required=True)
    check_in_date = Day(required=True)
    check_out_date = Day(required=True)
    actual_occupancy = Number()
    no_show = Flag()
    cancel_reason = Text()


class Sku(_Part):
    """What was booked."""

    third_sku_id = Text(required=True)
    third_sku_name = Text(required=True)


class Spu(_Part):
    """The offer it belongs to."""

    third_spu_id = Text()
    third_spu_name = Text()
    sku_list = Sequence(Object(Sku), required=True)


class Promotion(_Part):
    """What made it cheaper."""

    promotion_id = Text()
    description = Text()
    saved_amount = Amount()


class Order(_Part):
    """`order_info`, and the click id that goes elsewhere."""

    order_id = Text(required=True)
    third_merchant_id = Text(required=True)
    third_shop_id = Text(required=True)
    third_shop_name = Text(required=True)
    order_status = Text(required=True)
    order_country = Text(required=True)
    create_time = Moment(required=True)
    update_time = Moment(required=True)
    initiator = Choice(("CUSTOMER", "MERCHANT"), upper=True)
    value = Object(Value, required=True)
    extra = Object(Extra, required=True)
    spu_list = Sequence(Object(Spu), required=True)
    order_url = Text()
    promotion_info = Object(Promotion)
    ttoclid = Text(required=True)


_ORDER = Order()


def load(plain: dict[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    """Return what is valid of the order, and every fault with its path in TikTok's form."""
    try:
        return dict(_ORDER.load(plain)), []
    except ValidationError as error:
        return dict(error.valid_data), list(_faults(error.messages))  # type: ignore[arg-type] # one order, one dict


def _faults(messages: Any, place: str = "") -> Iterator[Fault]:
    if isinstance(messages, dict):
        for key, below in messages.items():
            yield from _faults(below, f"{place}.{key}".lstrip("."))
    else:
        for message in messages:
            yield Fault(place, str(message))
