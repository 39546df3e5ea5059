"""How dead letters go back into the replay stream: many in one call, each in one place only at any time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from redis import Redis

from worker.dead_letters.letter import DeadLetter
from worker.dead_letters.queries import Position
from worker.keys import Keys
from worker.scripts import run

_FIRST_INDEX = 10
"""The keys before it are requeue.lua's own."""

_MOST_BYTES = 4_000_000
"""Moving this much takes Redis a few milliseconds, in which it does nothing else."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A dead letter as it was read, its place, and whether it stays because it is too old by now."""

    letter: DeadLetter
    place: Position
    stays: bool = False


@dataclass(frozen=True, slots=True)
class JobStep:
    """The job that a call is a step of: its key, its lease, who runs it, and where it stands after the step.

    `end` None says that nothing was left, which ends the job.
    """

    key: str
    lease: str
    owner: str
    lease_ms: int
    end: Position | None


def requeue(
    redis: Redis, keys: Keys, wanted: Sequence[Wanted], *, forced: bool, job: JobStep | None = None
) -> tuple[int, int]:
    """Put dead letters back, as edited if they were.

    Their attempts start anew, their history stays. `forced` sends them even if the ledger says that they were
    delivered.

    Returns:
        (how many were dealt with, how many of them were put back). The first is fewer than asked for when they are
        large, and -1 when the job was cancelled or is run by somebody else; then nothing was done.
    """
    indexes: dict[str, int] = {}
    args: list[str | bytes | float] = [job.owner, job.lease_ms] if job else ["", 0]
    args += [_MOST_BYTES, job.end.text() if job and job.end else ""]
    for each in wanted:
        letter = each.letter
        numbers = [indexes.setdefault(key, _FIRST_INDEX + len(indexes)) for key in letter.indexes(keys)]
        envelope = b"" if each.stays else _from_now_on(letter, forced=forced)
        args += [letter.ref, each.place.text(), letter.envelope.replays, envelope, len(numbers), *numbers]
    own = [keys.dead, keys.dead_meta, keys.dead_events, keys.dead_revisions, keys.facets, keys.replay, keys.totals]
    own += [job.key, job.lease] if job else [keys.job(""), f"{keys.job('')}:lease"]
    handled, moved = run(redis, "requeue", [*own, *indexes], args)
    return int(handled), int(moved)


def _from_now_on(letter: DeadLetter, *, forced: bool) -> bytes:
    envelope = letter.envelope
    return replace(envelope, attempts=0, replays=envelope.replays + 1, forced=forced or envelope.forced).meta()
