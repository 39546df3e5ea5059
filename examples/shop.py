"""What a plausible shop's Segment source sends in a day: orders, carts, page views, sign-ups, and some mistakes.

`python -m examples.shop [COUNT]` prints the calls as JSON Lines, the same ones each time but for their timestamps,
which lie in the last two days. People, phones and addresses are invented: names at example.com, and phone numbers
from the ranges that are kept for fiction where a country has one.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

Call = dict[str, Any]

PRODUCTS = [
    ("mug-01", "Stoneware mug", "Kitchen", "Lagom", 14.0),
    ("mug-02", "Espresso cup, pair", "Kitchen", "Lagom", 18.5),
    ("lamp-11", "Desk lamp", "Lighting", "Nordlys", 79.0),
    ("rug-07", "Wool rug 120×180", "Textiles", "Fjell", 240.0),
    ("tea-03", "Sencha, 100 g", "Pantry", "Hana", 9.9),
    ("book-42", "Sourdough at home", "Books", "Ofen", 27.0),
]
PHONES = [
    "+12025550123",
    "(202) 555-0147",
    "202.555.0188",
    "+44 (0)7700 900123",
    "+447700900456",
    "0033 1 99 00 12 34",
    "+33 6 39 98 12 34",
    "+49 30 23125 123",
    "+61 491 570 156",
    "+46 70 174 06 05",
]
PEOPLE = ["ada", "björn", "chiara", "deniz", "elif", "farid", "greta", "hiro", "inés", "joão", "kofi", "李娜", "مريم"]


def calls(count: int, *, now: float, seed: int = 7) -> Iterator[Call]:
    """Yield `count` calls, newest last; `now` is Unix seconds."""
    chance = random.Random(seed)
    makers: list[tuple[Callable[..., Call], int]] = [
        (order_completed, 30),
        (product_viewed, 20),
        (product_added, 14),
        (page_viewed, 14),
        (checkout_started, 8),
        (signed_up, 6),
        (products_searched, 4),
        (form_submitted, 2),
        (subscription_created, 2),
    ]
    for number in range(count):
        at = now - 2 * 86400 * (1 - number / count) - 60
        (maker,) = chance.choices([maker for maker, _ in makers], [weight for _, weight in makers])
        yield maker(chance, number, at)


def broken(*, now: float) -> dict[str, Call]:
    """Return calls that are wrong on purpose, by what is wrong with them."""
    chance = random.Random(11)

    def order(number: int, **changed: Any) -> Call:
        call = order_completed(chance, 900_000 + number, now - 60)
        call["properties"].update(changed)
        return call

    nobody = order(1)
    nobody["context"]["traits"] = {"email": "  ", "phone": "n/a"}
    old = order(2)
    old["timestamp"] = _iso(now - 40 * 86400)
    unknown = order(3)
    unknown["event"] = "Order Complete"
    price = order(4)
    price["properties"]["products"][0]["price"] = "N/A"
    several = order(5, value="a lot", currency="Euro", products="mug")
    garbage = order(6)
    garbage["timestamp"] = "yesterday"
    return {
        "no match key": nobody,
        "older than 28 days": old,
        "unknown event name": unknown,
        "a price that is no number": price,
        "three wrong fields": several,
        "a timestamp nobody can read": garbage,
    }


def order_completed(chance: random.Random, number: int, at: float) -> Call:
    """An order with one to three products."""
    products = [_product(chance) for _ in range(chance.randint(1, 3))]
    value = round(sum(each["price"] * each["quantity"] for each in products), 2)
    # Some shops send their numbers as text.
    shown: float | str = value if chance.random() < 0.8 else f"{value:.2f}".replace(".", ",")
    properties = {
        "order_id": f"SO-{100_000 + number}",
        "shop_id": chance.choice(["berlin-1", "austin-2", "online"]),
        "currency": chance.choice(["USD", "EUR", "gbp"]),
        "value": shown,
        "products": products,
    }
    return _call("track", chance, number, at, event="Order Completed", properties=properties)


def product_viewed(chance: random.Random, number: int, at: float) -> Call:
    """A look at one product."""
    return _call("track", chance, number, at, event="Product Viewed", properties=_product(chance))


def product_added(chance: random.Random, number: int, at: float) -> Call:
    """A product put into the cart."""
    return _call("track", chance, number, at, event="Product Added", properties=_product(chance))


def checkout_started(chance: random.Random, number: int, at: float) -> Call:
    """The way to the till."""
    properties = {"currency": "USD", "products": [_product(chance)]}
    return _call("track", chance, number, at, event="Checkout Started", properties=properties)


def products_searched(chance: random.Random, number: int, at: float) -> Call:
    """A search."""
    properties = {"query": chance.choice(["mug", "wool rug", "tea"])}
    return _call("track", chance, number, at, event="Products Searched", properties=properties)


def signed_up(chance: random.Random, number: int, at: float) -> Call:
    """A new account."""
    return _call("track", chance, number, at, event="Signed Up", properties={})


def form_submitted(chance: random.Random, number: int, at: float) -> Call:
    """A question to the shop."""
    return _call("track", chance, number, at, event="Form Submitted", properties={})


def subscription_created(chance: random.Random, number: int, at: float) -> Call:
    """A tea subscription."""
    properties = {"value": 9.9, "currency": "EUR"}
    return _call("track", chance, number, at, event="Subscription Created", properties=properties)


def page_viewed(chance: random.Random, number: int, at: float) -> Call:
    """A page call, sometimes with TikTok's click id in the URL."""
    call = _call("page", chance, number, at, properties={"name": "Home"})
    click = f"?ttclid=E.C.P.{number:08d}" if chance.random() < 0.3 else ""
    call["context"]["page"] = {"url": f"https://shop.example.com/{click}", "referrer": "https://www.tiktok.com/"}
    return call


def _product(chance: random.Random) -> dict[str, Any]:
    sku, name, category, brand, price = chance.choice(PRODUCTS)
    return {
        "product_id": sku,
        "name": name,
        "category": category,
        "brand": brand,
        "price": price,
        "quantity": chance.randint(1, 3),
    }


def _call(kind: str, chance: random.Random, number: int, at: float, **more: Any) -> Call:
    person = chance.choice(PEOPLE)
    traits = {"email": f" {person.title()}.{number}@Example.com ", "phone": chance.choice(PHONES)}
    return {
        "type": kind,
        "messageId": f"shop-{number:06d}",
        "timestamp": _iso(at),
        "userId": f"user-{number}",
        "context": {"traits": traits, "locale": "en-US"},
        **more,
    }


def _iso(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


if __name__ == "__main__":
    for each in calls(int(sys.argv[1]) if len(sys.argv) > 1 else 400, now=time.time()):
        print(json.dumps(each, ensure_ascii=False))
