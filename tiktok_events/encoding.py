"""Can this event be stored, and as which bytes?

The standard library's encoder decides what may be sent; a faster one is used where it says the same.
"""

from __future__ import annotations

import json
import re
from typing import Any

from tiktok_events.errors import EventTooLarge, InvalidEvent
from tiktok_events.fast_json import new_encoder

MAX_DEPTH = 100

_PLAIN_KEY = re.compile(r"(?!.*\d{5})[A-Za-z_$][\w$-]{0,63}", re.ASCII)
# A cycle needs no check of its own: it is deeper than any limit.
_encode_fast = new_encoder(MAX_DEPTH)
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":"))


def encode_event(event: object, *, max_bytes: int) -> bytes:
    """Returns the event as compact UTF-8 JSON in one line.

    Raises:
        InvalidEvent: it is not a dict, holds something that JSON has no form for, holds a text that
            is not Unicode, or is nested deeper than 100 levels.
        EventTooLarge: it has more than ``max_bytes`` bytes.
    """
    if not isinstance(event, dict):
        raise InvalidEvent(f"an event is a dict, not {_type_name(event)}")
    encoded = _encode_fast(event)
    if encoded is None:
        encoded = _encode(event)
    if len(encoded) > max_bytes:
        raise EventTooLarge(f"the event has {len(encoded)} bytes of JSON; {max_bytes} are allowed")
    return encoded


def _encode(event: dict[Any, Any]) -> bytes:
    """Encodes with the standard library."""
    try:
        encoded = _ENCODER.encode(event).encode("utf-8")
    except (TypeError, ValueError, RecursionError):
        # The encoder's own messages may hold values, and so may their tracebacks.
        raise InvalidEvent(_fault(event) or "the event has no form in JSON") from None
    # Counting brackets is an upper bound of the depth and costs a hundredth of a walk.
    if encoded.count(b"{") + encoded.count(b"[") > MAX_DEPTH and (fault := _fault(event)):
        raise InvalidEvent(fault)
    return encoded


def _fault(event: dict[Any, Any]) -> str | None:
    """Returns a place that cannot be stored, with its rule, or None.

    Depth first, so that a cycle ends at the limit instead of fanning out.
    """
    waiting: list[tuple[str, int, object]] = [("event", 1, event)]
    while waiting:
        place, depth, value = waiting.pop()
        if rule := _rule_broken(value, depth):
            return f"{place}: {rule}"
        if isinstance(value, dict):
            for key, inner in value.items():
                if rule := _key_rule_broken(key):
                    return f"{place}: {rule}"
                waiting.append((f"{place}.{_shown(key)}", depth + 1, inner))
        elif isinstance(value, (list, tuple)):
            waiting += [(f"{place}[{index}]", depth + 1, inner) for index, inner in enumerate(value)]
    return None


def _rule_broken(value: object, depth: int) -> str | None:
    if isinstance(value, str):
        return None if _is_unicode(value) else "the text holds half of a surrogate pair"
    if isinstance(value, float):
        return None if value - value == 0 else "not a finite number"
    if value is None or isinstance(value, int):
        return None
    if not isinstance(value, (dict, list, tuple)):
        return f"{_type_name(value)} has no form in JSON; convert it to text or a number"
    return f"nested deeper than {MAX_DEPTH} levels" if depth > MAX_DEPTH else None


def _key_rule_broken(key: object) -> str | None:
    if not isinstance(key, (str, int, float)) and key is not None:
        return f"a key is {_type_name(key)}; it must be text"
    if isinstance(key, str) and not _is_unicode(key):
        return "a key holds half of a surrogate pair"
    return None


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _shown(key: object) -> str:
    """Returns a key as it may stand in a message: one that is not plainly a name may itself be data."""
    return key if isinstance(key, str) and _PLAIN_KEY.fullmatch(key) else "?"


def _type_name(value: object) -> str:
    return type(value).__name__
