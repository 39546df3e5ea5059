"""Which rules of an order need more than one of its fields?"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from schemas.outcome import Fault

CANCELLED = "CANCEL_ORDER"
COMPLETED = "COMPLETE_ORDER"

_ON_COMPLETION = ("fulfillment_value", "fulfillment_tax", "fulfillment_service_fee")
_ON_COMMISSION = ("currency", "commission_base_amount")
_PARTS_OF_TOTAL = ("total_room_fee", "total_tax", "total_service_fee")
_TOLERANCE = Decimal("0.01")
"""What rounding each part by itself may cost."""


def required_by_status(order: dict[str, Any], status: str) -> Iterator[Fault]:
    """Yield what the order's status requires and the order lacks. `order` is not validated and holds no blanks."""
    value = order["value"]
    if status == CANCELLED and "initiator" not in order:
        yield Fault("initiator", f"is required for {CANCELLED}, CUSTOMER or MERCHANT")
    if status != COMPLETED:
        return
    for name in _ON_COMPLETION:
        if name not in value:
            yield Fault(f"value.{name}", f"is required for {COMPLETED}")
    if "commission_value" not in value:
        for name in _ON_COMMISSION:
            yield Fault(f"value.commission_value.0.{name}", f"is required for {COMPLETED}")


def stay(order: dict[str, Any]) -> Iterator[Fault]:
    """Yield the fault of a stay that ends before it begins."""
    extra = order["extra"]
    if extra["check_out_date"] <= extra["check_in_date"]:
        yield Fault("extra.check_out_date", "must be after check_in_date")


def arithmetic(order: dict[str, Any]) -> Iterator[Fault]:
    """Yield what does not add up, by the sums of the mapping table: what is not given is not assumed to be 0."""
    value, extra = order["value"], order["extra"]
    total, payment = _exact(value["total_value"]), _exact(value["payment_value"])
    discounts = value.get("discounts")
    if discounts is not None and abs(total - _exact(discounts) - payment) > _TOLERANCE:
        yield Fault("value.payment_value", "must be total_value less discounts")
    elif payment > total + _TOLERANCE:
        yield Fault("value.payment_value", "must not be more than total_value")
    parts = [_exact(value[name]) for name in _PARTS_OF_TOTAL if name in value]
    if len(parts) == len(_PARTS_OF_TOTAL) and abs(sum(parts) - total) > _TOLERANCE:
        yield Fault("value.total_value", "must be total_room_fee, total_tax and total_service_fee together")
    elif sum(parts) > total + _TOLERANCE:
        yield Fault("value.total_value", "must not be less than its parts together")
    nights = (extra["check_out_date"] - extra["check_in_date"]).days
    if nights > 0 and extra["length_of_stay"] != nights:
        yield Fault("extra.length_of_stay", "must be the nights from check_in_date to check_out_date")


def _exact(number: float) -> Decimal:
    # By its shortest text, so that 0.1 is a tenth.
    return Decimal(repr(number))
