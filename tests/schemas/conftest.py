"""What do the tests of the contracts share: a mapper on a hand-turned clock, and events that lack nothing?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from schemas import Mapped, Mapper, MappingSettings, Refused

NOW = 1_790_000_000.0  # 2026-09-21T14:13:20Z


@pytest.fixture
def now() -> float:
    return NOW


@pytest.fixture
def map_event() -> Callable[..., Mapped | Refused]:
    """Map an event for `source`; every other keyword is a setting."""

    def run(source: str, event: object, *, received_at: float = NOW - 5, **settings: Any) -> Mapped | Refused:
        mapper = Mapper(MappingSettings(source=source, **{"event_source_id": "7000000000000000001", **settings}))
        return mapper.map(event, event_id="door-1", received_at=received_at, now=NOW)

    return run


@pytest.fixture
def order() -> dict[str, Any]:
    """A Segment call with every field that has a default path, except `properties.email` and `.phone`."""
    return {
        "type": "track",
        "event": "Order Completed",
        "messageId": "message-1",
        "timestamp": "2026-09-21T14:00:00.900Z",
        "userId": "User-1",
        "anonymousId": "anonymous-1",
        "context": {
            "ip": "203.0.113.7",
            "locale": "en-US",
            "userAgent": "Mozilla/5.0",
            "page": {"url": "https://shop.example/thanks?ttclid=E.C.P.url", "referrer": "https://shop.example/cart"},
            "traits": {"email": "ada@example.com", "phone": "+12015550123"},
        },
        "properties": {
            "order_id": "o-1",
            "shop_id": "s-1",
            "currency": "USD",
            "value": 46.5,
            "query": "tea",
            "products": [
                {
                    "product_id": "p-1",
                    "name": "Tea",
                    "category": "Drinks",
                    "brand": "Acme",
                    "price": 15.5,
                    "quantity": 3,
                }
            ],
        },
    }


@pytest.fixture
def purchase() -> dict[str, Any]:
    """A Commanders Act event with every field of the TikTok Offline Events page."""
    return {
        "event_name": "purchase",
        "id": "o-1",
        "type": "offline",
        "shop_id": "s-1",
        "currency": "EUR",
        "value": 46.5,
        "items": [
            {
                "id": "sku-1",
                "quantity": 3,
                "type": "product",
                "product": {
                    "id": "p-1",
                    "name": "Tea",
                    "price": 15.5,
                    "brand": "Acme",
                    "category_1": "Home",
                    "category_2": "Kitchen",
                    "category_3": "Drinks",
                    "category_4": "Tea",
                    "category_5": "Green",
                },
            }
        ],
        "user": {"id": "User-1", "email": "ada@example.com", "phone": "+12015550123"},
        "context": {
            "event_id": "context-1",
            "event_timestamp": "1789999200900",
            "page": {"url": "https://shop.example/thanks?ttclid=E.C.P.url", "referrer": "https://shop.example/cart"},
            "device": {"ip": "203.0.113.7", "user_agent": "Mozilla/5.0", "language": "fr-FR"},
        },
        "partners": {"tiktok": {"ttclid": "E.C.P.own", "ttp": "cookie-1", "ldu": "false"}},
    }


@pytest.fixture
def row() -> dict[str, Any]:
    """A row with every column of Amperity's page, as CSV has it."""
    return {
        "agent": "Mozilla/5.0",
        "brand": "Acme",
        "content_category": "Drinks",
        "content_id": "p-1",
        "content_name": "Tea",
        "content_type": "product",
        "cookie_id": "cookie-1",
        "currency": "EUR",
        "email": "ada@example.com",
        "event": "CompletePayment",
        "event_channel": "in_store",
        "event_id": "e1",
        "event_set_id": "7000000000000000001",
        "ip": "203.0.113.7",
        "order_id": "o-1",
        "phone": "+12015550123",
        "price": "15.50",
        "quantity": "3",
        "shop_id": "s-1",
        "tiktok_click_id": "E.C.P.own",
        "timestamp": "2026-09-21T14:00:00Z",
        "value": "46.50",
    }


@pytest.fixture
def plain() -> dict[str, Any]:
    """The smallest offline event in TikTok's own form."""
    return {"event": "Purchase", "event_time": int(NOW) - 60, "event_id": "e-1", "user": {"email": "ada@example.com"}}


@pytest.fixture
def only() -> Callable[[Mapped | Refused], Any]:
    """Return the body of the one item, or fail with what was found instead."""

    def run(result: Mapped | Refused) -> Any:
        assert isinstance(result, Mapped), result
        assert len(result.items) == 1
        return result.items[0].body

    return run


@pytest.fixture
def faults() -> Callable[[Mapped | Refused], dict[str, str]]:
    """Return the refusal's rules by path, or fail."""

    def run(result: Mapped | Refused) -> dict[str, str]:
        assert isinstance(result, Refused), result
        return {fault.path: fault.rule for fault in result.faults}

    return run
