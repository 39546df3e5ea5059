"""Single places of an event are set without seeing it, and what can not be seen is spelled out."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from schemas import Fault
from worker.layout import MOST_CHARACTERS, MOST_LINES, lay_out
from worker.mending import MendingError, changed_places, difference, for_an_editor, mended

EVENT: dict[str, Any] = {"a": {"b": 1}, "list": [{"c": 1}, {"c": 2}], "text": "x"}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("", EVENT),
        ("a.b = 2", {**EVENT, "a": {"b": 2}}),
        ('a.b = "2"', {**EVENT, "a": {"b": "2"}}),
        ("a.b = USD", {**EVENT, "a": {"b": "USD"}}),
        ("a.b =", {**EVENT, "a": {}}),
        ("new.deep = true", {**EVENT, "new": {"deep": True}}),
        ("list.1.c = a = b", {**EVENT, "list": [{"c": 1}, {"c": "a = b"}]}),
        ("list.0 =", {**EVENT, "list": [{"c": 2}]}),
        ("list.2 = {}", {**EVENT, "list": [*EVENT["list"], {}]}),
        ("a.b = 1\n\n text = y ", {**EVENT, "text": "y"}),
        ("gone =", EVENT),
    ],
)
def test_each_line_sets_one_place(settings: str, expected: Any) -> None:
    assert mended(orjson.dumps(EVENT), settings) == expected


@pytest.mark.parametrize(
    ("settings", "rule"),
    [
        ("a.b 2", "line 1: must be"),
        ("= 2", "line 1: must be"),
        ("a.b = 1\ntext.y = 2", "line 2: the path leads through"),
        ("list.9.c = 2", "has 2 entries"),
        ("list.x = 2", "has 2 entries"),
        (".".join("a" * 60) + " = 1", "at most 50 steps"),
        ("\n".join(["a.b = 1"] * 101), "at most 100"),
    ],
)
def test_a_line_that_can_not_be_done_is_named_without_its_value(settings: str, rule: str) -> None:
    with pytest.raises(MendingError, match=rule):
        mended(orjson.dumps(EVENT), settings)


def test_what_can_not_be_seen_is_an_escape_and_means_the_same() -> None:
    event = {"a": "\x00\x1b[31m\u202e\u2028\U000e0041é日🙂"}
    text = for_an_editor(event)
    assert json.loads(text) == event
    assert all(char.isprintable() or char == "\n" for char in text)
    assert "é日🙂" in text


def test_a_difference_names_its_places() -> None:
    after = {**EVENT, "a": {"b": True}, "list": [{"c": 1}], "new": None}
    assert changed_places(EVENT, after) == ["a.b", "list.1", "new"]
    assert changed_places({"a": 1}, {"a": True}) == ["a"]
    assert '+    "b": true' in difference(EVENT, after)
    assert difference(EVENT, EVENT) == []


def test_faults_stand_beside_their_fields_or_apart() -> None:
    faults = (Fault("list.1.c", "is wrong"), Fault("missing", "is missing"), Fault("a", "is odd"))
    found = lay_out(EVENT, faults)
    assert {line.path: line.rules for line in found.lines if line.rules} == {
        "list.1.c": ("is wrong",),
        "a": ("is odd",),
    }
    assert found.elsewhere == (faults[1],)
    assert json.loads("".join(line.text for line in found.lines)) == EVENT


def test_an_enormous_event_is_cut_with_a_note() -> None:
    found = lay_out({"long": "x" * 100_000, "many": list(range(10_000))})
    assert len(found.lines) == MOST_LINES
    assert found.cut == 10_005 - MOST_LINES
    assert len(found.lines[1].text) < MOST_CHARACTERS + 50
    assert "(100002 characters)" in found.lines[1].text


def test_an_event_nested_too_deep_is_cut() -> None:
    depth = 900
    assert any(line.text == "…" for line in lay_out(orjson.loads(b"[" * depth + b"]" * depth)).lines)
