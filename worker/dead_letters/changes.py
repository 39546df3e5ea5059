"""What a person does with dead letters: put back, edit, discard, purge."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from itertools import islice

from redis import Redis

from worker.dead_letters.letter import DeadLetter, read
from worker.dead_letters.queries import Position, Queries
from worker.dead_letters.requeueing import Wanted, requeue
from worker.keys import Keys
from worker.scripts import run
from worker.vault import vault_of

_AT_ONCE = 500
"""How many one call removes: a few milliseconds of Redis."""


class Replayed(StrEnum):
    """What became of a dead letter that was to be put back."""

    REPLAYED = "replayed"
    GONE = "gone"


class Changes:
    """The dead letters of one destination, to be changed."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys
        self._queries = Queries(redis, keys)
        self._vault = vault_of(keys.destination)

    def add(self, letter: DeadLetter) -> None:
        """Keep one that comes from no stream: refused at a door, or imported."""
        pipe = self._redis.pipeline(transaction=True)
        score = letter.dead_at * 1000
        pipe.hset(self._keys.dead_meta, letter.ref, letter.meta())
        pipe.hset(self._keys.dead_events, letter.ref, self._vault.kept(letter.envelope).stored)
        pipe.zadd(self._keys.dead, {letter.ref: score})
        for index in letter.indexes(self._keys):
            pipe.zadd(index, {letter.ref: score})
            pipe.sadd(self._keys.facets, index)
        pipe.hincrby(self._keys.totals, f"dead:{letter.reason}", 1)
        pipe.hincrby(self._keys.totals, "dead", 1)
        pipe.execute()

    def replay(self, ref: str, *, forced: bool = False) -> Replayed:
        """Put one back into its destination's replay stream, as edited if it was.

        Its attempts start anew, its history stays. `forced` sends it even if the ledger says that it was
        delivered.
        """
        letter = self._queries.get(ref)
        if letter is None:
            return Replayed.GONE
        _, moved = requeue(self._redis, self._keys, [Wanted(letter, Position(0.0, ref))], forced=forced)
        return Replayed.REPLAYED if moved else Replayed.GONE

    def edit(self, ref: str, payload: bytes) -> bool:
        """Lay a revision beside the original event; the next replay sends it. Return False if there is no such one."""
        meta = self._redis.hget(self._keys.dead_meta, ref)
        if not isinstance(meta, bytes):
            return False
        keys = [self._keys.dead_meta, self._keys.dead_events, self._keys.dead_revisions]
        sealed = self._vault.kept(read(meta, payload).envelope).stored
        return bool(run(self._redis, "revise", keys, [ref, sealed]))

    def discard(self, letters: Iterable[DeadLetter], *, counter: str = "discarded") -> int:
        """Remove some for good; return how many there were. One that died again since it was read stays."""
        keys = self._keys
        own = [keys.dead, keys.dead_meta, keys.dead_events, keys.dead_revisions, keys.facets, keys.totals]
        gone, left = 0, iter(letters)
        while part := list(islice(left, _AT_ONCE)):
            indexes = dict.fromkeys(index for letter in part for index in letter.indexes(keys))
            args = [each for letter in part for each in (letter.ref, letter.envelope.replays)]
            gone += int(run(self._redis, "forget", [*own, *indexes], [counter, *args]))
        return gone
