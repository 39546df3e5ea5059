"""What arrived?

Accepted bodies are kept as the bytes that came and decoded again when somebody asks: recording costs next to
nothing, and what is kept gives the garbage collector nothing to walk.
"""

import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from worker.sandbox.ledger import Ledger

_ACCEPTED: Final = frozenset({"0", "20001"})
_THROTTLED: Final = frozenset({"40100", "40016", "40132", "40133", "http_429"})


@dataclass(frozen=True, slots=True)
class Intake:
    """The events of one request that passed every check; ``member`` names their list in the body."""

    path: str
    body: bytes
    member: str | None
    event_source: str
    event_source_id: str
    keys: Sequence[tuple[str, str | None]]
    test_event_code: str | None = None
    partner_name: str | None = None
    # Places of identifiers in clear, where the settings let them pass.
    unhashed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Arrival:
    number: int  # of its first event
    request: int
    at: float
    intake: Intake
    repeats: frozenset[int]
    left_out: frozenset[int]

    @property
    def count(self) -> int:
        return len(self.intake.keys) - len(self.left_out)

    def records(self) -> Iterator[dict[str, Any]]:
        intake, number = self.intake, self.number
        body = orjson.loads(intake.body)
        events = [body] if intake.member is None else body[intake.member]
        for index, event in enumerate(events):
            if index in self.left_out:
                continue
            yield {
                "number": number,
                "request": self.request,
                "index": index,
                "at": self.at,
                "path": intake.path,
                "event_source": intake.event_source,
                "event_source_id": intake.event_source_id,
                "test_event_code": intake.test_event_code,
                "partner_name": intake.partner_name,
                "duplicate": index in self.repeats,
                "event": event,
            }
            number += 1


class Store:
    """Everything that arrived, the newest ``record_limit`` events and requests of it in full.

    Counts are never cut. Safe for threads.
    """

    def __init__(self, record_limit: int | None) -> None:
        self._record_limit = record_limit
        self._lock = threading.Lock()
        self._clear()

    def _clear(self) -> None:
        self._ledger = Ledger()
        self._arrivals: deque[_Arrival] = deque()
        self._recorded_events = 0
        self._requests: deque[dict[str, Any]] = deque(maxlen=self._record_limit)
        self._request_count = 0
        self._accepted = 0
        self._repeats = 0
        self._unhashed = 0
        self._outcomes: Counter[str] = Counter()

    def reset(self) -> None:
        """Forgets everything, the deduplication included."""
        with self._lock:
            self._clear()

    def next_request(self) -> int:
        """Returns the number of a request that has just arrived, counted from 1."""
        with self._lock:
            self._request_count += 1
            return self._request_count

    def accept(self, request: int, intake: Intake, *, at: float, left_out: Sequence[int] = ()) -> None:
        """Takes the events of ``intake`` at Unix second ``at``, but for the indices ``left_out``."""
        excluded = frozenset(left_out)
        keys = intake.keys
        if excluded:
            keys = [key if index not in excluded else (key[0], None) for index, key in enumerate(keys)]
        with self._lock:
            repeats = frozenset(self._ledger.note(intake.event_source_id, keys, at))
            arrival = _Arrival(self._accepted + 1, request, at, intake, repeats, excluded)
            self._accepted += arrival.count
            self._repeats += len(repeats)
            self._unhashed += len(intake.unhashed)
            self._arrivals.append(arrival)
            self._recorded_events += arrival.count
            if self._record_limit is not None:
                while self._arrivals and self._recorded_events > self._record_limit:
                    self._recorded_events -= self._arrivals.popleft().count

    def note_request(self, record: dict[str, Any], outcome: str) -> None:
        """Keeps how a request was answered; ``outcome`` is its code, or what stood in for one."""
        with self._lock:
            self._requests.append(record)
            self._outcomes[outcome] += 1

    def events(self, *, since: int = 0, limit: int | None = None, event_id: str | None = None) -> list[dict[str, Any]]:
        """Returns the recorded events with a number above ``since``, oldest first."""
        with self._lock:
            arrivals = list(self._arrivals)
        found: list[dict[str, Any]] = []
        for arrival in arrivals:
            if arrival.number + arrival.count - 1 <= since:
                continue
            for record in arrival.records():
                if limit is not None and len(found) >= limit:
                    return found
                if record["number"] > since and event_id in (None, record["event"].get("event_id")):
                    found.append(record)
        return found

    def requests(self, *, since: int = 0, limit: int | None = None) -> list[dict[str, Any]]:
        """Returns the recorded requests with a number above ``since``, in the order of their answers."""
        with self._lock:
            recorded = list(self._requests)
        return [record for record in recorded if record["number"] > since][:limit]

    def deliveries(self) -> list[tuple[str, str, str, int]]:
        """Returns (event source id, event, event id, times accepted) of every event that has an id."""
        with self._lock:
            return list(self._ledger.rows())

    def stats(self) -> dict[str, Any]:
        """Returns the counts since the start or the last reset."""
        with self._lock:
            refused = {outcome: count for outcome, count in self._outcomes.items() if outcome not in _ACCEPTED}
            return {
                "requests": self._request_count,
                "accepted_events": self._accepted,
                "unique_events": self._accepted - self._repeats,
                "duplicates": self._repeats,
                "unhashed_identifiers": self._unhashed,
                "refused_requests": refused,
                "throttled": sum(self._outcomes[outcome] for outcome in _THROTTLED),
            }
