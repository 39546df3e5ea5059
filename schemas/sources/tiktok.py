"""How is an event read that has the Events API's own form?

For apps of one's own: the fields of `schemas.contract`, identifiers in clear or hashed. Nothing is renamed, so every
fault's path is the event's own.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from schemas.contract import TARGETS, Content, Event
from schemas.event_sources import EventSource
from schemas.outcome import Fault
from schemas.paths import parts_of
from schemas.sources.one_pass import Elements, OnePass, Table, one_pass
from schemas.sources.reading import FieldSource, from_paths
from schemas.sources.source import Raw, Selection, Shape

_SELECTION = Selection(None, "as_is")


class TikTokSource:
    """The plain format."""

    names_events = True
    needs_mappings = False
    mapping_shape: Shape = "as_is"

    def __init__(self, event_source: EventSource, event_source_id: str) -> None:
        """Make nothing of either: the form is the same for all."""

    def select(self, event: Raw) -> Selection | Fault:  # noqa: ARG002 - every event says itself what it is
        """Take every event."""
        return _SELECTION

    def misplaced(self, event: Raw) -> list[Fault]:  # noqa: ARG002 - the contract checks the parts itself
        """Find nothing: the parts are the contract's own."""
        return []

    def remarks(self, event: Raw) -> list[Fault]:  # noqa: ARG002 - nothing is passed over
        """Find nothing."""
        return []

    def adapt(self, event: Raw, shape: Shape) -> dict[str, Any]:  # noqa: ARG002 - there is one shape only
        """Return a copy as deep as the mapper may change it."""
        return {key: dict(value) if type(value) is dict else value for key, value in event.items()}

    def usual(self, event: Raw, selection: Selection, event_id: str) -> dict[str, Any] | None:
        """Accept every field in one pass."""
        return _one_pass()(event, event=selection.event, event_id=event_id)

    def origin(self, event: Raw, shape: Shape, target: str) -> str:  # noqa: ARG002 - the same for every event
        """Return the path as it is."""
        return target


@cache
def _one_pass() -> OnePass:
    contents = "properties.contents"
    targets = [target for target in (*TARGETS, "event") if target != contents]
    product = tuple(FieldSource(field, from_paths(field)) for field in Content().fields)
    table = Table(
        fields=tuple(FieldSource(target, from_paths(target)) for target in sorted(targets)),
        elements={contents: Elements(parts_of(contents), product)},
        given=("event", "event_id"),
        kept=("event_time",),
    )
    return one_pass(Event(), table, name="one pass of the plain format")
