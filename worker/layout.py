"""How is an event laid out line by line for a page, with what was found beside each of its fields?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schemas import Fault

MOST_LINES = 2_000
MOST_CHARACTERS = 400
"""A line's value is cut behind so many: the page has to stay one."""
_MOST_DEPTH = 60

_UNSEEN = re.compile(r"[^\x20-\x7e\n]")


@dataclass(frozen=True, slots=True)
class Line:
    """One line: how deep it stands, its text as JSON, the place it shows ("" for a bracket), and its rules."""

    depth: int
    text: str
    path: str = ""
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """The lines of one event; `elsewhere` are the faults whose place the event has not; `cut` lines are not shown."""

    lines: tuple[Line, ...]
    elsewhere: tuple[Fault, ...]
    cut: int


def lay_out(event: Any, faults: Sequence[Fault] = ()) -> Layout:
    """Return `event` in lines. Each fault stands beside its field; one about a missing field stands apart."""
    rules: dict[str, list[str]] = {}
    for fault in faults:
        rules.setdefault(fault.path, []).append(fault.rule)
    lines = list(_lines(event, "", "", rules, depth=0, comma=""))
    shown = {line.path for line in lines}
    elsewhere = tuple(fault for fault in faults if fault.path not in shown or not fault.path)
    return Layout(tuple(lines[:MOST_LINES]), elsewhere, max(0, len(lines) - MOST_LINES))


def _lines(
    value: Any, key: str, path: str, rules: Mapping[str, Sequence[str]], *, depth: int, comma: str
) -> Iterator[Line]:
    label = f"{_text(key)}: " if key else ""
    found = tuple(rules.get(path, ())) if path else ()
    if depth > _MOST_DEPTH:
        yield Line(depth, "…")
        return
    if not isinstance(value, dict | list) or not value:
        yield Line(depth, label + _text(value) + comma, path, found)
        return
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    yield Line(depth, label + opening, path, found)
    members = list(value.items()) if isinstance(value, dict) else [("", each) for each in value]
    for number, (name, each) in enumerate(members):
        step = name if isinstance(value, dict) else str(number)
        below = f"{path}.{step}" if path else step
        yield from _lines(each, name, below, rules, depth=depth + 1, comma="," if number < len(members) - 1 else "")
    yield Line(depth, closing + comma)


def _text(value: Any) -> str:
    text = spelled_out(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}… ({len(text)} characters)"


def spelled_out(encoded: str) -> str:
    """Return JSON with everything that cannot be seen as `\\u` escapes: it means the same and hides nothing."""
    return _UNSEEN.sub(_escape, encoded)


def _escape(found: re.Match[str]) -> str:
    char = found[0]
    return char if char.isprintable() else json.dumps(char)[1:-1]
