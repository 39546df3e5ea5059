"""Which events may be stored, and as which bytes."""

from __future__ import annotations

import datetime
import decimal
import enum
import json
import uuid
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiktok_events import EnqueueError, EventTooLarge, InvalidEvent, encoding
from tiktok_events.encoding import encode_event
from tiktok_events.identity import event_identity


@pytest.fixture(params=["orjson", "standard library"])
def encoder(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every rule holds with orjson beside it, and without."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "standard library":
            patch.setattr(encoding, "_encode_fast", lambda _: None)
        yield


def nested(levels: int) -> dict[str, Any]:
    event: dict[str, Any] = {}
    for _ in range(levels - 1):
        event = {"a": event}
    return event


def cyclic() -> dict[str, Any]:
    event: dict[str, Any] = {}
    event["left"] = event["right"] = event
    return event


@pytest.mark.usefixtures("encoder")
def test_json_is_compact_and_utf_8() -> None:
    event = {"name": "Żółć 🎲", "n": 1.5, "list": (1, None, True)}
    assert encode_event(event, max_bytes=1000) == '{"name":"Żółć 🎲","n":1.5,"list":[1,null,true]}'.encode()


@pytest.mark.usefixtures("encoder")
@pytest.mark.parametrize(
    ("event", "message"),
    [
        (None, "an event is a dict, not NoneType"),
        ([], "an event is a dict, not list"),
        ('{"a":1}', "an event is a dict, not str"),
        ({"a": {"b": [1, float("nan")]}}, "event.a.b[1]: not a finite number"),
        ({"a": float("-inf")}, "event.a: not a finite number"),
        ({"a": "x\ud800"}, "event.a: the text holds half of a surrogate pair"),
        ({"\udfff": 1}, "event: a key holds half of a surrogate pair"),
        ({"a": b"x"}, "event.a: bytes has no form in JSON; convert it to text or a number"),
        ({"a": {1, 2}}, "event.a: set has no form in JSON; convert it to text or a number"),
        (
            {"at": datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)},
            "event.at: datetime has no form in JSON; convert it to text or a number",
        ),
        (
            {"a": [decimal.Decimal("1")]},
            "event.a[0]: Decimal has no form in JSON; convert it to text or a number",
        ),
        ({(1, 2): 3}, "event: a key is tuple; it must be text"),
    ],
)
def test_what_json_cannot_hold_is_refused_with_place_and_rule(event: Any, message: str) -> None:
    with pytest.raises(InvalidEvent) as caught:
        encode_event(event, max_bytes=1000)
    assert str(caught.value) == message


@pytest.mark.usefixtures("encoder")
def test_a_hundred_levels_are_allowed_and_one_more_is_not() -> None:
    assert encode_event(nested(100), max_bytes=10_000)
    with pytest.raises(InvalidEvent, match="nested deeper than 100 levels"):
        encode_event(nested(101), max_bytes=10_000)


@pytest.mark.usefixtures("encoder")
def test_many_brackets_side_by_side_are_not_deep() -> None:
    event = {"products": [{"a": []} for _ in range(500)]}
    assert json.loads(encode_event(event, max_bytes=100_000)) == event


@pytest.mark.usefixtures("encoder")
@pytest.mark.parametrize("event", [cyclic(), nested(5_000)], ids=["cycle", "5,000 levels"])
def test_endless_and_abysmal_events_are_refused(event: dict[str, Any]) -> None:
    with pytest.raises(InvalidEvent, match="nested deeper than 100 levels"):
        encode_event(event, max_bytes=1_000_000)


@pytest.mark.usefixtures("encoder")
def test_the_size_limit_counts_bytes_and_includes_its_bound() -> None:
    event = {"a": "ä" * 10}
    size = len('{"a":""}') + 20
    assert len(encode_event(event, max_bytes=size)) == size
    with pytest.raises(EventTooLarge, match=f"{size} bytes of JSON; {size - 1} are allowed"):
        encode_event(event, max_bytes=size - 1)


@pytest.mark.usefixtures("encoder")
@pytest.mark.parametrize(
    "event",
    [
        {"ada@example.com": {"x": b"ada@example.com"}},
        {"+491511234567": b""},
        {"phone491511234567": b""},
        {"email": "ada@example.com", "bad": float("nan")},
        {"email": "ada@example.com\ud800"},
        {"pad": "ada@example.com" * 100},
    ],
)
def test_no_refusal_shows_a_value_or_a_key_that_may_be_one(event: dict[Any, Any]) -> None:
    with pytest.raises(EnqueueError) as caught:
        encode_event(event, max_bytes=500)
    for shown in (str(caught.value), repr(caught.value)):
        assert "ada" not in shown
        assert "4915" not in shown
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


ANY_TEXT = st.text(st.characters(categories=None))
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT | st.binary(),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(ANY_TEXT, inner, max_size=6),
)


@given(st.dictionaries(ANY_TEXT | st.sampled_from(["event_id", "messageId"]), ANYTHING))
def test_any_dict_is_stored_as_it_is_or_refused(event: dict[str, Any]) -> None:
    try:
        encoded = encode_event(event, max_bytes=1_000_000)
    except InvalidEvent:
        return
    assert json.loads(encoded) == event
    assert 0 < len(event_identity(event)) <= 256
    # The worker computes the id of a raw entry from what it decoded.
    assert event_identity(json.loads(encoded)) == event_identity(event)


class _Colour(enum.Enum):
    RED = "red"


class _Size(str, enum.Enum):
    LARGE = "large"


class _Text(str):
    __slots__ = ()


DOUBTFUL = [
    {"a": uuid.UUID(int=7)},
    {"a": _Colour.RED},
    {"a": _Size.LARGE},
    {"a": _Text("x")},
    {_Text("a"): 1},
    {"a": (1, (2,))},
    {"a": OrderedDict(b=1)},
    OrderedDict(a=float("nan")),
    {"a": float("nan"), "b": None},
    {"a": [None, {"b": float("inf")}]},
    {"a": 2**64},
    {"a": -(2**70)},
    {1: 2, None: 3, False: 4, 1.5: 5},
    {"a": 1e16, "b": 1e-7, "c": -0.0, "d": 1e22, "e": 5e-324},
    {"a": datetime.date(2026, 1, 1)},
    {"a": "\ud800"},
    {"a": '\x00\x7f\u2028\n\r\t"\\/'},
    nested(100),
    nested(101),
    nested(300),
]


def outcome(event: dict[Any, Any]) -> object:
    try:
        return json.loads(encode_event(event, max_bytes=1_000_000))
    except InvalidEvent as error:
        return str(error)


@pytest.mark.parametrize("event", DOUBTFUL, ids=range(len(DOUBTFUL)))
def test_what_may_be_sent_does_not_depend_on_orjson(event: dict[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    found = outcome(event)
    monkeypatch.setattr(encoding, "_encode_fast", lambda _: None)
    assert found == outcome(event)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(ANY_TEXT, ANYTHING))
def test_no_event_does(event: dict[str, Any]) -> None:
    found = outcome(event)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoding, "_encode_fast", lambda _: None)
        assert found == outcome(event)


@given(st.dictionaries(ANY_TEXT, ANY_TEXT | st.lists(ANY_TEXT)))
def test_an_event_is_one_line(event: dict[str, Any]) -> None:
    try:
        assert b"\n" not in encode_event(event, max_bytes=1_000_000)
    except InvalidEvent:
        return
