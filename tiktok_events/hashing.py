"""How do identifiers become hashes before an event leaves the app?

The workers know which places of a destination's events hold an identifier, and write them into the registry:
``{"hash": bool, "region": "US" or null, "places": {"properties.email": "email", ...}}``. ``hash`` says whether every
producer hashes them; one may do so without being told. A worker takes such a hash as the identifier itself, and what it
would not have taken in clear it does not take either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tiktok_events.errors import EnqueueError, InvalidEvent
from tiktok_events.text import NotTextError, read_text

KINDS = ("email", "phone", "external_id", "first_name", "last_name", "zip_code")

UNUSABLE = "unusable"
"""Stands where an identifier was that nobody could be recognized by: neither an address nor a number."""


@dataclass(frozen=True, slots=True)
class Hashing:
    """Which places of an event are hashed.

    Attributes:
        always: whether the destination has it done by every producer.
        region: ISO 3166 country of phone numbers without a country code; None: such a number is unusable.
        places: dotted path and kind of each.
    """

    always: bool = False
    region: str | None = None
    places: tuple[tuple[str, str], ...] = ()

    def hashed(self, event: dict[str, Any]) -> dict[str, Any]:
        """Returns the event with its identifiers hashed; the one that was given stays as it is.

        Raises:
            InvalidEvent: something stands there that is no text, so that what is in it cannot be hashed.
            EnqueueError: the extra ``hashing`` is not installed, or the workers are of a newer version.
        """
        result: Any = event
        for path, kind in self.places:
            if kind not in KINDS:
                raise EnqueueError("the workers ask for a hash that this version cannot make: update tiktok-events")
            result = self._replaced(result, path.split("."), path, kind)
        found: dict[str, Any] = result
        return found

    def _replaced(self, holder: Any, steps: list[str], path: str, kind: str) -> Any:
        """Returns the holder with what lies below it hashed: itself where nothing does, else a copy."""
        step: Any = steps[0]
        if isinstance(holder, (list, tuple)) and step.isascii() and step.isdigit() and int(step) < len(holder):
            step = int(step)
        elif not isinstance(holder, dict) or step not in holder:
            return holder
        before = holder[step]
        after = self._replaced(before, steps[1:], path, kind) if steps[1:] else self._hashed(before, path, kind)
        if after is before:
            return holder
        copy: Any = dict(holder) if isinstance(holder, dict) else list(holder)
        copy[step] = after
        return copy

    def _hashed(self, value: Any, path: str, kind: str) -> Any:
        if isinstance(value, (list, tuple)):
            return [self._hashed_text(each, path, kind) for each in value]
        return self._hashed_text(value, path, kind)

    def _hashed_text(self, value: Any, path: str, kind: str) -> Any:
        if value is None or isinstance(value, bool):
            return value
        hash_of, is_hashed = _functions()
        try:
            text = read_text(str(value) if isinstance(value, str) else value)
        except NotTextError as error:
            raise InvalidEvent(f"{path}: {error}, since it is hashed") from None
        if not text or is_hashed(text):
            return value
        try:
            return hash_of(kind, text, region=self.region)
        except ValueError:
            return UNUSABLE


def read_hashing(told: object) -> Hashing | None:
    """Returns what a worker wrote into the registry; None where it wrote nothing that can be used."""
    if not isinstance(told, Mapping) or not isinstance(told.get("places"), Mapping):
        return None
    region = told.get("region")
    return Hashing(
        always=told.get("hash") is True,
        region=region if isinstance(region, str) else None,
        places=tuple((str(path), str(kind)) for path, kind in told["places"].items()),
    )


def _functions() -> Any:
    # Here, because only who hashes needs phonenumbers, which takes a while to import.
    try:
        from tiktok_events.identifiers import hash_of, is_hashed
    except ImportError:
        raise EnqueueError("identifiers are to be hashed here: pip install tiktok-events[hashing]") from None
    return hash_of, is_hashed
