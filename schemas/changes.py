"""What did the contract change about the values it accepted, or leave out as empty?

Asked for by who shows an event to a person, not for every event: it costs as much as hashing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from schemas.contract import Content
from schemas.outcome import Fault
from tiktok_events.text import EDGES, is_blank

_CONTENT_FIELDS = tuple(Content().fields)


def changes(plain: dict[str, Any], loaded: dict[str, Any]) -> Iterator[Fault]:
    """Yield a note, with its path in TikTok's form, for each value that was read as another type or spelling.

    `plain` is the event before the contract and `loaded` after it, not hashed yet.
    """
    for field, sent in loaded.items():
        given = plain.get(field)
        if field == "contents":
            yield from _of_contents(given, sent)
        elif type(sent) is dict and type(given) is dict:
            yield from _below(field, changes(given, sent))
        elif type(sent) is not list:
            rule = _rule(given, sent)
            # A time is meant to be read from whatever form it has.
            if rule and field != "event_time":
                yield Fault(field, rule)


def _of_contents(given: Any, sent: list[dict[str, Any]]) -> Iterator[Fault]:
    remaining = iter(sent)
    for position, content in enumerate(given if type(given) is list else ()):
        place = f"contents.{position}"
        if type(content) is dict and any(not is_blank(content.get(field)) for field in _CONTENT_FIELDS):
            yield from _below(place, changes(content, next(remaining)))
        else:
            yield Fault(place, "is empty and was left out")


def _below(place: str, notes: Iterator[Fault]) -> Iterator[Fault]:
    for note in notes:
        yield Fault(f"{place}.{note.path}", note.rule)


def _rule(given: Any, sent: Any) -> str | None:
    if type(given) is bool or given is None:
        return None
    if type(sent) is bool:
        return "was read as true or false"
    if type(sent) is str:
        if type(given) is not str:
            return "was a number and is sent as text"
        return None if given.strip(EDGES) == sent else "is sent in upper case"
    return "was text and is sent as a number" if type(given) is str else None
