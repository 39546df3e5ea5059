"""How is an event encoded faster where orjson is installed, with nothing let in that would otherwise be refused?

orjson takes more than the standard library does: it writes UUIDs and enums, and ``null`` for a number that is not
finite. What may be sent must not depend on what else is installed, so an event is looked through first, and whatever
is doubtful gets no answer here: the standard library decides. A test with arbitrary events proves that both agree.

For 1.2 KB of order, met cold: 10 µs in the standard library, 6 here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def new_encoder(max_depth: int) -> Callable[[dict[str, Any]], bytes | None]:
    """Returns a function that encodes an event of at most so many levels, or returns None where it is not sure."""
    try:
        import orjson
    except ImportError:
        return lambda _: None

    dumps, refused = orjson.dumps, orjson.JSONEncodeError

    def encode(event: dict[str, Any]) -> bytes | None:
        if type(event) is not dict or not _is_plain(event.values(), max_depth - 1):
            return None
        try:
            return dumps(event)
        except refused:  # a key that is not text, half of a surrogate pair, a number of more than 64 bits
            return None

    return encode


def _is_plain(values: Iterable[Any], deeper: int) -> bool:
    """Returns whether all are finite values of JSON's own types only, in at most so many more levels.

    The kinds stand in the order in which they are frequent, and are compared by identity: 0.25 µs less an event of
    1.2 KB than a look into a set.
    """
    for value in values:
        kind = type(value)
        if kind is str or kind is int:
            continue
        if kind is dict:
            if not deeper or not _is_plain(value.values(), deeper - 1):
                return False
        elif kind is list:
            if not deeper or not _is_plain(value, deeper - 1):
                return False
        elif kind is float:
            if value - value != 0:
                return False
        elif kind is not bool and value is not None:
            return False
    return True
