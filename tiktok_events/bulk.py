"""How do the events of a whole file get into an inbox, whatever goes wrong on the way?"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tiktok_events.errors import EventTooLarge, InboxFull, InvalidEvent, Unavailable
from tiktok_events.producer import Producer
from tiktok_events.rows import Row

_CHUNK_EVENTS = 500
_CHUNK_BYTES = 1_048_576
_MIN_WAIT_SECONDS = 0.1
_MAX_WAIT_SECONDS = 5.0
#: How long Redis may be away before a person is asked; a full inbox is waited for without an end.
_MAX_AWAY_SECONDS = 60.0


@dataclass(slots=True)
class Tally:
    """How far a file has got.

    Attributes:
        last_line: every line up to this one is settled: stored or rejected.
        end: how many bytes of the file that is.
        enqueued: how many events were certainly stored.
        rejected: how many lines were not.
    """

    last_line: int = 0
    end: int = 0
    enqueued: int = 0
    rejected: int = 0


class Loader:
    """Puts rows into an inbox in their order, holding at most 500 of them or about a mebibyte.

    Args:
        producer: how to enqueue.
        destination: where to.
        tally: is kept true at every moment, so that an interruption can say where to go on.
        on_reject: told of each row that cannot be stored, with the rule.
        on_progress: called after each chunk and before each wait, with what is waited for or "".
        wait: whether to wait while the inbox is full or Redis is away.
        sleep, clock: time, in seconds.
    """

    def __init__(
        self,
        producer: Producer,
        destination: str,
        tally: Tally,
        *,
        on_reject: Callable[[Row, str], None],
        on_progress: Callable[[str], None],
        wait: bool = True,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._producer = producer
        self._destination = destination
        self._tally = tally
        self._on_reject = on_reject
        self._on_progress = on_progress
        self._wait = wait
        self._sleep = sleep
        self._clock = clock

    def load(self, rows: Iterable[Row]) -> None:
        """Enqueues the events of the rows.

        Raises:
            UnknownDestination: at the first event.
            InboxFull: only without ``wait``.
            Unavailable: Redis stayed away, or did not say whether it stored the lines after
                ``tally.last_line`` (``maybe_stored``).
        """
        chunk: list[Row] = []
        size = 0
        for row in rows:
            chunk.append(row)
            size += len(row.raw or b"")
            if len(chunk) >= _CHUNK_EVENTS or size >= _CHUNK_BYTES:
                self._settle(chunk)
                chunk, size = [], 0
        self._settle(chunk)

    def _settle(self, chunk: list[Row]) -> None:
        """Stores or rejects every row of a chunk, in their order."""
        away_since: float | None = None
        pause = _MIN_WAIT_SECONDS
        faulty = deque(row for row in chunk if row.event is None)
        rest = [row for row in chunk if row.event is not None]
        while rest:
            before = len(rest)
            rest, obstacle = self._store_some(rest, faulty)
            if obstacle is None:
                continue
            if len(rest) < before:
                away_since, pause = None, _MIN_WAIT_SECONDS
            if isinstance(obstacle, Unavailable) and away_since is None:
                away_since = self._clock()
            if not self._may_wait(obstacle, away_since):
                raise obstacle
            self._on_progress(str(obstacle))
            self._sleep(pause)
            pause = min(2 * pause, _MAX_WAIT_SECONDS)
        if chunk:
            self._advance(0, chunk[-1].last_line, faulty)
            self._tally.end = chunk[-1].end
        self._on_progress("")

    def _store_some(self, rest: list[Row], faulty: deque[Row]) -> tuple[list[Row], InboxFull | Unavailable | None]:
        """Stores the first rows, and returns the others and what they have to wait for."""
        try:
            self._producer.enqueue_many(_events(rest), destination=self._destination)
        except (InvalidEvent, EventTooLarge) as error:
            refused = rest[error.stored]
            self._advance(error.stored, refused.line - 1, faulty)
            self._reject(refused, str(error))
            return rest[error.stored + 1 :], None
        except (InboxFull, Unavailable) as error:
            self._advance(error.stored, rest[error.stored].line - 1, faulty)
            return rest[error.stored :], error
        self._advance(len(rest), rest[-1].last_line, faulty)
        return [], None

    def _advance(self, stored: int, last_line: int, faulty: deque[Row]) -> None:
        self._tally.enqueued += stored
        while faulty and faulty[0].line <= last_line:
            row = faulty.popleft()
            self._reject(row, row.fault)
        self._tally.last_line = max(self._tally.last_line, last_line)

    def _reject(self, row: Row, fault: str) -> None:
        self._tally.rejected += 1
        self._on_reject(row, fault)
        self._tally.last_line = row.last_line

    def _may_wait(self, error: InboxFull | Unavailable, away_since: float | None) -> bool:
        if not self._wait:
            return False
        if isinstance(error, InboxFull):
            return True
        # To send again what may be stored is the decision of a person.
        away_seconds = 0.0 if away_since is None else self._clock() - away_since
        return not error.maybe_stored and away_seconds < _MAX_AWAY_SECONDS


def _events(rows: list[Row]) -> Iterator[dict[str, Any]]:
    return (row.event for row in rows if row.event is not None)
