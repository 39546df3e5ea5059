"""How numbers look to a person: amounts, spans of time, the course of the last minutes."""

from __future__ import annotations

import sys
from collections.abc import Sequence

_BARS = "▁▂▃▄▅▆▇█"
_BARS_IN_ASCII = "_.:-=+*#"
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


def amount(number: int) -> str:
    """Return a count with its thousands apart."""
    return f"{number:,}"


def span(seconds: float) -> str:
    """Return how long something is, in the largest unit that it holds twice: 90 s, 12 min, 3 h."""
    for size, unit in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def bars(values: Sequence[int], *, encoding: str | None = None) -> str:
    """Return one character for each value, the highest for the largest. Zero is a blank: nothing happened.

    `encoding` is that of where it goes, default: standard output.
    """
    known = (encoding or sys.stdout.encoding or "").lower().replace("-", "")
    levels = _BARS if known.startswith("utf") else _BARS_IN_ASCII
    most = max(values, default=0)
    return "".join(levels[(value * len(levels) - 1) // most] if value > 0 else " " for value in values)
