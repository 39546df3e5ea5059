"""What lies at a dotted path of an event?"""

from __future__ import annotations

from typing import Any

Parts = tuple[str, ...]


def parts_of(path: str) -> Parts:
    """Split `properties.products.0.price` into its steps."""
    return tuple(path.split("."))


def read(event: Any, parts: Parts) -> Any:
    """Return what lies there, or None where nothing does; digits step into a list. Raises nothing."""
    value = event
    for part in parts:
        if type(value) is dict:
            value = value.get(part)
        elif type(value) is list and part.isascii() and part.isdigit() and len(part) < 10:
            position = int(part)
            value = value[position] if position < len(value) else None
        else:
            return None
    return value
