"""Where does each TikTok field come from in a Commanders Act event?

The rows of the TikTok Offline Events page, in the shape of Commanders Act's Events Reference, and what its Events API
destination reads beside them (`partners.tiktok`, page, device). One closed table, as for every source.
"""

from __future__ import annotations

from schemas.sources.reading import FieldSource, from_paths

FIELDS = (
    FieldSource("event_id", from_paths("id", "context.event_id"), note="else the id given at the door"),
    FieldSource(
        "event_time", from_paths("context.event_timestamp"), note="milliseconds or ISO 8601; else time of enqueueing"
    ),
    FieldSource("limited_data_use", from_paths("partners.tiktok.ldu"), note="sent only if given"),
    FieldSource("user.email", from_paths("user.email_sha256", "user.email"), note="email_sha256 only if it is one"),
    FieldSource("user.phone", from_paths("user.phone_sha256", "user.phone"), note="phone_sha256 only if it is one"),
    FieldSource("user.external_id", from_paths("user.id")),
    FieldSource(
        "user.ttclid",
        from_paths("partners.tiktok.ttclid", "context.device.cookie.ttclid"),
        note="else the ttclid parameter of the page's URL",
    ),
    FieldSource("user.ttp", from_paths("partners.tiktok.ttp", "context.device.cookie._ttp")),
    FieldSource("user.locale", from_paths("context.device.language")),
    FieldSource("user.ip", from_paths("context.device.ip")),
    FieldSource("user.user_agent", from_paths("context.device.user_agent")),
    FieldSource("user.idfv", from_paths("context.device.idfv"), event_sources=("app",)),
    FieldSource("user.att_status", from_paths("context.device.att_status"), event_sources=("app",)),
    FieldSource("page.url", from_paths("context.page.url")),
    FieldSource("page.referrer", from_paths("context.page.referrer")),
    FieldSource("properties.order_id", from_paths("id")),
    FieldSource("properties.shop_id", from_paths("shop_id", "partners.tiktok.shop_id")),
    FieldSource("properties.currency", from_paths("currency")),
    FieldSource("properties.value", from_paths("value")),
    FieldSource("properties.event_channel", from_paths("type"), note="kind offline; by the table of channels"),
    FieldSource("properties.search_string", from_paths("search_term")),
    FieldSource("properties.status", from_paths("status")),
    FieldSource("properties.content_type", (), note="only by a mapping; each item has its own"),
    FieldSource("app.app_id", (), event_sources=("app",), note="only by a mapping"),
    FieldSource("lead.lead_id", (), event_sources=("crm",), note="only by a mapping"),
)

# The fields of one item, below `items.X`. `content_category` is made of CATEGORIES.
ITEM_FIELDS = (
    FieldSource("price", from_paths("product.price", "price")),
    FieldSource("quantity", from_paths("quantity")),
    FieldSource("content_type", from_paths("type")),
    FieldSource("content_id", from_paths("id", "product.id")),
    FieldSource("content_name", from_paths("product.name")),
    FieldSource("brand", from_paths("product.brand")),
)
# Joined with ">", the blank ones left out.
CATEGORIES = from_paths(*(f"product.category_{number}" for number in range(1, 6)))

# `type` as Commanders Act has it, and TikTok's own words, in any case. Everything else is `other`.
CHANNELS = {
    "online": "website",
    "web": "website",
    "website": "website",
    "offline": "in_store",
    "store": "in_store",
    "in_store": "in_store",
    "call": "phone_call",
    "phone_call": "phone_call",
    "email": "email",
    "crm": "crm",
    "other": "other",
}
