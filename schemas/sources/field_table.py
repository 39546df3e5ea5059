"""How is a closed table of fields read from an event, and where did each value come from?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from schemas.event_sources import EVENT_SOURCES, EventSource
from schemas.paths import Parts, parts_of, read
from schemas.text import is_blank

_TTCLID = "user.ttclid"


@dataclass(frozen=True, slots=True)
class FieldSource:
    """A field of TikTok's and the paths it is read from, the first that is not blank.

    `constant` is sent where no path has anything. `note` is for the documentation.
    """

    target: str
    paths: tuple[Parts, ...]
    constant: str | None = None
    event_sources: tuple[EventSource, ...] = EVENT_SOURCES
    note: str = ""


def from_paths(*paths: str) -> tuple[Parts, ...]:
    """Return dotted paths taken apart."""
    return tuple(parts_of(path) for path in paths)


class FieldTable:
    """The fields of one source's events for one event source. `page_url` is where a missing click id is looked for."""

    __slots__ = ("_constants", "_page_url", "_paths", "_places", "_reading", "_steps")

    def __init__(self, fields: Iterable[FieldSource], event_source: EventSource, *, page_url: Parts) -> None:
        used = [field for field in fields if event_source in field.event_sources]
        self._page_url = page_url
        self._paths = {field.target: field.paths for field in used}
        # What holds values, each stepped into once for an event and not once for every path through it: the place of
        # what is above it, and the step from there. The event itself is at place 0.
        self._steps: list[tuple[int, str]] = []
        self._places: dict[Parts, int] = {(): 0}
        # (place of the holder, key, part, field): every path, those of one field in their order. Taken apart here once
        # and flat, since a loop inside the loop costs more than what it looks at.
        self._reading = [
            (self._place_of(path[:-1]), path[-1], *_part_and_field(field.target))
            for field in used
            for path in field.paths
        ]
        self._constants = [(*_part_and_field(field.target), field.constant) for field in used if field.constant]

    def _place_of(self, holder: Parts) -> int:
        if holder not in self._places:
            self._steps.append((self._place_of(holder[:-1]), holder[-1]))
            self._places[holder] = len(self._steps)
        return self._places[holder]

    def read(self, event: Any) -> dict[str, Any]:
        """Return a new dict in the contract's form with every field that has a value, each part a new dict too."""
        plain: dict[str, Any] = {}
        holders = [event]
        for above, key in self._steps:
            holder = holders[above]
            # What `read` looks at first, without its call.
            holders.append(
                holder.get(key) if type(holder) is dict else None if holder is None else read(holder, (key,))
            )
        for place, key, part, field in self._reading:
            holder = holders[place]
            if holder is None:
                continue
            found = holder.get(key) if type(holder) is dict else read(holder, (key,))
            if found is None or is_blank(found):
                continue
            filled = plain.setdefault(part, {}) if part else plain
            # Whatever is there came from a path that goes first.
            if field not in filled:
                filled[field] = found
        for part, field, constant in self._constants:
            (plain.setdefault(part, {}) if part else plain).setdefault(field, constant)
        if "ttclid" not in plain.get("user", ()):
            ttclid = ttclid_of(read(event, self._page_url))
            if ttclid:
                plain.setdefault("user", {})["ttclid"] = ttclid
        return plain

    def origin(self, event: Any, target: str) -> str | None:
        """Return the path that was read for a target, or the first that would have been; None if it is not here."""
        for field, paths in self._paths.items():
            if target != field and not target.startswith(field + "."):
                continue
            filled = [path for path in paths if not is_blank(read(event, path))]
            if field == _TTCLID and not filled:
                return ".".join(self._page_url)
            return ".".join((filled or [*paths, (field,)])[0]) + target[len(field) :]
        return None


def _part_and_field(target: str) -> tuple[str, str]:
    part, _, field = target.rpartition(".")
    return part, field


def ttclid_of(url: Any) -> str:
    """Return the click id in a URL's query, "" for none. Takes any text: the URL of a page call may be anything."""
    if type(url) is not str or "ttclid=" not in url:
        return ""
    query = url.partition("#")[0].partition("?")[2]
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if name == "ttclid" and value:
            return unquote_plus(value)
    return ""
