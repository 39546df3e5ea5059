"""Whatever is sent, the door answers, and never with a value of an event.

`DOOR_FUZZ_EXAMPLES` sets how many inputs each test tries (default 150).
"""

from __future__ import annotations

import gzip
import json
import os
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from worker.door.problems import KINDS

CANARY = "canary.person@example.com"
STATUSES = {202, *(kind.status for kind in KINDS.values())}

hostile = settings(
    max_examples=int(os.environ.get("DOOR_FUZZ_EXAMPLES", "150")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
texts = st.one_of(
    st.text(max_size=20), st.just(CANARY), st.sampled_from(["__proto__", "{{user.email}}", "=1+1", "\x00"])
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=20,
)
known = st.sampled_from(
    ["event", "event_id", "event_time", "user", "email", "phone", "properties", "contents", "price", "value", "page",
     "url", "type", "messageId", "timestamp", "context", "traits", "currency", "limited_data_use", "test_event_code"]
)  # fmt: skip
events = st.recursive(
    st.one_of(
        st.none(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        texts,
        st.sampled_from(["Purchase", "track", "USD"]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.one_of(known, texts), inner, max_size=6)),
    max_leaves=25,
)
destinations = st.sampled_from(["app", "lax", "quiet", "hook"])
forms = st.sampled_from(["application/json", "application/x-ndjson"])
queries = st.sampled_from(["", "?validate=full", "?validate=shape"])


def check(answer: Any) -> None:
    assert answer.status_code in STATUSES
    assert answer.content_type in ("application/json", "application/problem+json")
    told = answer.get_data(as_text=True)
    assert CANARY not in told
    assert isinstance(json.loads(told), dict)


@hostile
@given(st.binary(max_size=300), st.booleans(), forms, queries)
def test_any_bytes(door: Any, sent: bytes, zipped: bool, form: str, query: str) -> None:
    headers = {"Content_Encoding": "gzip"} if zipped else {}
    check(door.post(sent, query=query, Content_Type=form, **headers))
    check(door.post(gzip.compress(sent), query=query, Content_Type=form, Content_Encoding="gzip"))


@hostile
@given(st.lists(values, max_size=4), destinations, forms, queries, st.sampled_from(["", "handling=strict"]))
def test_any_json(door: Any, sent: list[Any], destination: str, form: str, query: str, prefer: str) -> None:
    body = json.dumps(sent) if form == "application/json" else "\n".join(map(json.dumps, sent))
    answer = door.post(body, destination, query=query, Content_Type=form, Prefer=prefer)
    check(answer)
    assert len(answer.json["ids"]) == len(sent)


@hostile
@given(st.dictionaries(known, events, max_size=8), destinations, queries)
def test_any_event(door: Any, event: dict[str, Any], destination: str, query: str) -> None:
    check(door.post(json.dumps(event), destination, query=query))


@hostile
@given(
    st.dictionaries(
        st.sampled_from(["Prefer", "Idempotency_Key", "Event_Id", "Content_Type", "Content_Encoding", "Authorization",
                         "X_Signature"]),
        st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=40),
    ),
    st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#"), max_size=20),
)  # fmt: skip
def test_any_header_and_query(door: Any, headers: dict[str, str], query: str) -> None:
    check(door.post('{"event": "A"}', query=f"?validate={query}", **headers))
