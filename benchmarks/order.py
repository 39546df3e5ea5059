"""Which event is measured? An `Order Completed` of Segment with three products, 1.2 KB of JSON."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

_AREAS = (202, 212, 303, 305, 312, 404, 415, 503, 512, 602, 617, 702, 713, 720, 786, 801, 813, 917, 919, 972)
_SKUS = (("mug-01", "Stoneware mug", 14.0), ("lamp-11", "Desk lamp", 79.0), ("tea-03", "Sencha, 100 g", 9.9))


def orders(count: int, *, first: int = 0) -> Iterator[dict[str, Any]]:
    """Yield `count` orders of as many people, made a minute ago."""
    now = time.time()
    for number in range(first, first + count):
        yield order(number, at=now - 60, event_id=f"order-{number:09d}")


def order(number: int, *, at: float, event_id: str) -> dict[str, Any]:
    """Return one order, made at `at` (Unix seconds). The phone numbers are from the ranges kept for fiction."""
    phone = f"+1{_AREAS[number // 100 % len(_AREAS)]}55501{number % 100:02d}"
    return {
        "type": "track",
        "event": "Order Completed",
        "messageId": event_id,
        "anonymousId": f"anonymous-{number:09d}",
        "userId": f"user-{number:09d}",
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)),
        "context": {
            "traits": {"email": f"Person.{number:09d}@Example.com", "phone": phone},
            "ip": f"203.0.113.{number % 250}",
            "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0",
            "locale": "en-US",
            "library": {"name": "analytics.js", "version": "2.11.1"},
            "page": {"url": "https://shop.example.com/checkout/thanks", "referrer": "https://www.example.com/"},
            "campaign": {"name": "autumn", "source": "newsletter", "medium": "email"},
            "screen": {"width": 1920, "height": 1080, "density": 2},
            "timezone": "Europe/Berlin",
            "os": {"name": "Linux", "version": "6.1"},
            "app": {"name": "Shop", "version": "4.18.2"},
        },
        "properties": {
            "order_id": f"SO-{number:09d}",
            "currency": "USD",
            "value": 116.9,
            "revenue": 102.9,
            "shipping": 4.5,
            "products": [
                {
                    "product_id": sku,
                    "name": name,
                    "category": "Kitchen",
                    "brand": "Lagom",
                    "price": price,
                    "quantity": 1 + number % 3,
                }
                for sku, name, price in _SKUS
            ],
        },
    }
