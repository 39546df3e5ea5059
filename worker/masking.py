"""How an event is shown to a person who may not see whose it is."""

from __future__ import annotations

import re
from typing import Any

from worker.redaction import redact

_PERSONAL = re.compile(
    r"mail|phone|mobile|fax|name|street|address|city|zip|post|ip$|^ip|user|anonymous|external|birth|gender|"
    r"ttclid|ttp|cookie|token|idfa|idfv|gaid|advertising|device|lat|lon|agent|lead|search|query|url|referrer|sha|md5",
    re.IGNORECASE,
)
_DEEPEST = 50
_LEAST_TELLING = 4
"""Shorter texts stand in many places by chance."""
_OF_A_THING = frozenset({"products", "items", "contents"})
_SHOWN = frozenset({"event", "event_name", "content_name", "timestamp", "originalTimestamp", "event_timestamp"})


def masked(event: Any) -> Any:
    """Return `event` with every text struck out that could tell whose it is; its shape and numbers stay.

    Below a key that names something personal everything is struck out, and the same text wherever else it stands;
    elsewhere what looks like an identifier, and every text of several words, which may be a note of or about somebody.
    The names of things (products, items, contents) are no one's.
    """
    return _masked(event, _personal_texts(event), personal=False, thing=False, shown=False, depth=0)


def _personal_texts(event: Any) -> frozenset[str]:
    """Return the texts below keys that name something personal: a mistaken mapping may have put them elsewhere, too."""
    found: set[str] = set()
    waiting = [(event, False, 0)]
    while waiting:
        value, personal, depth = waiting.pop()
        if depth > _DEEPEST:
            continue
        if isinstance(value, dict):
            waiting += [(each, personal or bool(_PERSONAL.search(str(key))), depth + 1) for key, each in value.items()]
        elif isinstance(value, list):
            waiting += [(each, personal, depth + 1) for each in value]
        elif personal and isinstance(value, str) and len(value.strip()) >= _LEAST_TELLING:
            found.add(value.strip())
    return frozenset(found)


def _masked(value: Any, told: frozenset[str], *, personal: bool, thing: bool, shown: bool, depth: int) -> Any:
    if depth > _DEEPEST:
        return "…"
    if isinstance(value, dict):
        return {
            redact(str(key)): _masked(
                each,
                told,
                personal=personal or (not thing and key not in _SHOWN and bool(_PERSONAL.search(str(key)))),
                thing=thing or key in _OF_A_THING,
                shown=key in _SHOWN,
                depth=depth + 1,
            )
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [_masked(each, told, personal=personal, thing=thing, shown=shown, depth=depth + 1) for each in value]
    if isinstance(value, str):
        hidden = personal or value.strip() in told or not (thing or shown or len(value.split(maxsplit=1)) < 2)
        return f"••• ({len(value)} characters)" if hidden and value.strip() else redact(value)
    if isinstance(value, int) and not isinstance(value, bool) and (personal or abs(value) >= 10**6):
        return "••• (number)"
    return value
