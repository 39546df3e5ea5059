"""Where does each TikTok field come from in a Segment call?

One closed table: the code reads it for every event, and the documentation is made of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.event_sources import EVENT_SOURCES, EventSource
from schemas.paths import Parts, parts_of

# What the destination has been called in the `integrations` object of Segment's calls.
_INTEGRATIONS = (
    "TikTok Offline Conversions",
    "TikTok Offline Conversions (Actions)",
    "Tiktok Offline Conversions",
)


def _integration(field: str) -> tuple[Parts, ...]:
    return tuple(("integrations", name, field) for name in _INTEGRATIONS)


@dataclass(frozen=True, slots=True)
class FieldSource:
    """A field of TikTok's and the paths it is read from, the first that is not blank.

    `constant` is sent where no path has anything. `note` is for the documentation.
    """

    target: str
    paths: tuple[Parts, ...]
    constant: str | None = None
    event_sources: tuple[EventSource, ...] = EVENT_SOURCES
    note: str = ""


def _from(*paths: str) -> tuple[Parts, ...]:
    return tuple(parts_of(path) for path in paths)


FIELDS = (
    FieldSource("event_id", _from("messageId"), note="else the id given at the door"),
    FieldSource("event_time", _from("timestamp", "originalTimestamp"), note="else the time of enqueueing"),
    FieldSource("limited_data_use", _from("properties.limited_data_use"), note="sent only if given"),
    FieldSource("test_event_code", _from("properties.test_event_code"), note="at the root; the destination's own wins"),
    FieldSource("user.email", _from("properties.email", "context.traits.email", "traits.email")),
    FieldSource("user.phone", _from("properties.phone", "context.traits.phone", "traits.phone")),
    FieldSource("user.external_id", _from("userId", "anonymousId")),
    FieldSource(
        "user.ttclid",
        (*_from("properties.ttclid"), *_integration("ttclid")),
        note="else the ttclid parameter of the page's URL",
    ),
    FieldSource("user.ttp", (*_from("properties.ttp"), *_integration("ttp"))),
    FieldSource("user.lead_id", _from("properties.lead_id"), event_sources=("offline",)),
    FieldSource("lead.lead_id", _from("properties.lead_id"), event_sources=("crm",)),
    FieldSource("lead.lead_event_source", _from("properties.lead_event_source"), event_sources=("crm",)),
    FieldSource("user.locale", _from("context.locale")),
    FieldSource("user.ip", _from("context.ip")),
    FieldSource("user.user_agent", _from("context.userAgent")),
    FieldSource("page.url", _from("context.page.url")),
    FieldSource("page.referrer", _from("context.page.referrer")),
    FieldSource("properties.content_type", (), constant="product"),
    FieldSource("properties.currency", _from("properties.currency")),
    FieldSource("properties.value", _from("properties.value", "properties.revenue", "properties.total")),
    FieldSource("properties.description", (), note="only by a mapping"),
    FieldSource("properties.query", _from("properties.query")),
    FieldSource("properties.order_id", _from("properties.order_id")),
    FieldSource("properties.shop_id", _from("properties.shop_id")),
    FieldSource("app.app_id", (), event_sources=("app",), note="only by a mapping"),
)

# The fields of one product, of a list of products or of the event's own properties.
PRODUCT_FIELDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("price", ("price",)),
    ("quantity", ("quantity",)),
    ("content_id", ("product_id", "sku")),
    ("content_name", ("name",)),
    ("content_category", ("category",)),
    ("brand", ("brand",)),
)
