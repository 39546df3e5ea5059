"""What can be set about the mapping of orders?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Arithmetic = Literal["note", "refuse"]
SkuMode = Literal["first", "all"]
TimeUnit = Literal["seconds", "milliseconds"]
MoneyFormat = Literal["number", "string", "minor"]

REQUIRED: Mapping[str, tuple[str, str]] = {
    "ttoclid": ("ttoclid", "TikTok Organic Tracking Id: the `ttoclid` parameter of the product page's URL"),
    "third_merchant_id": ("third_merchant_id", "the id with which the merchant was created at TikTok"),
    "third_shop_id": ("third_shop_id", "the hotel's id in your system"),
    "third_shop_name": ("third_shop_name", "the hotel's name in your system"),
    "order_country": ("order_country", "the country where the hotel is"),
    "create_time": ("create_time", "when the order was created in your system"),
    "payment_value": ("value.payment_value", "what the customer is to pay: `total_value` less discounts"),
    "total_value": ("value.total_value", "the order before discounts: room fee, tax and service fee"),
    "length_of_stay": ("extra.length_of_stay", "nights"),
    "amount_of_room": ("extra.amount_of_room", "rooms"),
    "check_in_date": ("extra.check_in_date", "first day of the stay"),
    "check_out_date": ("extra.check_out_date", "day of departure"),
}
"""Setting: (the field it fills, what it means). Each is a literal, `{{path}}`, or both mixed."""


@dataclass(frozen=True, slots=True)
class OrderSettings:
    """How a destination's order events are read and written.

    - `status_map`: event name → TikTok's order status; an event that is not listed is `unmapped`.
    - `values`: the settings of `REQUIRED`; one may be left out where `fields` fills its field.
    - `fields`: target → source path or expression; "" or None leaves the target out.
    - `arithmetic`: whether sums and nights that do not add up are noted, or refuse the event.
    - `sku_mode`: whether the first item is sent, or all of them.
    - `time_unit`, `date_format` (as for strftime), `money_format`: how TikTok wants them written.
    - `wrapper_key`: the key around the order. `ttoclid_path`: where the click id goes in the body, dotted.
    - `max_future_seconds`: how far ahead of now an update may be; a false one would bar all that follow.
    """

    status_map: Mapping[str, str]
    values: Mapping[str, str]
    fields: Mapping[str, str | None] = field(default_factory=dict)
    arithmetic: Arithmetic = "note"
    sku_mode: SkuMode = "first"
    time_unit: TimeUnit = "seconds"
    date_format: str = "%Y-%m-%d"
    money_format: MoneyFormat = "number"
    wrapper_key: str = "order_info"
    ttoclid_path: str = "ttoclid"
    max_future_seconds: int = 600
