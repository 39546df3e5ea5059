"""Does an order keep the rules of "Sync Order Information"? (reference 7)

Little of that endpoint is public. Checked is what the one public mapping marks as mandatory; the wrapper,
the path and the form of the answer are settings.
"""

from typing import Any, Final

from worker.sandbox import rules
from worker.sandbox.complaints import MISSING, Complaint
from worker.sandbox.rules import Rule, list_of, object_of, one_of
from worker.sandbox.settings import Settings
from worker.sandbox.store import Intake
from worker.sandbox.track import refuse

_ALWAYS: Final = (
    "order_id",
    "third_merchant_id",
    "third_shop_id",
    "third_shop_name",
    "order_status",
    "order_country",
    "create_time",
    "update_time",
    "value",
    "extra",
    "spu_list",
)
_IN_VALUE: Final = ("currency", "payment_value", "total_value")
_IN_EXTRA: Final = ("length_of_stay", "amount_of_room", "check_in_date", "check_out_date")
_ON_COMPLETION: Final = (
    "fulfillment_value",
    "fulfillment_tax",
    "fulfillment_service_fee",
    "commission_value",
)

_text = rules.filled_string
_ORDER: Final = object_of(
    {
        "order_id": _text,
        "third_merchant_id": _text,
        "third_shop_id": _text,
        "third_shop_name": _text,
        "order_status": _text,
        "order_country": _text,
        "create_time": rules.unix_seconds,
        "update_time": rules.unix_seconds,
        "initiator": one_of(frozenset({"MERCHANT", "CUSTOMER"}), "initiator"),
        "value": object_of(
            {
                "currency": _text,
                "commission_value": list_of(
                    object_of({"currency": _text}, "currency", "commission_base_amount"), filled=True
                ),
            },
            *_IN_VALUE,
        ),
        "extra": object_of({}, *_IN_EXTRA),
        "spu_list": list_of(
            object_of(
                {
                    "sku_list": list_of(
                        object_of({"third_sku_id": _text, "third_sku_name": _text}, "third_sku_id", "third_sku_name"),
                        filled=True,
                    )
                },
                "sku_list",
            ),
            filled=True,
        ),
    },
    *_ALWAYS,
)


def check_order(body: dict[str, Any], raw: bytes, path: str, settings: Settings) -> Intake:
    """Returns the order as one event: its status, with ``order_id:update_time`` as its id; raises Refusal."""
    wrapper = settings.order_sync_wrapper
    complaint = _wrapped(wrapper)(body)
    if complaint is not None:
        raise refuse(complaint)
    order = body[wrapper]
    return Intake(
        path=path,
        body=raw,
        member=None,
        event_source="order_sync",
        event_source_id=order["third_shop_id"],
        keys=[(order["order_status"], f"{order['order_id']}:{order['update_time']}")],
    )


def _wrapped(wrapper: str) -> Rule:
    return object_of({wrapper: _order}, wrapper)


def _order(order: Any) -> Complaint | None:
    complaint = _ORDER(order)
    if complaint is not None:
        return complaint
    if order["order_status"] == "CANCEL_ORDER" and "initiator" not in order:
        return MISSING.under("initiator")
    if order["order_status"] == "COMPLETE_ORDER":
        for name in _ON_COMPLETION:
            if name not in order["value"]:
                return MISSING.under(f"value.{name}")
    return None
