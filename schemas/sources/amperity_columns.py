"""Where does each TikTok field come from in a row for Amperity's TikTok Ads Offline Events?

The columns of Amperity's page, and those its newer page added (page_url, external_id, limited_data_use). One closed
table, as for every source; a column that is not in it is ignored.
"""

from __future__ import annotations

from schemas.sources.reading import FieldSource, from_paths

DEFAULT_CURRENCY = "USD"

COLUMNS = (
    FieldSource("event", from_paths("event"), note="case-sensitive; a mapping's event wins"),
    FieldSource("event_id", from_paths("event_id"), note="else the id given at the door"),
    FieldSource("event_time", from_paths("timestamp"), note="else the time of enqueueing"),
    FieldSource("limited_data_use", from_paths("limited_data_use"), note="sent only if given"),
    FieldSource("user.email", from_paths("email")),
    FieldSource("user.phone", from_paths("phone")),
    FieldSource("user.external_id", from_paths("external_id")),
    FieldSource("user.ttclid", from_paths("tiktok_click_id"), note="else the ttclid parameter of page_url"),
    FieldSource("user.ttp", from_paths("cookie_id")),
    FieldSource("user.ip", from_paths("ip")),
    FieldSource("user.user_agent", from_paths("agent")),
    FieldSource("page.url", from_paths("page_url")),
    FieldSource("properties.order_id", from_paths("order_id")),
    FieldSource("properties.shop_id", from_paths("shop_id")),
    FieldSource("properties.value", from_paths("value"), note="else the sum of price times quantity"),
    FieldSource("properties.currency", from_paths("currency"), constant=DEFAULT_CURRENCY),
    FieldSource("properties.event_channel", from_paths("event_channel"), note="kind offline only"),
    FieldSource("properties.content_type", from_paths("content_type", "contents.0.content_type"), constant="product"),
    FieldSource("app.app_id", (), event_sources=("app",), note="only by a mapping"),
    FieldSource("lead.lead_id", (), event_sources=("crm",), note="only by a mapping"),
)

# The columns of one product. They stand in the row itself, or in each element of `contents` where the rows of one
# order were grouped at the door; TikTok's names are the same.
PRODUCT_COLUMNS = (
    "price",
    "quantity",
    "content_type",
    "content_id",
    "content_name",
    "content_category",
    "brand",
)
