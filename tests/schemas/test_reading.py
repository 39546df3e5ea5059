"""Does a generated reader find what walking every path of every field finds?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.event_sources import EVENT_SOURCES
from schemas.paths import Parts, parts_of, read
from schemas.sources import amperity_columns, commanders_act_fields, segment_fields
from schemas.sources.field_table import FieldTable
from schemas.sources.reading import FieldSource, from_paths, reader, well_placed
from tiktok_events.text import EDGES, is_blank

TABLES = {
    "segment": segment_fields.FIELDS,
    "segment product": segment_fields.PRODUCT_FIELDS,
    "commanders_act": commanders_act_fields.FIELDS,
    "commanders_act item": commanders_act_fields.ITEM_FIELDS,
    "amperity": amperity_columns.COLUMNS,
    "lists": (
        FieldSource("a", from_paths("x.0.y", "x.1", "z")),
        FieldSource("p.b", from_paths("x.0.y"), constant="c"),
        FieldSource("p.d", from_paths("z.y.x")),
    ),
}
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=4),
    st.sampled_from(["", " ", "\ufeff", "\u200b ", "\ud800", *EDGES, 0, [], {}, [None], ["", " "], [[]], [""], [1]]),
)


def by_walking(fields: Sequence[FieldSource], event: dict[str, Any]) -> dict[str, Any]:
    """Read the table as its docstring says it: the first path that is not blank, else the constant."""
    plain: dict[str, Any] = {}
    for field in fields:
        values = [value for path in field.paths if not is_blank(value := read(event, path))]
        if values or field.constant:
            part, _, name = field.target.rpartition(".")
            (plain.setdefault(part, {}) if part else plain)[name] = values[0] if values else field.constant
    return plain


@st.composite
def events(draw: st.DrawFn, paths: Sequence[Parts]) -> dict[str, Any]:
    """Put something at most of the paths, and now and then at what should hold them."""
    event: dict[str, Any] = {}
    for path in draw(st.lists(st.sampled_from(paths), max_size=2 * len(paths))):
        holder: Any = event
        for step in path[: draw(st.integers(0, len(path) - 1)) if draw(st.integers(0, 9)) == 0 else -1]:
            if isinstance(holder, list):
                holder = holder[int(step)] if step.isdigit() and int(step) < len(holder) else None
            elif isinstance(holder, dict):
                holder = holder.setdefault(step, draw(st.sampled_from([{}, {}, {}, [{}]])).copy())
        if isinstance(holder, dict):
            holder[draw(st.sampled_from(path)) if draw(st.integers(0, 9)) == 0 else path[-1]] = draw(LEAVES)
    return event


@pytest.mark.parametrize("name", TABLES)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_reads_what_walking_reads(name: str, data: st.DataObject) -> None:
    fields = TABLES[name]
    event = data.draw(events([path for field in fields for path in field.paths]))
    # The repr tells 1 from 1.0 and True.
    found, expected = reader(fields, name=name)(event), by_walking(fields, event)
    assert found == expected
    assert {repr(each) for each in leaves(found)} == {repr(each) for each in leaves(expected)}


def leaves(plain: dict[str, Any]) -> list[Any]:
    return [leaf for value in plain.values() for leaf in (leaves(value) if type(value) is dict else [value])]


def test_reads_a_new_dict_each_time_whose_parts_are_new_too() -> None:
    table = FieldTable(segment_fields.FIELDS, "web")
    event = {"messageId": "m", "userId": "u", "context": {"page": {"url": "x"}}}
    first, second = table.read(event), table.read(event)
    for part in ("user", "page", "properties"):
        first[part]["changed"] = True
        assert "changed" not in second[part]
    assert "changed" not in table.read({})["properties"]
    assert event == {"messageId": "m", "userId": "u", "context": {"page": {"url": "x"}}}


@pytest.mark.parametrize("source", EVENT_SOURCES)
def test_a_table_reads_the_fields_of_its_event_source_alone(source: Any) -> None:
    fields = (
        FieldSource("a", from_paths("x"), event_sources=(source,)),
        FieldSource("b", from_paths("x"), event_sources=tuple(each for each in EVENT_SOURCES if each != source)),
    )
    assert FieldTable(fields, source).read({"x": 1}) == {"a": 1}


CONTAINERS = tuple(parts_of(path) for path in ("a", "b", "b.c", "b.c.d"))


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_containers_are_well_placed_if_each_is_an_object_or_nothing(data: st.DataObject) -> None:
    event = data.draw(events(CONTAINERS))
    found = [read(event, path) for path in CONTAINERS]
    expected = all(each is None or type(each) is dict for each in found)
    assert well_placed(CONTAINERS, name="test")(event) is expected
