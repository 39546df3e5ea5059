"""How is an event mended by a person who may not see it whole: one `path = value` a line?"""

from __future__ import annotations

import difflib
import json
from itertools import zip_longest
from typing import Any

import orjson

from worker.layout import spelled_out

_MOST_SETTINGS = 100
_MOST_STEPS = 50


class MendingError(ValueError):
    """Lines that say nothing that can be done. `line` counts from 1; the text names the rule and no value."""

    def __init__(self, line: int, rule: str) -> None:
        super().__init__(f"line {line}: {rule}")
        self.line = line
        self.rule = rule


def mended(payload: bytes, settings: str) -> Any:
    """Return the event of `payload` with each line's `path = value` done to it: JSON, else text; nothing removes.

    Raises:
        MendingError: a line is none of this kind, or its path leads through something that holds no fields.
        JSONDecodeError: the payload is not JSON.
    """
    result = orjson.loads(payload)
    lines = [(number, line) for number, line in enumerate(settings.splitlines(), 1) if line.strip()]
    for number, line in lines[: _MOST_SETTINGS + 1]:
        if number > _MOST_SETTINGS:
            raise MendingError(number, f"at most {_MOST_SETTINGS} at once")
        path, sign, value = line.partition("=")
        if not sign or not path.strip():
            raise MendingError(number, "must be `path = value`")
        steps = path.strip().split(".", _MOST_STEPS)
        if len(steps) > _MOST_STEPS:
            raise MendingError(number, f"at most {_MOST_STEPS} steps deep")
        _set(result, steps, value.strip(), number)
    return result


def _set(event: Any, steps: list[str], value: str, number: int) -> None:
    holder = event
    for step in steps[:-1]:
        holder = holder.setdefault(step, {}) if isinstance(holder, dict) else holder[_place(holder, step, number)]
    last = steps[-1]
    if isinstance(holder, dict):
        if value:
            holder[last] = _read(value)
        else:
            holder.pop(last, None)
    elif isinstance(holder, list) and value and last == str(len(holder)):
        holder.append(_read(value))
    else:
        place = _place(holder, last, number)
        if value:
            holder[place] = _read(value)
        else:
            del holder[place]


def _place(holder: Any, step: str, number: int) -> int:
    if not isinstance(holder, list):
        raise MendingError(number, f"the path leads through something that has no field `{step}`")
    if not step.isascii() or not step.isdigit() or int(step[:9]) >= len(holder):
        raise MendingError(number, f"the list there has {len(holder)} entries, counted from 0")
    return int(step)


def _read(value: str) -> Any:
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def for_an_editor(event: Any) -> str:
    """Return an event as text to be edited: indented, with everything that cannot be seen as an escape."""
    return spelled_out(json.dumps(event, ensure_ascii=False, indent=2))


def difference(before: Any, after: Any) -> list[str]:
    """Return the lines of a unified diff between two events, without its head."""
    lines = difflib.unified_diff(
        for_an_editor(before).splitlines(), for_an_editor(after).splitlines(), lineterm="", n=3
    )
    return list(lines)[2:]


def changed_places(before: Any, after: Any, path: str = "") -> list[str]:
    """Return where two events differ, without what stands there."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys = [*before, *(key for key in after if key not in before)]
        pairs = [(key, before.get(key, _ABSENT), after.get(key, _ABSENT)) for key in keys]
    elif isinstance(before, list) and isinstance(after, list):
        pairs = [
            (str(number), each, other)
            for number, (each, other) in enumerate(zip_longest(before, after, fillvalue=_ABSENT))
        ]
    else:
        return [] if before == after and type(before) is type(after) else [path or "$"]
    return [place for key, old, new in pairs for place in changed_places(old, new, f"{path}.{key}" if path else key)]


_ABSENT = object()
