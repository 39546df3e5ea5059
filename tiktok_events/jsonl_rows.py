"""Which events does a file of JSON Lines hold: one JSON object a line, in UTF-8?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO, NoReturn

from tiktok_events.rows import MAX_LINE_BYTES, Row, read_lines


def read_jsonl(file: BinaryIO, *, from_line: int = 1, column: str | None = None) -> Iterator[Row]:  # noqa: ARG001
    """Yields the rows from a line on; no ``column`` can be missed, for every object has its own fields."""
    for line in read_lines(file):
        if line.number < from_line or not line.raw.strip():
            continue
        if line.too_long:
            yield Row(line.number, line.end, None, None, f"longer than {MAX_LINE_BYTES} bytes")
            continue
        event, fault = _parsed(line.raw)
        yield Row(line.number, line.end, line.raw, event, fault)


def _parsed(raw: bytes) -> tuple[dict[str, Any] | None, str]:
    try:
        text = raw.decode("utf-8-sig")  # some programs write a byte order mark at the start
    except UnicodeDecodeError:
        return None, "not UTF-8"
    try:
        event = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        return None, "nested too deeply"
    except ValueError:
        return None, "not JSON"
    if not isinstance(event, dict):
        return None, "not a JSON object"
    return event, ""


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")
