"""What does the audit keep of a person's request? Nothing by which they could be found."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from redis import Redis

from worker import audit
from worker.people.person import Person


@dataclass(frozen=True, slots=True)
class PersonsRequest:
    """One `forget` or `export-person`. `id` is random: a person's files name the request by it, and nothing else."""

    redis: Redis
    action: str
    person: Person
    id: str = field(default_factory=lambda: secrets.token_hex(6))

    def _note(self, destination: str, places: Mapping[str, int], in_flight: int, **more: int) -> None:
        known_by = ", ".join(kind.replace("_", "-") for kind in self.person.given())
        found = {place: count for place, count in places.items() if count}
        details = {"request": self.id, "known by": known_by, **found, "in flight": in_flight, **more}
        audit.record(self.redis, self.action, destination=destination, details=details)

    def note_found(self, destination: str, places: Mapping[str, int], in_flight: int) -> None:
        """Note what one destination of many had: those with nothing would push everything else out of the audit."""
        if in_flight or any(places.values()):
            self._note(destination, places, in_flight)

    def note_all(self, rows: Counter[tuple[str, str]], in_flight: int, *, destinations: int) -> None:
        """Note the request as a whole, even if nothing was found: that it was answered."""
        places: Counter[str] = Counter()
        for (_, place), count in rows.items():
            places[place] += count
        self._note("", places, in_flight, destinations=destinations)
