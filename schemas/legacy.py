"""What do the legacy offline endpoints (Events API 1.0, `offline/track/` and `offline/batch/`) get of an event?

The same facts as Events API 2.0, in another form: times in ISO 8601, identifiers below `context.user`, and
`content_type` inside each product. What 1.0 has no place for is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from schemas.outcome import Fault

# Documented for 1.0 alone; 2.0 has no such property.
EVENT_CHANNELS = ("crm", "email", "in_store", "other", "phone_call", "website")

_IDENTIFIERS = {"email": "emails", "phone": "phone_numbers"}
_PROPERTIES = ("order_id", "shop_id", "currency", "value", "event_channel")
_CONTENT = ("price", "quantity", "content_type", "content_id", "content_name", "content_category")
# The properties whose values 1.0 takes, though in another place.
_MOVED = frozenset({*_PROPERTIES, "contents", "content_type"})
_PARTS = ("limited_data_use", "page", "app", "ad", "lead")


def legacy_form(body: dict[str, Any]) -> dict[str, Any]:
    """Return the element of `batch` for an element of `data` that is validated and hashed.

    `properties` is there even when empty, since 1.0 requires it.
    """
    user, properties = body["user"], body.get("properties", {})
    told: dict[str, Any] = {name: properties[name] for name in _PROPERTIES if name in properties}
    shared = {"content_type": properties["content_type"]} if "content_type" in properties else {}
    contents = [
        shared | {name: content[name] for name in _CONTENT if name in content}
        for content in properties.get("contents", ())
    ]
    if contents:
        told["contents"] = contents
    return {
        "event": body["event"],
        "event_id": body["event_id"],
        "timestamp": datetime.fromtimestamp(body["event_time"], UTC).isoformat().replace("+00:00", "Z"),
        "context": {"user": {name: user[field] for field, name in _IDENTIFIERS.items() if field in user}},
        "properties": told,
    }


def without_place(body: dict[str, Any]) -> Iterator[Fault]:
    """Yield a note, with its path in 2.0's form, for each value that `legacy_form` leaves out."""
    rule = "has no place in the legacy offline endpoints and was left out"
    yield from (Fault(f"user.{field}", rule) for field in body["user"] if field not in _IDENTIFIERS)
    properties = body.get("properties", {})
    yield from (Fault(f"properties.{field}", rule) for field in properties if field not in _MOVED)
    if any("brand" in content for content in properties.get("contents", ())):
        yield Fault("properties.contents", f"brand {rule}")
    yield from (Fault(part, rule) for part in _PARTS if part in body)
