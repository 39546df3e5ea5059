"""How dead letters are found: by reason, code, event and time, a page at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from redis import Redis

from worker.dead_letters.letter import DeadLetter, read
from worker.keys import Keys
from worker.vault import vault_of

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Filter:
    """Which dead letters are meant. None means: any. Times are Unix seconds, `after` included, `before` not.

    `text` is looked for in ref, id, TikTok's request id and the message; case makes no difference in ASCII.
    """

    reason: str | None = None
    code: int | None = None
    event: str | None = None
    after: float | None = None
    before: float | None = None
    text: str | None = None

    def matches(self, letter: DeadLetter) -> bool:
        """Say whether `letter` is meant."""
        return (
            self.reason in (None, letter.reason)
            and self.code in (None, letter.code)
            and self.event in (None, letter.event)
            and (self.text is None or _holds(letter, self.text))
        )

    def describe(self) -> dict[str, str | int | float]:
        """Return what is set, for a record or a person."""
        named = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in named.items() if value is not None}


def _holds(letter: DeadLetter, text: str) -> bool:
    places = (letter.ref, letter.envelope.id, letter.request_id or "", letter.message)
    return any(text.encode().lower() in place.encode().lower() for place in places)


class Position(NamedTuple):
    """A place in the order of dead letters. It stays one when the dead letter that stood there is gone."""

    score: float
    ref: str

    def text(self) -> str:
        """Return it as :func:`position` reads it."""
        return f"{self.score!r} {self.ref}"


def position(text: str) -> Position:
    """Return what :meth:`Position.text` wrote."""
    score, _, ref = text.partition(" ")
    return Position(float(score), ref)


class Page(NamedTuple):
    """Dead letters of one look, each with its place. `end` is where the next begins; None: there is nothing left."""

    letters: list[tuple[Position, DeadLetter]]
    end: Position | None


class Queries:
    """The dead letters of one destination, to be read."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys
        self._vault = vault_of(keys.destination)

    def count(self) -> int:
        """Return how many there are."""
        return int(self._redis.zcard(self._keys.dead))

    def facets(self) -> dict[str, dict[str, int]]:
        """Return how many there are by reason, by code and by event."""
        raw: Any = self._redis.smembers(self._keys.facets)
        names = sorted(name.decode() for name in raw)
        pipe = self._redis.pipeline(transaction=False)
        for name in names:
            pipe.zcard(name)
        found: dict[str, dict[str, int]] = {"reason": {}, "code": {}, "event": {}}
        prefix = self._keys.of("dead:by:")
        for name, amount in zip(names, pipe.execute(), strict=True):
            kind, _, value = name.removeprefix(prefix).partition(":")
            found[kind][value] = amount
        return found

    def get(self, ref: str) -> DeadLetter | None:
        """Return one with its event (the edited one where there is a revision), or None."""
        return self.get_many([ref])[0]

    def get_many(self, refs: Sequence[str]) -> list[DeadLetter | None]:
        """Return several as :meth:`get` does, in one round trip."""
        if not refs:
            return []
        pipe = self._redis.pipeline(transaction=False)
        for key in (self._keys.dead_meta, self._keys.dead_revisions, self._keys.dead_events):
            pipe.hmget(key, refs)
        return [
            self._opened(meta, original if revision is None else revision) if meta and original is not None else None
            for meta, revision, original in zip(*pipe.execute(), strict=True)
        ]

    def original(self, ref: str) -> bytes | None:
        """Return the event of one as it came, edited or not."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.hget(self._keys.dead_meta, ref)
        pipe.hget(self._keys.dead_events, ref)
        meta, event = pipe.execute()
        return self._opened(meta, event).envelope.payload if meta and event is not None else None

    def _opened(self, meta: bytes, payload: bytes) -> DeadLetter:
        letter = read(meta, payload)
        return replace(letter, envelope=self._vault.opened(letter.envelope))

    def is_edited(self, ref: str) -> bool:
        """Say whether there is a revision beside the original."""
        return bool(self._redis.hexists(self._keys.dead_revisions, ref))

    def scan(
        self, wanted: Filter, *, start_after: str | None = None, oldest_first: bool = False
    ) -> Iterator[DeadLetter]:
        """Yield the matching ones without their events, newest first unless told otherwise.

        `start_after` is the ref of the last one of the page before. Dead letters that come or go meanwhile are
        seen or not; none that stays is passed over or seen twice.
        """
        index = self._smallest_index(wanted)
        bounds = _bounds(wanted)
        last = None
        if start_after is not None and (score := self._redis.zscore(index, start_after)) is not None:
            last = Position(float(score), start_after)
        while page := self._page(index, bounds, last, _PAGE, oldest_first=oldest_first):
            yield from (letter for _, letter in self._read(page, wanted))
            last = page[-1]

    def oldest(self, wanted: Filter, *, after: Position | None, most: int) -> Page:
        """Return the matching ones of the next `most` places, the oldest first, without their events."""
        rows = self._page(self._smallest_index(wanted), _bounds(wanted), after, most, oldest_first=True)
        return Page(self._read(rows, wanted), rows[-1]) if rows else Page([], None)

    def _read(self, page: list[Position], wanted: Filter) -> list[tuple[Position, DeadLetter]]:
        metas: Any = self._redis.hmget(self._keys.dead_meta, [place.ref for place in page])
        letters = ((place, read(meta)) for place, meta in zip(page, metas, strict=True) if meta)
        return [(place, letter) for place, letter in letters if wanted.matches(letter)]

    def _smallest_index(self, wanted: Filter) -> str:
        candidates = [
            self._keys.facet(kind, str(value))
            for kind, value in (("reason", wanted.reason), ("code", wanted.code), ("event", wanted.event))
            if value is not None
        ]
        if not candidates:
            return self._keys.dead
        pipe = self._redis.pipeline(transaction=False)
        for candidate in candidates:
            pipe.zcard(candidate)
        return min(zip(pipe.execute(), candidates, strict=True))[1]

    def _page(
        self, index: str, bounds: tuple[str, str], last: Position | None, most: int, *, oldest_first: bool
    ) -> list[Position]:
        """Return the next places, at most `most`, after `last` in the index's order of (score, ref)."""
        low, high = bounds
        offset = 0
        rows: Any
        if last is not None:
            low, high = (repr(last.score), high) if oldest_first else (low, repr(last.score))
        while True:
            if oldest_first:
                rows = self._redis.zrangebyscore(index, low, high, start=offset, num=most, withscores=True)
            else:
                rows = self._redis.zrevrangebyscore(index, high, low, start=offset, num=most, withscores=True)
            found = [Position(float(score), ref.decode()) for ref, score in rows]
            fresh = [row for row in found if last is None or _comes_after(row, last, oldest_first=oldest_first)]
            if fresh or len(rows) < most:
                return fresh
            # A whole page of the same millisecond as `last`, all of them seen: look further.
            offset += most


def _bounds(wanted: Filter) -> tuple[str, str]:
    low = "-inf" if wanted.after is None else repr(wanted.after * 1000)
    high = "+inf" if wanted.before is None else f"({wanted.before * 1000!r}"
    return low, high


def _comes_after(row: Position, last: Position, *, oldest_first: bool) -> bool:
    here, there = (row.score, row.ref.encode()), (last.score, last.ref.encode())
    return here > there if oldest_first else here < there
