"""Which events does a run enqueue?"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from benchmarks.chaos.tiktok import POISON_PREFIX
from examples.shop import order_completed

_POISON_SHARE = 0.005


def events(count: int, *, seed: int, now: float) -> Iterator[dict[str, Any]]:
    """Yield `count` orders as Segment sends them, about 1.2 KB each; one in two hundred is poison, exactly."""
    chance = random.Random(f"events:{seed}")
    poison = set(chance.sample(range(count), round(count * _POISON_SHARE)))
    for number in range(count):
        event = order_completed(chance, number, now - 3600 * (1 - number / count) - 60)
        event["messageId"] = f"{POISON_PREFIX if number in poison else 'good-'}{number:07d}"
        event["context"] |= _SURROUNDINGS
        yield event


def is_poison(event_id: str) -> bool:
    """Say whether TikTok will refuse this event."""
    return event_id.startswith(POISON_PREFIX)


# What Segment's libraries add to every call.
_SURROUNDINGS: dict[str, Any] = {
    "library": {"name": "analytics.js", "version": "2.11.1"},
    "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
    "timezone": "Europe/Berlin",
    "screen": {"width": 1920, "height": 1080, "density": 2},
    "campaign": {"name": "autumn", "source": "newsletter", "medium": "email", "term": "mugs", "content": "header"},
    "app": {"name": "Shop", "version": "4.18.2", "build": "41820", "namespace": "com.example.shop"},
    "device": {"type": "desktop", "manufacturer": "Example", "model": "E-1000"},
    "os": {"name": "Linux", "version": "6.1"},
}
