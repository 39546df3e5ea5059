"""What is the least that must be done to an order? Straight mapping and hashing: no contract, no rules, no errors.

It is what the limit, the naive task and the batched task do, so that they are compared by their queues alone. Only
the standard library is used: one of them runs in an environment of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any


def mapped(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return what TikTok gets of one order.

    Raises:
        KeyError: it is not an order of :mod:`benchmarks.order`.
    """
    context, properties = event["context"], event["properties"]
    traits = context["traits"]
    return {
        "event": "Purchase",
        "event_time": int(datetime.fromisoformat(event["timestamp"].replace("Z", "+00:00")).timestamp()),
        "event_id": event["messageId"],
        "user": {
            "email": [sha256(traits["email"].strip().lower().encode()).hexdigest()],
            "phone": [sha256(traits["phone"].encode()).hexdigest()],
            "external_id": [sha256(event["userId"].encode()).hexdigest()],
            "ip": context["ip"],
            "user_agent": context["userAgent"],
            "locale": context["locale"],
        },
        "properties": {
            "contents": [
                {
                    "price": product["price"],
                    "quantity": product["quantity"],
                    "content_id": product["product_id"],
                    "content_name": product["name"],
                    "content_category": product["category"],
                    "brand": product["brand"],
                }
                for product in properties["products"]
            ],
            "content_type": "product",
            "currency": properties["currency"],
            "value": properties["value"],
            "order_id": properties["order_id"],
        },
        "page": context["page"],
    }


def body(events: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the request that carries `events`."""
    return {
        "event_source": "offline",
        "event_source_id": "7654321098765432109",
        "data": [mapped(event) for event in events],
    }
