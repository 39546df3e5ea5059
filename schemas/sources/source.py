"""What must a source of events be able to do?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

from schemas.outcome import Fault

# An event as its JSON was: any depth, any types.
Raw = dict[str, Any]

# Where an event's `contents` are: it has TikTok's form already; in a list of products; the event's own properties are
# the one product; nowhere; in the list if there is one, else in the properties if they name a product.
Shape = Literal["as_is", "products", "properties", "none", "found"]


@dataclass(frozen=True, slots=True)
class Selection:
    """A TikTok event to make of a source's event. `event` is None where the event itself names it."""

    event: str | None
    shape: Shape


class Source(Protocol):
    """Brings one system's events into the form of `schemas.contract`. Reads any JSON object and raises nothing."""

    # The events name their TikTok event themselves, so that a mapping need not.
    names_events: bool
    # There are no presets: a destination without mappings would send nothing.
    needs_mappings: bool
    # How `contents` are found when a mapping of the destination asks for the event.
    mapping_shape: Shape

    def select(self, event: Raw) -> Selection | Fault:
        """Return what the presets make of the event, or why they make nothing of it."""
        ...

    def misplaced(self, event: Raw) -> list[Fault]:
        """Return a fault for each thing that stands where it cannot: in place of an object, in another set's stream."""
        ...

    def remarks(self, event: Raw) -> list[Fault]:
        """Return a note on each thing that reading the event passes over or assumes."""
        ...

    def adapt(self, event: Raw, shape: Shape) -> dict[str, Any]:
        """Return a new dict in the contract's form, not validated; its parts are new dicts too."""
        ...

    def usual(self, event: Raw, selection: Selection, event_id: str) -> dict[str, Any] | None:
        """Return what the contract makes of `adapt`, with the selection's name and, where the event has none, this id.

        Its `event_time` is as the event has it. None where there is no short cut, or the event is not for it.

        Raises:
            ValidationError: not for it, either; nothing but its coming is meant.
        """
        ...

    def origin(self, event: Raw, shape: Shape, target: str) -> str:
        """Return the path in the source's event of a path in the contract's form."""
        ...
