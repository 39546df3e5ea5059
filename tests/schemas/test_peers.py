"""Where two public peers and we part ways: what the peer does, what we do, and why.

The peers are Segment's "TikTok Offline Conversions" and RudderStack's TikTok destinations. Each row changes one thing
of an event that lacks nothing; the last column is the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from hashlib import sha256
from typing import Any

import pytest

from schemas import Mapped, Mapper, MappingSettings, Refused

MapEvent = Callable[..., Mapped | Refused]
HASH_OF_NOTHING = sha256(b"").hexdigest()


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def changed(order: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    event = deepcopy(order)
    *parents, last = path.split(".")
    place = event
    for step in parents:
        place = place[int(step)] if isinstance(place, list) else place[step]
    place[last] = value
    return event


def at(body: Any, path: str) -> Any:
    for step in path.split("."):
        body = body[int(step)] if isinstance(body, list) else body.get(step)
        if body is None:
            return None
    return body


@pytest.mark.parametrize(
    ("peer", "path", "value", "target", "ours", "reason"),
    [
        ("Segment hashes the spaces", "context.traits.email", " Ada@Example.com ", "user.email",
         [digest("ada@example.com")], "TikTok says: trim, then lower-case; an untrimmed hash matches nobody"),
        ("Segment cuts to 14 digits", "context.traits.phone", "+491512345678901", "user.phone",
         [digest("+491512345678901")], "E.164 allows 15 digits; cut numbers of two people become one"),
        ("RudderStack hashes as written", "context.traits.phone", "(+1) 202-555-0123", "user.phone",
         [digest("+12025550123")], "TikTok says: E.164 with the plus, without spaces and parentheses"),
        ("RudderStack hashes a hash", "context.traits.email", digest("ada@example.com"), "user.email",
         [digest("ada@example.com")], "64 hex characters are a hash already"),
        ("Segment leaves it in capitals", "context.traits.phone", digest("+12025550123").upper(), "user.phone",
         [digest("+12025550123")], "TikTok compares lower-case hex"),
        ("RudderStack hashes the blank", "userId", "", "user.external_id",
         [digest("anonymous-1")], "the hash of nothing is one identity for everybody"),
        ("Segment lets blank hide the trait", "properties.email", "", "user.email",
         [digest("ada@example.com")], "a blank field says nothing, so the next place is asked"),
        ("RudderStack joins the list to one text", "context.traits.email", ["a@example.com", "b@example.com"],
         "user.email", [digest("a@example.com"), digest("b@example.com")], "a list is several people's or spellings"),
        ("Segment lower-cases it", "userId", "USER_123", "user.external_id",
         [digest("USER_123")], "TikTok's rule for external ids names no lower case; ids are case-sensitive"),
        ("Segment sends event_time: null", "timestamp", 1_789_999_200, "event_time",
         1_789_999_200, "an epoch is a time; null is none"),
        ("RudderStack sends milliseconds as seconds", "timestamp", 1_789_999_200_123, "event_time",
         1_789_999_200, "TikTok wants seconds"),
        ("Segment sends a price of 0", "properties.products.0.price", None, "properties.contents.0.price",
         None, "null is unknown, not free"),
        ("RudderStack sends a number", "properties.products.0.product_id", 1077218, "properties.contents.0.content_id",
         "1077218", "TikTok refuses ids that are not text (40002)"),
        ("RudderStack sends the text undefined", "properties.products.0.product_id", None,
         "properties.contents.0.content_id", None, "what is absent stays absent"),
        ("Segment lets it pass as it is", "properties.currency", "usd", "properties.currency",
         "USD", "TikTok lists currencies in capitals"),
        ("Segment loses the value", "properties.value", "", "properties.value",
         None, "nothing to fall back on here; the event is sent without a value rather than with a wrong one"),
    ],
)  # fmt: skip
def test_what_is_sent_differs_for_a_reason(
    map_event: MapEvent, order: dict[str, Any], peer: str, path: str, value: Any, target: str, ours: Any, reason: str
) -> None:
    assert peer
    assert reason
    mapped = map_event("segment", changed(order, path, value))
    assert isinstance(mapped, Mapped)
    body = mapped.items[0].body
    assert at(body, target) == ours
    assert HASH_OF_NOTHING not in repr(body)


def test_a_test_code_goes_to_the_root_where_segment_puts_it_into_the_event(
    map_event: MapEvent, order: dict[str, Any]
) -> None:
    mapped = map_event("segment", order, test_event_code="TEST1")
    assert isinstance(mapped, Mapped)
    assert mapped.items[0].key.test_event_code == "TEST1"
    assert "test_event_code" not in mapped.items[0].body


@pytest.mark.parametrize("traits", [{"email": " ", "phone": ""}, {}])
def test_blanks_are_no_match_key_where_segment_takes_them_for_one(
    map_event: MapEvent, order: dict[str, Any], traits: dict[str, str]
) -> None:
    refused = map_event("segment", changed(order, "context.traits", traits))
    assert isinstance(refused, Refused)
    assert refused.reason == "no_match_key"


@pytest.mark.parametrize("name", ["constructor", "__proto__", "toString", "hasOwnProperty"])
def test_names_that_crash_rudderstack_are_names_like_others(
    map_event: MapEvent, order: dict[str, Any], name: str
) -> None:
    refused = map_event("segment", changed(order, "event", name))
    assert isinstance(refused, Refused)
    assert refused.reason == "unmapped"


def test_an_order_completed_is_a_purchase_where_rudderstack_says_place_an_order(
    map_event: MapEvent, order: dict[str, Any]
) -> None:
    mapped = map_event("segment", order)
    assert isinstance(mapped, Mapped)
    assert mapped.items[0].event == "Purchase"


@pytest.mark.parametrize("name", ["CompletePayment", "PlaceAnOrder", "Purchase", "Lead"])
def test_tiktoks_own_names_are_taken_where_rudderstack_refuses_them(name: str) -> None:
    mapper = Mapper(MappingSettings(source="tiktok", event_source_id="1"))
    event = {"event": name, "event_time": 100, "user": {"email": "ada@example.com"}}
    assert isinstance(mapper.map(event, event_id="x", received_at=100, now=100), Mapped)
