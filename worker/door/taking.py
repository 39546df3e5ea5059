"""What becomes of a request's events: in their order each is stored, refused, or not reached."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from tiktok_events.errors import EnqueueError, InboxFull, Unavailable, UnknownDestination
from worker.door.body import MAX_EVENTS, Parsed
from worker.door.checks import Check, EventError, of_encoding
from worker.door.problems import Refusal

_CHUNK_EVENTS = 500
_LISTED_ERRORS = 1_000
_WAIT_SECONDS = 5


class Stores(Protocol):
    """What the door needs of a producer."""

    def enqueue(self, event: dict[str, Any], *, destination: str, event_id: str | None = None) -> str:
        """Store one event."""
        ...

    def enqueue_many(self, events: Iterable[dict[str, Any]], *, destination: str) -> list[str]:
        """Store events in their order."""
        ...


@dataclass(slots=True)
class Outcome:
    """What became of the events so far: an id, or None for one that was refused."""

    ids: list[str | None] = field(default_factory=list)
    errors: list[EventError] = field(default_factory=list)

    @property
    def accepted(self) -> int:
        """Return how many were stored."""
        return sum(each is not None for each in self.ids)

    def told(self) -> dict[str, Any]:
        """Return it as JSON, with a bounded number of errors."""
        document: dict[str, Any] = {"accepted": self.accepted, "ids": self.ids}
        if self.errors:
            document["errors"] = [error.told() for error in self.errors[:_LISTED_ERRORS]]
        if len(self.errors) > _LISTED_ERRORS:
            document["more_errors"] = len(self.errors) - _LISTED_ERRORS
        return document


class Stopped(Exception):  # noqa: N818 # the refusal inside is what went wrong
    """The events could not all be looked at. `outcome` ends where one may go on."""

    def __init__(self, refusal: Refusal, outcome: Outcome) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal
        self.outcome = outcome


class Taking:
    """Takes the events of one request into one destination's inbox."""

    def __init__(self, producer: Stores, destination: str, check: Check | None) -> None:
        self._producer = producer
        self._destination = destination
        self._check = check
        self._fates: dict[int, str | None] = {}
        self._errors: list[EventError] = []
        self._waiting: list[tuple[int, dict[str, Any]]] = []

    def lenient(self, events: Iterable[Parsed], *, done: Outcome) -> Outcome:
        """Store what is good and name what is not. `done` is what an earlier try of the same request came to.

        Raises:
            Stopped: the events after those of its outcome were not stored.
        """
        self._fates = dict(enumerate(done.ids))
        self._errors = list(done.errors)
        start, count = len(done.ids), 0
        try:
            try:
                for index, parsed in enumerate(events):
                    _count(index)
                    count = index + 1
                    if index >= start:
                        self._look(index, parsed)
                    if len(self._waiting) >= _CHUNK_EVENTS:
                        self._store()
            finally:
                # Empty if it was the storing that failed: nothing is sent twice.
                self._store()
        except Refusal as refusal:
            raise Stopped(refusal, self._until(count)) from None
        return self._until(count)

    def strict(self, events: Iterable[Parsed]) -> Outcome:
        """Store all, or, if one is refused, none.

        Raises:
            Refusal: nothing was stored.
            Stopped: the inbox is full or out of reach half-way.
        """
        count = 0
        for index, parsed in enumerate(events):
            _count(index)
            count = index + 1
            self._look(index, parsed)
        if self._errors:
            return Outcome([None] * count, self._errors)
        try:
            while self._waiting:
                self._store()
        except Refusal as refusal:
            raise Stopped(refusal, self._until(count)) from None
        return self._until(count)

    def one(self, parsed: Parsed, event_id: str) -> Outcome:
        """Store one event under an id of the caller's. Raises Stopped."""
        self._look(0, parsed)
        if self._errors:
            return self._until(1)
        (_, event), self._waiting = self._waiting[0], []
        try:
            self._fates[0] = self._producer.enqueue(event, destination=self._destination, event_id=event_id)
        except (InboxFull, Unavailable) as error:
            raise Stopped(_stop(error), Outcome()) from None
        except UnknownDestination:
            raise
        except EnqueueError as error:
            self._refuse(of_encoding(0, error))
        return self._until(1)

    def _look(self, index: int, parsed: Parsed) -> None:
        if parsed.fault is not None:
            self._refuse(EventError(index, "undecodable", "$", parsed.fault))
            return
        errors = self._check(index, parsed.value) if self._check else []
        for error in errors:
            self._refuse(error)
        if not errors:
            self._waiting.append((index, parsed.value))

    def _refuse(self, error: EventError) -> None:
        self._fates[error.index] = None
        self._errors.append(error)

    def _store(self) -> None:
        """Store what waits, but for those that cannot be stored. Raises Refusal where none can be."""
        waiting, self._waiting = self._waiting[:_CHUNK_EVENTS], self._waiting[_CHUNK_EVENTS:]
        while waiting:
            try:
                ids = self._producer.enqueue_many([event for _, event in waiting], destination=self._destination)
                self._stored(waiting, ids)
                return
            except (InboxFull, Unavailable) as error:
                self._stored(waiting, error.ids)
                self._waiting = []
                raise _stop(error) from None
            except UnknownDestination:
                self._waiting = []
                raise
            except EnqueueError as error:
                self._stored(waiting, error.ids)
                self._refuse(of_encoding(waiting[error.stored][0], error))
                waiting = waiting[error.stored + 1 :]

    def _stored(self, waiting: list[tuple[int, dict[str, Any]]], ids: list[str]) -> None:
        for (index, _), event_id in zip(waiting, ids, strict=False):
            self._fates[index] = event_id

    def _until(self, count: int) -> Outcome:
        """Return what is known, up to the first event of which nothing is."""
        end = next((index for index in range(count) if index not in self._fates), count)
        errors = sorted((error for error in self._errors if error.index < end), key=lambda error: error.index)
        return Outcome([self._fates[index] for index in range(end)], errors)


def _count(index: int) -> None:
    if index >= MAX_EVENTS:
        raise Refusal("too_large", f"the request has more than {MAX_EVENTS} events")


def _stop(error: EnqueueError) -> Refusal:
    if isinstance(error, InboxFull):
        return Refusal("inbox_full", str(error), retry_after_seconds=_WAIT_SECONDS)
    detail = "the queue cannot be reached"
    if isinstance(error, Unavailable) and error.maybe_stored:
        detail += "; events from `next` on may have been stored: sent again, they carry the same ids"
    return Refusal("unavailable", detail, retry_after_seconds=_WAIT_SECONDS)
