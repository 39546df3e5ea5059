"""By which hashes is a person known in an event?"""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from schemas.identifier_places import Places
from schemas.paths import parts_of, read
from tiktok_events.identifiers import hash_of
from tiktok_events.text import NotTextError, read_text


def parsed(payload: bytes) -> object:
    """Return what the payload is as JSON, None where it is none."""
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None


def texts_at(event: object, places: Places) -> Iterator[tuple[str, str]]:
    """Yield (kind, trimmed text) of everything that lies at the places of identifiers, whatever else the event is."""
    for path, kind in places.items():
        value = read(event, parts_of(path))
        for each in value if isinstance(value, list) else [value]:
            try:
                text = read_text(each)
            except NotTextError:
                continue
            if text:
                yield kind, text


def hashes_in(event: object, places: Places, region: str | None) -> set[str]:
    """Return the hash of every identifier by which a person can ask for their events.

    It is the one that would be sent; names and postal codes are no one's alone.
    """
    found = set()
    for kind, text in texts_at(event, places):
        if kind not in ("email", "phone", "external_id"):
            continue
        try:
            found.add(hash_of(kind, text, region=region))
        except ValueError:
            continue
    return found
