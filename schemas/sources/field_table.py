"""How is a closed table of fields read from an event, and where did each value come from?"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any
from urllib.parse import unquote_plus

from schemas.event_sources import EventSource
from schemas.paths import read
from schemas.sources.reading import FieldSource, Reader, reader
from schemas.sources.source import Raw
from tiktok_events.text import is_blank

_TTCLID = "user.ttclid"
_PAGE_URL = "page.url"


class FieldTable:
    """The fields of one source's events for one event source. A missing click id is looked for in the page's URL."""

    __slots__ = ("_paths", "_read")

    def __init__(self, fields: Iterable[FieldSource], event_source: EventSource) -> None:
        used = tuple(field for field in fields if event_source in field.event_sources)
        self._paths = {field.target: field.paths for field in used}
        self._read = _reader_of(used)

    def read(self, event: Raw) -> dict[str, Any]:
        """Return a new dict in the contract's form with every field that has a value, each part a new dict too."""
        plain = self._read(event)
        if "page" in plain and "ttclid" not in plain.get("user", ()):
            ttclid = ttclid_of(plain["page"].get("url"))
            if ttclid:
                plain.setdefault("user", {})["ttclid"] = ttclid
        return plain

    def origin(self, event: Any, target: str) -> str | None:
        """Return the path that was read for a target, or the first that would have been; None if it is not here."""
        # An element of a list has the path of its list, and then its own.
        field = target
        while field not in self._paths:
            field = field.rpartition(".")[0]
            if not field:
                return None
        paths = self._paths[field]
        filled = [path for path in paths if not is_blank(read(event, path))]
        if field == _TTCLID and not filled:
            paths = self._paths[_PAGE_URL]
        return ".".join((filled or [*paths, (field,)])[0]) + target[len(field) :]


# Once for all destinations: to generate it takes a millisecond, and there are a few tables.
@cache
def _reader_of(fields: tuple[FieldSource, ...]) -> Reader:
    return reader(fields, name="reading of a field table")


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
