"""Does any JSON at all end as a payload that can be encoded, or as a refusal with a reason?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas import REASONS, Fault, Item, Mapped, Mapper, MappingSettings, Refused, Rule
from schemas.event_names import OFFLINE_EVENTS
from worker.sandbox import Sandbox

NOW = 1_790_000_000.0
MAPPERS = {
    "segment": Mapper(MappingSettings(source="segment", event_source_id="1", default_region="US")),
    "segment, web": Mapper(MappingSettings(source="segment", event_source_id="{{userId}}", event_source="web")),
    "segment, mapped": Mapper(
        MappingSettings(
            source="segment",
            event_source_id="1",
            event_source="crm",
            web_fields="drop",
            mappings=(
                Rule(event="Any", fields={"lead.lead_id": "messageId", "properties.contents": "properties.products"}),
                Rule(
                    event="Other", when="event contains 'e' && properties.value > `3`", fields={"user.email": "sum(@)"}
                ),
            ),
        )
    ),
    "tiktok": Mapper(MappingSettings(source="tiktok", event_source_id="1", web_fields="drop")),
    "segment, legacy": Mapper(MappingSettings(source="segment", event_source_id="1", kind="offline")),
    "commanders_act": Mapper(
        MappingSettings(source="commanders_act", event_source_id="1", mappings=(Rule(event="Purchase"),))
    ),
    "commanders_act, legacy": Mapper(
        MappingSettings(
            source="commanders_act", event_source_id="1", kind="offline", mappings=(Rule(event="Purchase"),)
        )
    ),
    "amperity": Mapper(MappingSettings(source="amperity", event_source_id="1")),
    "amperity, legacy": Mapper(MappingSettings(source="amperity", event_source_id="{{order_id}}", kind="offline")),
    "tiktok, app": Mapper(MappingSettings(source="tiktok", event_source_id="1", event_source="app")),
}
REALISTIC = {
    "segment": {
        "type": "track",
        "event": "Order Completed",
        "messageId": "m-1",
        "timestamp": "2026-09-21T14:00:00Z",
        "userId": "u-1",
        "anonymousId": "a-1",
        "integrations": {"TikTok Offline Conversions": {"ttclid": "c", "ttp": "p"}},
        "context": {
            "ip": "203.0.113.7",
            "userAgent": "m",
            "locale": "en",
            "page": {"url": "https://shop.example/?ttclid=1", "referrer": "r"},
            "traits": {"email": "ada@example.com", "phone": "+12015550123"},
        },
        "properties": {
            "email": "bob@example.com",
            "value": 1,
            "revenue": 2,
            "currency": "USD",
            "limited_data_use": True,
            "test_event_code": "T",
            "lead_id": "l",
            "products": [{"product_id": "p", "sku": "s", "price": 1, "quantity": 1, "name": "n"}],
        },
    },
    "commanders_act": {
        "event_name": "purchase",
        "id": "o-1",
        "type": "online",
        "shop_id": "s",
        "currency": "EUR",
        "value": 1,
        "search_term": "tea",
        "status": "paid",
        "items": [
            {"id": "p", "quantity": 1, "type": "product", "price": 1, "product": {"name": "n", "category_1": "c"}},
            {"product": {"price": "1,5", "category_1": "a", "category_5": "b"}},
        ],
        "user": {"id": "u", "email": "ada@example.com", "email_sha256": "a" * 64, "phone_md5": "m"},
        "context": {
            "event_id": "c-1",
            "event_timestamp": "1789999000000",
            "page": {"url": "https://shop.example/?ttclid=1"},
            "device": {"ip": "203.0.113.7", "cookie": {"_ttp": "p"}},
        },
        "partners": {"tiktok": {"ldu": True, "ttclid": "c"}},
    },
    "amperity": {
        "event": "CompletePayment",
        "event_id": "e-1",
        "timestamp": "2026-09-21T14:00:00Z",
        "email": "ada@example.com",
        "phone": "+12015550123",
        "order_id": "o-1",
        "event_channel": "in_store",
        "currency": "",
        "value": "",
        "price": "1.50",
        "quantity": "2",
        "contents": [{"price": "1.50", "quantity": "2", "content_id": "p"}],
    },
    "tiktok": {
        "event": "Purchase",
        "event_id": "e-1",
        "event_time": 1_789_999_000,
        "limited_data_use": False,
        "user": {"email": ["ada@example.com"], "phone": "+12015550123", "ip": "203.0.113.7", "first_name": "Ada"},
        "properties": {
            "contents": [{"price": 1, "content_id": "p"}],
            "content_ids": ["p"],
            "value": 1,
            "currency": "USD",
        },
        "page": {"url": "u"},
        "app": {"app_id": "a"},
        "ad": {"attribution_share": 0.5, "attributed": True},
        "lead": {"lead_id": "l"},
    },
}

# Lone surrogates, NUL, numbers beyond 64 bits and not-numbers are what decoders let through.
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=-(10**400), max_value=10**400),
    st.floats(),
    st.text(st.characters(codec=None), max_size=12),
    st.sampled_from(["", " ", "\ud800", "\x00", "1,234", "12,30", "N/A", "2026-09-21", "track", "page", "Purchase"]),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of everything in a realistic event."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in pairs:
        yield (*path, key)
        yield from places(below, (*path, key))


@st.composite
def grafted(draw: st.DrawFn, source: str) -> Any:
    """Put arbitrary JSON in one to three places of a realistic event of the source."""
    event = json.loads(json.dumps(REALISTIC[source]))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(places(event))))
        holder = event
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = draw(JSON)
    return event


def check(result: Mapped | Refused) -> None:
    if isinstance(result, Refused):
        assert result.reason in REASONS
        assert result.faults
        assert all(isinstance(fault, Fault) and fault.path and fault.rule for fault in result.faults)
        return
    assert result.items
    for item in result.items:
        body = orjson.loads(orjson.dumps(item.body))
        orjson.dumps([item.key.event_source_id, item.key.test_event_code])
        assert body == item.body
        assert (body["event"], body["event_id"]) == (item.event, item.event_id)
        if "timestamp" in body:
            check_legacy(body, item.event_time)
        else:
            assert body["event_time"] == item.event_time
        assert item.key.event_source != "offline" or item.event in OFFLINE_EVENTS
        assert NOW - 28 * 86400 <= item.event_time <= NOW + 600
        for field in ("email", "phone", "external_id"):
            for digest in body.get("user", {}).get(field, []):
                assert re.fullmatch(r"[0-9a-f]{64}", digest)
        empty = [path for path in places(body) if at(body, path) in ("", [], {}, None)]
        assert empty in ([], [("properties",)] if "timestamp" in body else [])


def check_legacy(body: Any, event_time: int) -> None:
    assert datetime.fromisoformat(body["timestamp"]).timestamp() == event_time
    user = body["context"]["user"]
    assert user
    for digest in (*user.get("emails", ()), *user.get("phone_numbers", ())):
        assert re.fullmatch(r"[0-9a-f]{64}", digest)


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


@pytest.mark.parametrize("name", MAPPERS)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_json_is_mapped_or_refused(name: str, data: st.DataObject) -> None:
    event = data.draw(st.one_of(JSON, grafted(name.partition(",")[0])))
    check(MAPPERS[name].map(event, event_id="door-1", received_at=NOW, now=NOW, explain=True))


@pytest.mark.parametrize("name", MAPPERS)
@settings(
    max_examples=120,
    deadline=None,
    # The sandbox holds no state that one event could leave for the next: its answers are checks of the body alone.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_what_is_mapped_the_sandbox_accepts(name: str, data: st.DataObject, sandbox: Sandbox) -> None:
    event = data.draw(grafted(name.partition(",")[0]))
    result = MAPPERS[name].map(event, event_id="door-1", received_at=NOW, now=NOW)
    if isinstance(result, Refused):
        return
    sandbox.configure(app_events_allowed=True)
    for item in result.items:
        told = answer(sandbox.url, item)
        assert told["code"] == 0, told["message"]


def answer(url: str, item: Item) -> Any:
    """Return what the sandbox says to a request of this one item."""
    if "timestamp" in item.body:
        path, told = "offline/track/", {"event_set_id": item.key.event_source_id, **item.body}
    else:
        path = "event/track/"
        told = {"event_source": item.key.event_source, "event_source_id": item.key.event_source_id, "data": [item.body]}
        if item.key.test_event_code:
            told["test_event_code"] = item.key.test_event_code
    headers = {"Access-Token": "t", "Content-Type": "application/json"}
    return requests.post(url + path, data=orjson.dumps(told), headers=headers, timeout=60).json()


def test_what_is_grafted_upon_does_pass() -> None:
    for source, event in REALISTIC.items():
        result = MAPPERS[source].map(event, event_id="door-1", received_at=NOW, now=NOW)
        assert isinstance(result, Mapped), result
        check(result)


def foreign_events() -> list[str]:
    """Return the calls of strangers, if they lie beside the repository, else the golden files' events."""
    for folder in Path(__file__).resolve().parents:
        corpus = folder.parent / "shared" / "corpus" / "foreign-events.jsonl"
        if corpus.is_file():
            return corpus.read_text().splitlines()
    golden = sorted((Path(__file__).parent / "golden").glob("*.json"))
    return [json.dumps(json.loads(path.read_text())["event"]) for path in golden]


@pytest.mark.parametrize("name", MAPPERS)
def test_the_calls_of_strangers_are_all_accounted_for(name: str) -> None:
    lines = foreign_events()
    assert len(lines) > 10
    mapper = MAPPERS[name]
    for line in lines:
        event = json.loads(line)
        # A fresh time, so that the rest of the call is reached too.
        for call in (event, event | {"timestamp": "2026-09-21T14:00:00Z"} if isinstance(event, dict) else event):
            check(mapper.map(call, event_id="door-1", received_at=NOW, now=NOW, explain=True))


def test_a_referrer_without_a_url_is_left_out_since_tiktok_refuses_it_alone() -> None:
    event = json.loads(json.dumps(REALISTIC["segment"]))
    del event["context"]["page"]["url"]
    result = MAPPERS["segment"].map(event, event_id="door-1", received_at=NOW, now=NOW)
    assert isinstance(result, Mapped)
    assert "page" not in result.items[0].body
    assert Fault("context.page.referrer", "is left out, since page.url is missing") in result.notes
