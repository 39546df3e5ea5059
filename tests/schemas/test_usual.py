"""Does the short cut make of an event what the mapper's steps make of it?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas import Mapped, Mapper, MappingSettings, Rule
from schemas.contract import TARGETS, Content, Event
from schemas.paths import Parts, parts_of
from schemas.sources import amperity_columns, segment_fields
from schemas.sources.one_pass import Elements, Table, one_pass
from schemas.sources.reading import FieldSource, from_paths
from schemas.sources.segment_presets import PRESETS

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))
NOW = 1_790_000_000.0
SETTINGS = {
    "segment": MappingSettings(source="segment", event_source_id="1", default_region="US"),
    "segment, web": MappingSettings(source="segment", event_source_id="{{userId}}", event_source="web"),
    "segment, crm": MappingSettings(source="segment", event_source_id="1", event_source="crm", event_names="legacy"),
    "segment, legacy": MappingSettings(source="segment", event_source_id="1", kind="offline"),
    "segment, renamed": MappingSettings(
        source="segment",
        event_source_id="1",
        accept_external_id=True,
        mappings=(Rule(event="Contact", when="type == 'track'"), Rule(event="Lead", when="properties.value > `10`")),
    ),
    "tiktok": MappingSettings(source="tiktok", event_source_id="1"),
    "tiktok, app": MappingSettings(source="tiktok", event_source_id="1", event_source="app"),
    "tiktok, legacy": MappingSettings(source="tiktok", event_source_id="1", kind="offline", test_event_code=None),
    "tiktok, renamed": MappingSettings(source="tiktok", event_source_id="1", mappings=(Rule(event="Contact"),)),
    "amperity": MappingSettings(source="amperity", event_source_id="1", default_region="DE"),
    "amperity, web": MappingSettings(source="amperity", event_source_id="{{event_set_id}}", event_source="web"),
}
PATHS: dict[str, list[Parts]] = {
    "segment": [path for field in segment_fields.FIELDS for path in field.paths]
    + [("properties", *path) for field in segment_fields.PRODUCT_FIELDS for path in field.paths]
    + [("properties", "products", "0", *path) for field in segment_fields.PRODUCT_FIELDS for path in field.paths],
    "tiktok": [parts_of(target) for target in sorted(TARGETS)]
    + [("properties", "contents", "0", field) for field in Content().fields],
    "amperity": [path for field in amperity_columns.COLUMNS for path in field.paths]
    + [(column,) for column in amperity_columns.PRODUCT_COLUMNS]
    + [("contents", "0", column) for column in amperity_columns.PRODUCT_COLUMNS]
    + [("event_set_id",), ("event_source",)],
}
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=3),
    st.sampled_from(
        ["", " ", "\ufeff", "\ud800", "x\u200b", "1", "12,30", "usd", {}, [], [None], [""], ["a", "b"], [{}]]
    ),
)
USUAL: dict[str, Any] = {
    "segment": {
        "type": "track",
        "event": "Order Completed",
        "messageId": "m-1",
        "timestamp": "2026-09-21T14:00:00Z",
        "userId": "u-1",
        "context": {
            "traits": {"email": "Ada@Example.com", "phone": "+12015550123"},
            "ip": "203.0.113.7",
            "userAgent": "agent",
            "page": {"url": "https://shop.example/thanks"},
        },
        "properties": {
            "value": 12.5,
            "currency": "USD",
            "lead_id": "l-1",
            "products": [{"product_id": "p-1", "price": 2, "quantity": 1}],
        },
    },
    "tiktok": {
        "event": "Purchase",
        "event_id": "e-1",
        "event_time": 1_789_999_000,
        "user": {"email": "ada@example.com", "phone": ["+12015550123", "+12015550124"], "first_name": "Ada"},
        "properties": {"contents": [{"price": 2, "content_id": "p-1"}], "content_ids": ["p-1"], "value": 2},
        "page": {"url": "https://shop.example/thanks"},
        "app": {"app_id": "a-1"},
        "lead": {"lead_id": "l-1"},
    },
    "amperity": {
        "event": "Purchase",
        "event_id": "e-1",
        "event_set_id": "1",
        "event_source": "",
        "timestamp": "2026-09-21T14:00:00Z",
        "email": "ada@example.com",
        "phone": "+4930901820",
        "page_url": "https://shop.example/?ttclid=click-1",
        "value": "12.50",
        "currency": "EUR",
        "price": "12.50",
        "quantity": "1",
        "content_id": "p-1",
    },
}


@st.composite
def events(draw: st.DrawFn, source: str) -> dict[str, Any]:
    """Draw a usual event in which up to four places have something else, or nothing."""
    event = json.loads(json.dumps(USUAL[source]))
    if source == "segment" and draw(st.booleans()):
        preset = draw(st.sampled_from(PRESETS))
        event |= {"type": preset.call, "event": preset.trigger}
    for path in draw(st.lists(st.sampled_from(PATHS[source]), max_size=4)):
        holder: Any = event
        # Now and then it is what holds the place that is changed.
        *steps, last = path[: draw(st.integers(1, len(path)))] if draw(st.integers(0, 5)) == 0 else path
        for step in steps:
            if isinstance(holder, list):
                holder = holder[0] if step == "0" and holder else None
            elif isinstance(holder, dict):
                holder = holder.setdefault(step, {})
        if isinstance(holder, dict):
            if draw(st.integers(0, 4)) == 0:
                holder.pop(last, None)
            else:
                holder[last] = draw(ODD)
    return event


def both(mapper: Mapper, event: Any) -> tuple[str, str]:
    """Return what comes by the short cut, where there is one, and by the steps; the repr tells 1 from 1.0 and True."""
    found = mapper.map(event, event_id="door-1", received_at=NOW, now=NOW)
    if isinstance(event, dict):
        slow = mapper.map_in_steps(event, event_id="door-1", received_at=NOW, now=NOW)
        if isinstance(found, Mapped) and isinstance(slow, Mapped):
            # Their reprs leave out what a person wrote.
            assert repr([(item.event_id, item.body) for item in found.items]) == repr(
                [(item.event_id, item.body) for item in slow.items]
            )
        return repr(found), repr(slow)
    return "", ""


@pytest.mark.parametrize("name", SETTINGS)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_makes_what_the_steps_make(name: str, data: st.DataObject) -> None:
    setting = SETTINGS[name]
    found, expected = both(Mapper(setting), data.draw(events(setting.source)))
    assert found == expected


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_makes_what_the_steps_make_of_the_golden_events(path: Path) -> None:
    event = json.loads(path.read_text())["event"]
    for setting in SETTINGS.values():
        found, expected = both(Mapper(setting), event)
        assert found == expected


class WasTakenError(Exception):
    """The steps were taken."""


@pytest.mark.parametrize("name", SETTINGS)
def test_a_usual_event_goes_the_short_way(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mapper = Mapper(SETTINGS[name])
    event = USUAL[SETTINGS[name].source]
    expected = mapper.map_in_steps(event, event_id="door-1", received_at=NOW, now=NOW)
    assert isinstance(expected, Mapped)
    if name == "segment, renamed":
        # Two mappings ask for it.
        event = {**event, "properties": {**event["properties"], "value": 9}}

    def refuse(*_: object, **__: object) -> None:
        raise WasTakenError

    monkeypatch.setattr(mapper, "map_in_steps", refuse)
    found = mapper.map(event, event_id="door-1", received_at=NOW, now=NOW)
    assert isinstance(found, Mapped)
    with pytest.raises(WasTakenError):
        mapper.map(event, event_id="door-1", received_at=NOW, now=NOW, explain=True)


@pytest.mark.parametrize(
    "setting",
    [
        MappingSettings(source="tiktok", event_source_id="1", web_fields="drop"),
        MappingSettings(
            source="tiktok", event_source_id="1", mappings=(Rule(event="Contact", fields={"user.ttp": "x"}),)
        ),
        MappingSettings(source="commanders_act", event_source_id="1", mappings=(Rule(event="Contact"),)),
    ],
    ids=["web fields are dropped", "a mapping fills fields", "a source without a short cut"],
)
def test_what_the_short_cut_knows_nothing_of_goes_by_the_steps(setting: MappingSettings) -> None:
    found, expected = both(Mapper(setting), USUAL["tiktok"])
    assert found == expected


def test_a_table_with_a_path_into_a_list_has_no_pass() -> None:
    with pytest.raises(TypeError, match="goes into a list"):
        one_pass(Event(), Table((FieldSource("event", from_paths("a.0.b")),)), name="test")


@pytest.mark.parametrize(
    "table",
    [
        Table((FieldSource("user.nickname", from_paths("nick")),)),
        Table((), elements={"products": Elements(("products",), ())}),
        Table((), elements={"properties.value": Elements(("products",), ())}),
    ],
    ids=["a field", "a list", "a list where the contract has none"],
)
def test_a_table_with_what_the_contract_lacks_has_no_pass(table: Table) -> None:
    with pytest.raises(TypeError, match="the contract has no"):
        one_pass(Event(), table, name="test")
