"""How the fate of a batch is written down: all of it, in one call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from redis import Redis

from worker.dead_letters import DeadLetter
from worker.envelope import Envelope
from worker.inbox import Claimed
from worker.keys import GROUP, Keys
from worker.latency import took
from worker.scripts import run

MINUTE_LIVES_SECONDS = 7200
_FIRST_INDEX = 13
"""The keys before it are settle.lua's own."""


@dataclass(frozen=True, slots=True)
class Done:
    """The event needs nothing more: `counter` says why (delivered, duplicate, discarded)."""

    counter: str


@dataclass(frozen=True, slots=True)
class Later:
    """The event is tried again in `wait_seconds`; `counter` is `retried` or `deferred`."""

    envelope: Envelope
    wait_seconds: float
    counter: str


@dataclass(frozen=True, slots=True)
class Dead:
    """The event becomes a dead letter."""

    letter: DeadLetter


Fate = Done | Later | Dead


@dataclass(frozen=True, slots=True)
class OrderNote:
    """What the fate of an entry means for the order that it is an update of.

    `key` is the order's, `refs` that of the index by ref. `state` is "gone", "d" (it waits for nothing but its turn)
    or "r" (it comes again for another reason).
    """

    claimed: Claimed
    key: str
    refs: str
    token: str
    delivered_ms: int | None
    state: str
    remember_seconds: float


@dataclass(slots=True)
class Settlement:
    """What became of one batch, as far as it is decided."""

    fates: list[tuple[Claimed, Fate]] = field(default_factory=list)
    delivered: list[bytes] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)
    orders: list[OrderNote] = field(default_factory=list)

    def count(self, name: str, amount: int = 1) -> None:
        """Add to a counter."""
        self.counters[name] = self.counters.get(name, 0) + amount


def write(redis: Redis, keys: Keys, settlement: Settlement, *, now: float, ledger_seconds: float) -> int:
    """Settle a batch; return how many of its entries were still ours.

    May be called again after a lost answer: what is settled is no longer pending and is passed over.
    """
    indexes: dict[str, int] = {}
    done, later, dead = _sections(keys, settlement.fates, indexes)
    args: list[str | bytes | float] = [GROUP, int(ledger_seconds) + 86400, MINUTE_LIVES_SECONDS]
    args += _section([_order(note, indexes) for note in settlement.orders])
    args += _section(done)
    digests = settlement.delivered if ledger_seconds else []
    args += [len(digests), *digests]
    args += _section(later)
    args += _section(dead)
    waits = took(_delivered(settlement), now_ms=int(now * 1000))
    args += _section([*settlement.counters.items(), *waits.items()])
    return int(run(redis, "settle", _keys(keys, now, indexes), args))


def _delivered(settlement: Settlement) -> Iterator[int]:
    """Yield when each event that is delivered was enqueued."""
    for claimed, fate in settlement.fates:
        if isinstance(fate, Done) and fate.counter == "delivered":
            yield claimed.envelope.enqueued_at


def _order(note: OrderNote, indexes: dict[str, int]) -> _Record:
    key, refs = (indexes.setdefault(each, _FIRST_INDEX + len(indexes)) for each in (note.key, note.refs))
    return (
        *(note.claimed.stream, note.claimed.entry_id, key, refs),
        *(note.claimed.envelope.ref, note.token, "" if note.delivered_ms is None else note.delivered_ms, note.state),
        int(note.remember_seconds),
    )


def _keys(keys: Keys, now: float, indexes: Mapping[str, int]) -> list[str]:
    return [
        *keys.streams,
        *(keys.due, keys.scheduled, keys.dead, keys.dead_meta, keys.dead_events, keys.facets, keys.totals),
        keys.minute(int(now // 60)),
        keys.ledger(int(now // 86400)),
        *indexes,
    ]


_Record = Sequence[str | bytes | float]


def _section(records: Iterable[_Record]) -> list[str | bytes | float]:
    rows = list(records)
    return [len(rows), *(each for row in rows for each in row)]


def _sections(
    keys: Keys, fates: Iterable[tuple[Claimed, Fate]], indexes: dict[str, int]
) -> tuple[list[_Record], list[_Record], list[_Record]]:
    done: list[_Record] = []
    later: list[_Record] = []
    dead: list[_Record] = []
    for claimed, fate in fates:
        place = (claimed.stream, claimed.entry_id)
        if isinstance(fate, Done):
            done.append((*place, fate.counter))
        elif isinstance(fate, Later):
            wait = max(0, round(fate.wait_seconds * 1000))
            later.append((*place, fate.envelope.ref, wait, fate.envelope.packed(), fate.counter))
        else:
            letter = fate.letter
            numbers = [indexes.setdefault(key, _FIRST_INDEX + len(indexes)) for key in letter.indexes(keys)]
            counter = f"dead:{letter.reason}"
            dead.append((*place, letter.ref, letter.meta(), letter.envelope.payload, counter, len(numbers), *numbers))
    return done, later, dead
