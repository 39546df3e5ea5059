"""Which destinations do the workers have, and how much do these take?"""

from __future__ import annotations

import difflib
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tiktok_events.errors import UnknownDestination
from tiktok_events.hashing import Hashing, read_hashing
from tiktok_events.keys import check_destination

MAX_AGE_SECONDS = 60.0

_MAX_INBOX = 1_000_000
_MAX_EVENT_BYTES = 262_144


@dataclass(frozen=True, slots=True)
class Limits:
    """What a destination takes.

    Attributes:
        max_inbox: how many events may wait in it.
        max_event_bytes: how many bytes of JSON one may have.
        pack: how many may travel in one entry; 1 where the workers do not read packs.
        encrypted: whether only sealed events are taken.
        hashing: which places hold identifiers, and whether they are always hashed; None where no worker says so.
    """

    max_inbox: int = _MAX_INBOX
    max_event_bytes: int = _MAX_EVENT_BYTES
    pack: int = 1
    encrypted: bool = False
    hashing: Hashing | None = None


class Registry:
    """The destinations that the workers wrote down, remembered for a minute.

    Args:
        fetch: returns the names with their settings as JSON; may raise ``Unavailable``.
    """

    def __init__(self, fetch: Callable[[float], Awaitable[Mapping[bytes, bytes]]]) -> None:
        self._fetch = fetch
        self._known: dict[str, Limits] = {}
        self._fetched_at: float | None = None

    async def limits(self, destination: str, *, deadline: float) -> Limits:
        """Returns what a destination takes.

        While no worker has ever started there is nothing to compare with, so every name that may be
        one is accepted.

        Raises:
            UnknownDestination: the workers have others, but not this one.
            Unavailable: the registry could not be read.
        """
        fetched_at = self._fetched_at
        fresh = fetched_at is not None and time.monotonic() - fetched_at < MAX_AGE_SECONDS
        # A name that the workers wrote down needs no check.
        if fresh and isinstance(destination, str) and (limits := self._known.get(destination)) is not None:
            return limits
        _check(destination)
        if fresh and not self._known:
            return Limits()
        # Old, or a name that may have been added since.
        found = await self._fetch(deadline)
        known = self._known = {name.decode("utf-8", "replace"): _parse(settings) for name, settings in found.items()}
        self._fetched_at = time.monotonic()
        if not known:
            return Limits()
        if destination not in known:
            raise UnknownDestination(_unknown(destination, list(known)))
        return known[destination]


def _check(destination: str) -> None:
    try:
        check_destination(destination)
    except ValueError as error:
        raise UnknownDestination(str(error)) from None


def _parse(settings: bytes) -> Limits:
    """Reads what a worker wrote; one of another version may have written less, or more."""
    try:
        found = json.loads(settings)
    except ValueError:
        return Limits()
    if not isinstance(found, dict):
        return Limits()
    return Limits(
        max_inbox=_whole(found.get("max_inbox"), _MAX_INBOX),
        max_event_bytes=_whole(found.get("max_event_bytes"), _MAX_EVENT_BYTES),
        pack=_whole(found.get("pack"), 1),
        encrypted=found.get("encrypted") is True,
        hashing=read_hashing(found.get("identifiers")),
    )


def _whole(value: Any, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else default


def _unknown(destination: str, known: list[str]) -> str:
    close = difflib.get_close_matches(destination, known, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}?" if close else f"the workers have {', '.join(sorted(known)[:10])}"
    return f"there is no destination {destination!r}: {hint}"
