"""Which second did an event happen in, whatever form the source wrote it in?"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

from tiktok_events.text import EDGES

# Below this a number counts seconds (until the year 5138), up to the next one milliseconds.
_FIRST_MILLISECONDS = 10**11
_FIRST_TOO_LARGE = 10**14

# Eight digits are a date (20260131): read as seconds they would all lie in 1970.
_NUMERIC = re.compile(r"[+-]?\d{1,7}(?:\.\d*)?|[+-]?\d{9,14}(?:\.\d*)?", re.ASCII)
# What databases export: `2026-01-31 10:00:00 UTC`, `2026-01-31 10:00:00.000 +0100`.
_SPACED_ZONE = re.compile(r" (?:UTC|GMT)$| (?=[+-]\d{2}:?\d{2}$)", re.ASCII)

RULE = "must be an ISO 8601 time or a Unix time in seconds or milliseconds"


class NotATimeError(ValueError):
    """A value that cannot be read as a time. Its message is a rule and never holds the value."""


def read_time(value: object) -> int:
    """Return Unix seconds, rounded down; see :func:`read_moment`. Raises NotATimeError."""
    return math.floor(read_moment(value))


def read_moment(value: object) -> float:
    """Return Unix seconds, with their fraction, of an ISO 8601 text or of a number or numeric text.

    Numbers count seconds, or milliseconds from 100,000,000,000 on. A text without zone is UTC, a date alone its first
    second. Raises NotATimeError, also for booleans.
    """
    if type(value) is int or type(value) is float:
        return _from_number(value)
    if type(value) is not str:
        raise NotATimeError(RULE)
    text = value.strip(EDGES)
    # The usual end of a time, which no number has: told without asking for one.
    if text[-1:] != "Z" and _NUMERIC.fullmatch(text):
        return _from_number(float(text))
    try:
        moment = _moment(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise NotATimeError(RULE) from None


def lacks_zone(value: object) -> bool:
    """Say whether a value that `read_time` accepts is a text that names no zone, so that UTC had to be assumed."""
    if type(value) is not str:
        return False
    text = value.strip(EDGES)
    # The usual end of a time, told without reading it again (0.1 instead of 0.9 µs).
    if text.endswith("Z"):
        return False
    return _NUMERIC.fullmatch(text) is None and _moment(text).tzinfo is None


def _moment(text: str) -> datetime:
    if " " in text:
        text = _SPACED_ZONE.sub(lambda found: "Z" if found[0].strip() else "", text)
    return datetime.fromisoformat(text)


def _from_number(number: float) -> float:
    if not -_FIRST_TOO_LARGE < number < _FIRST_TOO_LARGE:
        raise NotATimeError(RULE)
    return number / 1000 if abs(number) >= _FIRST_MILLISECONDS else number
