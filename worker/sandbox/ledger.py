"""How often was each event accepted, and is this one a repeat? (reference 6, deduplication)"""

from collections.abc import Iterable, Iterator
from typing import Final

# TikTok drops a repeat of (event source, event, event id) for 48 hours after the first.
DEDUPLICATION_SECONDS: Final = 48 * 3600


class Ledger:
    """Counts acceptances by (event source id, event, event id); not safe for threads by itself.

    Two levels of dicts keep the price of a new event at two entries and no tuple: millions fit.
    """

    def __init__(self) -> None:
        self._times: dict[tuple[str, str], dict[str, int]] = {}
        self._first_at: dict[tuple[str, str], dict[str, float]] = {}

    def note(self, source_id: str, keys: Iterable[tuple[str, str | None]], at: float) -> list[int]:
        """Counts ``keys`` (event, event id) at Unix second ``at``; returns the indices of the repeats.

        An event without an id is never a repeat and is not counted.
        """
        repeats = []
        for index, (event, event_id) in enumerate(keys):
            if event_id is None:
                continue
            times = self._times.setdefault((source_id, event), {})
            first_at = self._first_at.setdefault((source_id, event), {})
            times[event_id] = times.get(event_id, 0) + 1
            if event_id in first_at and at - first_at[event_id] < DEDUPLICATION_SECONDS:
                repeats.append(index)
            else:
                first_at[event_id] = at
        return repeats

    def rows(self) -> Iterator[tuple[str, str, str, int]]:
        """Yields (event source id, event, event id, times accepted)."""
        for (source_id, event), times in self._times.items():
            for event_id, count in times.items():
                yield source_id, event, event_id, count
