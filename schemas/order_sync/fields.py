"""Where does each field of an order come from in a Commanders Act event?

One closed table: the code reads it for every event, and the documentation is made of it. The fields that settings
fill are in `schemas.order_sync.settings`.
"""

from __future__ import annotations

from collections.abc import Mapping

from schemas.order_sync.settings import REQUIRED
from schemas.paths import Parts, parts_of

SOURCES: Mapping[str, str] = {
    "order_id": "id",
    "update_time": "context.event_timestamp",
    "initiator": "partners.tiktok.initiator",
    "value.currency": "currency",
    "value.total_room_fee": "partners.tiktok.total_room_fee",
    "value.total_tax": "tax_amount",
    "value.total_service_fee": "partners.tiktok.total_service_fee",
    "value.discounts": "partners.tiktok.discounts",
    "value.fulfillment_value": "partners.tiktok.fulfillment_value",
    "value.fulfillment_tax": "partners.tiktok.fulfillment_tax",
    "value.fulfillment_service_fee": "partners.tiktok.fulfillment_service_fee",
    "value.commission_value.0.currency": "partners.tiktok.commission_currency",
    "value.commission_value.0.commission_base_amount": "partners.tiktok.commission_base_amount",
    "extra.actual_occupancy": "partners.tiktok.actual_occupancy",
    "extra.no_show": "partners.tiktok.no_show",
    "extra.cancel_reason": "partners.tiktok.cancel_reason",
    "order_url": "context.page.url",
    "promotion_info.promotion_id": "partners.tiktok.promotion_id",
    "promotion_info.description": "partners.tiktok.promotion_description",
    "promotion_info.saved_amount": "partners.tiktok.promotion_saved_amount",
}
"""Target: source path."""

SKU: Mapping[str, str] = {"third_sku_id": "id", "third_sku_name": "product.name"}
SPU: Mapping[str, str] = {"third_spu_id": "third_spu_id", "third_spu_name": "third_spu_name"}
"""Target below a SKU or SPU: path below an item."""

STATUS = "order_status"
EVENT_NAME = "event_name"

TARGETS = frozenset(
    [
        *SOURCES,
        *(target for target, _ in REQUIRED.values()),
        *(f"spu_list.0.{name}" for name in SPU),
        *(f"spu_list.0.sku_list.0.{name}" for name in SKU),
    ]
)
"""Every place that smart mapping may fill; the status has a setting of its own."""

READING: tuple[tuple[str, Parts], ...] = tuple((target, parts_of(path)) for target, path in SOURCES.items())
SKU_READING: tuple[tuple[str, Parts], ...] = tuple((name, parts_of(path)) for name, path in SKU.items())
SPU_READING: tuple[tuple[str, Parts], ...] = tuple((name, parts_of(path)) for name, path in SPU.items())
