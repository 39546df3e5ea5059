"""Where does each TikTok field come from in a Segment call?

One closed table: the code reads it for every event, and the documentation is made of it.
"""

from __future__ import annotations

from schemas.paths import Parts
from schemas.sources.reading import FieldSource, from_paths

# What the destination has been called in the `integrations` object of Segment's calls.
_INTEGRATIONS = (
    "TikTok Offline Conversions",
    "TikTok Offline Conversions (Actions)",
    "Tiktok Offline Conversions",
)


def _integration(field: str) -> tuple[Parts, ...]:
    return tuple(("integrations", name, field) for name in _INTEGRATIONS)


FIELDS = (
    FieldSource("event_id", from_paths("messageId"), note="else the id given at the door"),
    FieldSource("event_time", from_paths("timestamp", "originalTimestamp"), note="else the time of enqueueing"),
    FieldSource("limited_data_use", from_paths("properties.limited_data_use"), note="sent only if given"),
    FieldSource(
        "test_event_code", from_paths("properties.test_event_code"), note="at the root; the destination's own wins"
    ),
    FieldSource("user.email", from_paths("properties.email", "context.traits.email", "traits.email")),
    FieldSource("user.phone", from_paths("properties.phone", "context.traits.phone", "traits.phone")),
    FieldSource("user.external_id", from_paths("userId", "anonymousId")),
    FieldSource(
        "user.ttclid",
        (*from_paths("properties.ttclid"), *_integration("ttclid")),
        note="else the ttclid parameter of the page's URL",
    ),
    FieldSource("user.ttp", (*from_paths("properties.ttp"), *_integration("ttp"))),
    FieldSource("user.lead_id", from_paths("properties.lead_id"), event_sources=("offline",)),
    FieldSource("lead.lead_id", from_paths("properties.lead_id"), event_sources=("crm",)),
    FieldSource("lead.lead_event_source", from_paths("properties.lead_event_source"), event_sources=("crm",)),
    FieldSource("user.locale", from_paths("context.locale")),
    FieldSource("user.ip", from_paths("context.ip")),
    FieldSource("user.user_agent", from_paths("context.userAgent")),
    FieldSource("page.url", from_paths("context.page.url")),
    FieldSource("page.referrer", from_paths("context.page.referrer")),
    FieldSource("properties.content_type", (), constant="product"),
    FieldSource("properties.currency", from_paths("properties.currency")),
    FieldSource("properties.value", from_paths("properties.value", "properties.revenue", "properties.total")),
    FieldSource("properties.description", (), note="only by a mapping"),
    FieldSource("properties.query", from_paths("properties.query")),
    FieldSource("properties.order_id", from_paths("properties.order_id")),
    FieldSource("properties.shop_id", from_paths("properties.shop_id")),
    FieldSource("app.app_id", (), event_sources=("app",), note="only by a mapping"),
)

# The fields of one product, of a list of products or of the event's own properties.
PRODUCT_FIELDS = (
    FieldSource("price", from_paths("price")),
    FieldSource("quantity", from_paths("quantity")),
    FieldSource("content_id", from_paths("product_id", "sku")),
    FieldSource("content_name", from_paths("name")),
    FieldSource("content_category", from_paths("category")),
    FieldSource("brand", from_paths("brand")),
)
