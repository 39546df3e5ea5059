"""Which events does a file hold, line by line?

A format is a function from an open binary file to rows, in ``FORMATS``. It reads as it goes and holds
one line at a time, so a file may be of any size, or a pipe.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NoReturn

#: Above every limit a destination may sensibly have; a longer line is skipped without being held.
MAX_LINE_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Row:
    """One line that is not blank.

    Attributes:
        line: its number, from 1.
        end: how many bytes of the file end with it.
        raw: the line as it stands, or None if it was too long to hold.
        event: the event in it, or None.
        fault: the rule that it breaks where there is no event, never its text.
    """

    line: int
    end: int
    raw: bytes | None = field(repr=False)
    event: dict[str, Any] | None = field(repr=False)
    fault: str = ""


def read_jsonl(file: BinaryIO, *, from_line: int = 1) -> Iterator[Row]:
    """Yields the rows of a file of JSON Lines: one JSON object a line, in UTF-8."""
    line = end = 0
    while raw := file.readline(MAX_LINE_BYTES):
        line += 1
        end += len(raw)
        too_long = len(raw) == MAX_LINE_BYTES and not raw.endswith(b"\n")
        while too_long and (more := file.readline(MAX_LINE_BYTES)):
            end += len(more)
            if more.endswith(b"\n"):
                break
        if line < from_line or not raw.strip():
            continue
        if too_long:
            yield Row(line, end, None, None, f"longer than {MAX_LINE_BYTES} bytes")
            continue
        event, fault = _parsed(raw)
        yield Row(line, end, raw, event, fault)


#: What ``--format`` may be.
FORMATS: dict[str, Callable[..., Iterator[Row]]] = {"jsonl": read_jsonl}


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
