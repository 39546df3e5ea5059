"""Does the fast way accept, refuse and yield exactly what plain marshmallow does?"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from marshmallow import INCLUDE, Schema, ValidationError, fields, missing, post_load, validate

from schemas import Mapper, MappingSettings, Rule, contract
from schemas.compiled import accepting
from schemas.fields import Choice, Flag, Identifiers, Integer, Number, Object, Plain, Sequence, Share, Text, Timestamp
from tiktok_events.text import EDGES

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))
NOW = 1_790_000_000.0

JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=-(10**40), max_value=10**40),
    st.floats(),
    st.text(st.characters(codec=None), max_size=6),
    st.sampled_from(["", " ", "\ufeff", "\ud800", "\x00", "1,234", "12,30", "N/A", "20260131", [], {}, [[]], [None]]),
    st.lists(st.one_of(st.none(), st.integers(), st.text(max_size=3)), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)
PLAUSIBLE: dict[type, list[Any]] = {
    Text: ["x", " trimmed\u200b", 7, 12.0, 1.5, "", None, "🍵 שלום"],
    Number: [0, -1, 12.5, "12,30", " 1.234,56 ", "1e3", None, ""],
    Share: [0, 1, 0.5, "0.25", None],
    Integer: [0, 3, 2.0, "2", "", None],
    Flag: [True, False, "TRUE", " 0 ", 1, 0, None],
    Timestamp: [1_789_999_000, 1_789_999_000_123, "2026-09-21T14:00:00Z", "2026-09-21 14:00:00 +0200", "1789999000"],
    Identifiers: ["ada@example.com", 7, ["a", None, " b "], [], [None, ""], None, "0" * 64],
}


def values_of(field: Any) -> st.SearchStrategy[Any]:
    """Return what a field mostly accepts: its kind decides, so that a new field is drawn without a word here."""
    if isinstance(field, Object):
        return st.one_of(events_of(field.schema), events_of(field.schema), st.sampled_from([None, {}, ""]))
    if isinstance(field, Sequence):
        return st.lists(values_of(field.inner), max_size=3)
    if isinstance(field, Choice):
        allowed = sorted(field.allowed)[:3]
        return st.sampled_from([*allowed, f" {allowed[0]} ", allowed[-1].lower(), allowed[0].upper(), None, ""])
    return st.sampled_from(PLAUSIBLE[type(field)])


def events_of(schema: Schema) -> st.SearchStrategy[dict[str, Any]]:
    every = {name: values_of(field) for name, field in schema.fields.items()}
    required = {name: every.pop(name) for name, field in schema.fields.items() if field.required}
    return st.fixed_dictionaries(required, optional={**every, "unknown": JUNK})


PLAUSIBLE_EVENTS = events_of(contract.Event())


@st.composite
def spoiled(draw: st.DrawFn) -> dict[str, Any]:
    """Put anything in one to three places of a plausible event, or take what is there away."""
    event = draw(PLAUSIBLE_EVENTS)
    for _ in range(draw(st.integers(1, 3))):
        holder: Any = event
        while True:
            if not holder:
                break
            step = draw(st.sampled_from(list(holder) if isinstance(holder, dict) else list(range(len(holder)))))
            below = holder[step]
            if not isinstance(below, dict | list) or draw(st.booleans()):
                holder[step] = draw(JUNK)
                if isinstance(holder, dict) and draw(st.booleans()):
                    del holder[step]
                break
            holder = below
    return event


ANY = st.dictionaries(st.sampled_from([*contract.Event().fields, "other"]), JUNK, max_size=6)


def same(fast: object, slow: object) -> None:
    # The repr tells 1 from 1.0 and True, and the order of keys.
    assert repr(fast) == repr(slow)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(event=st.one_of(PLAUSIBLE_EVENTS, spoiled(), ANY))
def test_loads_what_marshmallow_loads(event: dict[str, Any]) -> None:
    same(contract.load(event), contract.load_by_marshmallow(event))


def kinds(schema: Schema) -> dict[str, Plain]:
    """Return a field of every kind that the schema has, at any depth, and every choice."""
    found: dict[str, Plain] = {}
    for name, field in schema.fields.items():
        assert isinstance(field, Plain)
        inner = field.inner if isinstance(field, Sequence) else field
        if isinstance(inner, Object):
            found |= kinds(inner.schema)
        for each in (field, inner):
            found[f"{type(each).__name__} {name}" if isinstance(each, Choice) else type(each).__name__] = each
    return found


KINDS = {name: field for name, field in kinds(contract.Event()).items() if field.usual}
NEAR = st.one_of(
    JUNK,
    st.sampled_from([value for values in PLAUSIBLE.values() for value in values]),
    st.integers(-(2**65), 2**65),
    st.sampled_from([-(2**63), -(2**63) - 1, 2**63 - 1, 2**63, -0.0, 1e308, float("nan"), float("inf"), -1.0, 1.0]),
    st.text(st.characters(max_codepoint=0x2100, codec="utf-8"), max_size=3),
    st.sampled_from([edge + text + end for edge in EDGES for text in ("", "x") for end in ("", edge)]),
)


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_what_a_kind_says_of_the_usual_value_is_what_its_rule_says(name: str, data: st.DataObject) -> None:
    field = KINDS[name]
    value = data.draw(st.one_of(NEAR, values_of(field)).filter(lambda value: value is not None))
    assert field.usual is not None
    condition, becomes = (text.format(field="field") for text in field.usual)
    known = {"field": field, "value": value, "missing": missing}
    if eval(condition, known):
        try:
            expected = field.accept(value)
        except ValidationError:
            with pytest.raises(ValidationError):
                eval(becomes, known)
        else:
            same(eval(becomes, known), expected)


@pytest.mark.parametrize("name", [name for name in KINDS if name.startswith("Choice")])
def test_every_choice_is_accepted_as_it_is_written(name: str) -> None:
    field = KINDS[name]
    assert isinstance(field, Choice)
    assert all(field.accept(each) == each for each in field.allowed)


class Doubled(Number):
    """A kind with a rule of its own, and no word on the usual value."""

    def read(self, value: Any) -> int | float:
        return 2 * super().read(value)


def test_a_kind_with_a_rule_of_its_own_inherits_no_short_cut() -> None:
    class Both(Schema):
        class Meta:
            unknown = "exclude"

        once = Number()
        twice = Doubled()
        listed = Sequence(Doubled())

    assert accepting(Both())({"once": 2, "twice": 2, "listed": [2]}) == {"once": 2, "twice": 4, "listed": [4]}


def refuse_the_slow_way(_plain: object) -> None:
    raise AssertionError("marshmallow was asked about an event that breaks no rule")


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("properties", "value", "12,30"),
        ("properties", "order_id", 7),
        ("properties", "contents", [{"price": "9.90", "quantity": "2", "content_id": 7}, None, {}]),
        ("properties", "content_ids", "a"),
        ("properties", "currency", "usd"),
        ("user", "email", [" ada@example.com", None]),
        ("user", "phone", 12015550123),
        ("ad", "is_retargeting", "true"),
        ("page", "url", ""),
    ],
)
def test_common_coercions_take_the_fast_way(
    part: str, field: str, value: Any, monkeypatch: pytest.MonkeyPatch, plain: dict[str, Any]
) -> None:
    event = {**plain, "event_time": "2026-09-21T14:00:00Z", part: {field: value}}
    expected = contract.load_by_marshmallow(event)
    monkeypatch.setattr(contract, "load_by_marshmallow", refuse_the_slow_way)
    same(contract.load(event), expected)


def test_what_the_fast_way_refuses_marshmallow_explains(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(contract, "load_by_marshmallow", lambda plain: asked.append(plain) or ({}, ["explained"]))
    assert contract.load({"event": "Purchase"}) == ({}, ["explained"])
    assert asked == [{"event": "Purchase"}]


MAPPERS = [
    MappingSettings(source="segment", event_source_id="1", default_region="US"),
    MappingSettings(source="segment", event_source_id="1", event_source="web"),
    MappingSettings(source="tiktok", event_source_id="1", web_fields="drop"),
    MappingSettings(
        source="segment",
        event_source_id="1",
        mappings=(Rule(event="Contact", fields={"properties.value": "properties.total", "user.email": "userId"}),),
    ),
]


def strangers() -> list[Any]:
    """Return the golden files' events, and the calls of strangers if they lie beside the repository."""
    events = [json.loads(path.read_text())["event"] for path in GOLDEN]
    for folder in Path(__file__).resolve().parents:
        corpus = folder.parent / "shared" / "corpus" / "foreign-events.jsonl"
        if corpus.is_file():
            return events + [json.loads(line) for line in corpus.read_text().splitlines()]
    return events


@pytest.mark.parametrize("setting", MAPPERS, ids=lambda setting: f"{setting.source}-{setting.event_source}")
def test_maps_what_marshmallow_maps(setting: MappingSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    mapper = Mapper(setting)
    events = strangers()

    def mapped() -> list[str]:
        # A fresh time beside the one they have, so that the rest of an old call is reached too.
        both = [call for event in events for call in (event, {**event, "timestamp": "2026-09-21T14:00:00Z"})]
        return [repr(mapper.map(event, event_id="door-1", received_at=NOW, now=NOW, explain=True)) for event in both]

    fast = mapped()
    monkeypatch.setattr(contract, "load", contract.load_by_marshmallow)
    assert fast == mapped()


class Plainly(Schema):
    class Meta:
        unknown = "exclude"


class Hooked(Plainly):
    name = Text()

    @post_load
    def change(self, data: Any, **_: Any) -> Any:
        return data


class Renamed(Plainly):
    name = Text(data_key="Name")


class Validated(Plainly):
    name = Text(validate=validate.Length(max=3))


class Foreign(Plainly):
    name = fields.String()


class Nested(Plainly):
    inside = Sequence(Object(Foreign))


class Including(Schema):
    class Meta:
        unknown = INCLUDE


@pytest.mark.parametrize("schema", [Hooked, Renamed, Validated, Foreign, Nested, Including])
def test_a_schema_that_only_marshmallow_understands_is_refused_at_once(schema: Callable[[], Schema]) -> None:
    with pytest.raises(TypeError, match=r"only marshmallow knows|no kind of field"):
        accepting(schema())
