"""How are times, ages and numbers shown on a page?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup, escape

from worker.cli.output import when

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def duration(seconds: float) -> str:
    """Return a length of time in its two largest units: `3 min 20 s`."""
    left = max(0, round(seconds))
    parts = []
    for size, unit in _UNITS:
        amount, left = divmod(left, size)
        if amount:
            parts.append(f"{amount} {unit}")
    return " ".join(parts[:2]) or "0 s"


def number(value: float) -> str:
    """Return a number with its thousands set apart."""
    return f"{value:,}"


def milliseconds(value: float | None) -> str:
    """Return a short time as a person says it, or a dash for none."""
    if value is None:
        return "–"
    return f"{value:.0f} ms" if value < 1000 else duration(value / 1000) if value >= 60_000 else f"{value / 1000:.1f} s"


def visible(text: object) -> str:
    """Return a text with what cannot be seen spelled out, as `\\x1b`: nothing hides on a page, or turns it around."""
    return "".join(char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in str(text))


def prose(text: str) -> Markup:
    """Return a sentence of ours with what stands between backticks as code."""
    parts = [escape(part) for part in visible(text).split("`")]
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else part for number, part in enumerate(parts)
    )


FILTERS: Mapping[str, Callable[[Any], str]] = {
    "when": when,
    "duration": duration,
    "number": number,
    "milliseconds": milliseconds,
    "visible": visible,
    "prose": prose,
}
