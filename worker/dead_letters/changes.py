"""What a person does with dead letters: put back, edit, discard, purge."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum

from redis import Redis

from worker.dead_letters.letter import DeadLetter, indexes
from worker.dead_letters.queries import Queries
from worker.keys import Keys
from worker.scripts import run


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

    def add(self, letter: DeadLetter) -> None:
        """Keep one that comes from no stream: refused at a door, or imported."""
        pipe = self._redis.pipeline(transaction=True)
        score = letter.dead_at * 1000
        pipe.hset(self._keys.dead_meta, letter.ref, letter.meta())
        pipe.hset(self._keys.dead_events, letter.ref, letter.envelope.payload)
        pipe.zadd(self._keys.dead, {letter.ref: score})
        for index in letter.indexes(self._keys):
            pipe.zadd(index, {letter.ref: score})
            pipe.sadd(self._keys.facets, index)
        pipe.hincrby(self._keys.totals, f"dead:{letter.reason}", 1)
        pipe.hincrby(self._keys.totals, "dead", 1)
        pipe.execute()

    def replay(self, ref: str, *, forced: bool = False, job: str | None = None) -> Replayed:
        """Put one back into its destination's replay stream, as edited if it was.

        Its attempts start anew, its history stays. `forced` sends it even if the ledger says that it was
        delivered. `job` names the replay job that counts it.
        """
        letter = self._queries.get(ref)
        if letter is None:
            return Replayed.GONE
        envelope = replace(
            letter.envelope,
            attempts=0,
            replays=letter.envelope.replays + 1,
            forced=forced or letter.envelope.forced,
        )
        keys = [*self._letter_keys(), self._keys.replay, self._keys.totals, self._keys.job(job or "")]
        keys += letter.indexes(self._keys)
        moved = run(self._redis, "requeue", keys, [ref, letter.envelope.replays, envelope.meta(), "job" if job else ""])
        return Replayed.REPLAYED if moved else Replayed.GONE

    def edit(self, ref: str, payload: bytes) -> bool:
        """Lay a revision beside the original event; the next replay sends it. Return False if there is no such one."""
        keys = [self._keys.dead_events, self._keys.dead_revisions]
        return bool(run(self._redis, "revise", keys, [ref, payload]))

    def discard(self, letters: Iterable[DeadLetter], *, counter: str = "discarded") -> int:
        """Remove some for good; return how many there were. One that died again since it was read stays."""
        alike: dict[tuple[str, int | None, str | None], list[str | int]] = defaultdict(list)
        for letter in letters:
            alike[letter.reason, letter.code, letter.event] += (letter.ref, letter.envelope.replays)
        gone = 0
        for (reason, code, event), chosen in alike.items():
            facets = indexes(self._keys, reason=reason, code=code, event=event)
            gone += int(
                run(
                    self._redis,
                    "forget",
                    [*self._letter_keys(), self._keys.totals, *facets],
                    [counter, *chosen],
                )
            )
        return gone

    def _letter_keys(self) -> list[str]:
        keys = self._keys
        return [keys.dead, keys.dead_meta, keys.dead_events, keys.dead_revisions, keys.facets]
