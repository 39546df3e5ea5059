"""At which places of a source's events do the identifiers lie that TikTok gets as hashes?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from schemas.expressions import Expression, ExpressionError
from schemas.outcome import Fault
from schemas.settings import MappingSettings
from schemas.sources import amperity_columns, commanders_act_fields, segment_fields
from schemas.sources.reading import FieldSource
from tiktok_events.identifiers import HASHED

Places = Mapping[str, str]
"""Dotted path in the source's event: the field of `user` that is read from it."""

_TABLES: Mapping[str, Iterable[FieldSource]] = {
    "segment": segment_fields.FIELDS,
    "commanders_act": commanders_act_fields.FIELDS,
    "amperity": amperity_columns.COLUMNS,
}
_OF_USER = {f"user.{field}": field for field in HASHED}


def identifier_places(settings: MappingSettings) -> Places:
    """Return every place that the source's table or a mapping reads an identifier from.

    All of them, and not only the first that is not blank: the others are stored, too. Where a mapping reads a place
    that the table reads as something else, the mapping's word counts.
    """
    found = dict(of_source(settings.source))
    for rule in settings.mappings:
        for target, source in rule.fields.items():
            path = _path(source) if target in _OF_USER else None
            if path:
                found[path] = _OF_USER[target]
    return found


def of_source(source: str) -> Places:
    """Return the places that a source's own table reads."""
    if source not in _TABLES:
        return _OF_USER
    return {
        ".".join(path): _OF_USER[field.target]
        for field in _TABLES[source]
        if field.target in _OF_USER
        for path in field.paths
    }


def of_any_source() -> Places:
    """Return the places of all sources together, for an event whose source nobody knows any more."""
    return {path: kind for source in ("tiktok", *_TABLES) for path, kind in of_source(source).items()}


def hidden_places(settings: MappingSettings) -> Iterable[Fault]:
    """Yield the faults of mappings that read an identifier in a way that only the worker can follow."""
    for position, rule in enumerate(settings.mappings):
        for target, source in rule.fields.items():
            if target in _OF_USER and source and source.strip() and _path(source) is None:
                place = f"mappings.{position}.fields.{target}"
                yield Fault(place, "must be a path with hash_at_door: a producer works out no expressions")


def _path(source: str | None) -> str | None:
    if not source or not source.strip():
        return None
    try:
        return Expression(source).path
    except ExpressionError:
        return None
