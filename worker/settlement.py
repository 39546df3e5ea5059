"""How the fate of a batch is written down: all of it, in one call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from worker.dead_letters import DeadLetter
from worker.envelope import Envelope
from worker.inbox import Claimed
from worker.keys import GROUP, Keys
from worker.latency import took
from worker.scripts import Call
from worker.vault import Vault, vault_of

MINUTE_LIVES_SECONDS = 7200
_FIRST_INDEX = 16
"""The keys before it are settle.lua's own."""


@dataclass(frozen=True, slots=True)
class Done:
    """The event needs nothing more: `counter` says why (delivered, duplicate, discarded)."""

    counter: str
    request_id: str | None = None


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
    served: int = 0
    """Requests that the endpoint answered, of which the breaker has not been told."""
    orders: list[OrderNote] = field(default_factory=list)
    people: list[str] = field(default_factory=list)
    """Entries of the index of people for what is to be kept."""

    def kept(self) -> Iterator[Envelope]:
        """Yield the events that stay: those to be tried again and the dead letters."""
        for _, fate in self.fates:
            if isinstance(fate, Later):
                yield fate.envelope
            elif isinstance(fate, Dead):
                yield fate.letter.envelope

    def count(self, name: str, amount: int = 1) -> None:
        """Add to a counter."""
        self.counters[name] = self.counters.get(name, 0) + amount


def call(keys: Keys, settlement: Settlement, *, now: float, ledger_seconds: float) -> Call:
    """Return the call that settles a batch; its answer is how many of the events were still ours.

    With keys no payload is written down in clear, however it came.

    It may be made again after a lost answer: what is settled is no longer pending and is passed over.

    Raises:
        ValueError: a part of a pack has no fate. Its entry ends as a whole, and that part would be lost.
    """
    indexes: dict[str, int] = {}
    done, mixed = _sections(keys, settlement.fates, indexes)
    args: list[str | bytes | float] = [GROUP, int(ledger_seconds) + 86400, MINUTE_LIVES_SECONDS]
    args += _section([_order(note, indexes) for note in settlement.orders])
    args.append(len(done))
    for (stream, counter, events), ids in done.items():
        args += [stream, counter, events, len(ids), *ids]
    args.append(b"".join(settlement.delivered) if ledger_seconds else b"")
    args += _section(mixed)
    waits = took(_delivered(settlement), now_ms=int(now * 1000))
    args += _section([*settlement.counters.items(), *waits.items()])
    args += [len(settlement.people), *settlement.people]
    return Call("settle", _keys(keys, now, indexes), args)


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
        keys.bulk_size,
        keys.people,
        *indexes,
    ]


_Record = Sequence[str | bytes | float]


def _section(records: Iterable[_Record]) -> list[str | bytes | float]:
    rows = list(records)
    return [len(rows), *(each for row in rows for each in row)]


def _sections(
    keys: Keys, fates: Iterable[tuple[Claimed, Fate]], indexes: dict[str, int]
) -> tuple[dict[tuple[int, str, int], list[str]], list[_Record]]:
    """Return the entries of which every event is done in the same way, by stream, counter and number of events; and
    what is to be said of the others."""
    vault = vault_of(keys.destination)
    done: dict[tuple[int, str, int], list[str]] = {}
    mixed: list[_Record] = []
    packs: dict[str, list[tuple[Claimed, Fate]]] = {}
    for claimed, fate in fates:
        if claimed.of > 1:
            packs.setdefault(claimed.entry_id, []).append((claimed, fate))
        elif isinstance(fate, Done):
            done.setdefault((claimed.stream, fate.counter, 1), []).append(claimed.entry_id)
        else:
            mixed.append(_mixed(keys, claimed, [fate], indexes, vault))
    for of_pack in packs.values():
        claimed, decided = of_pack[0][0], [fate for _, fate in of_pack]
        if len(decided) != claimed.of:
            raise ValueError("a pack is settled as a whole or not at all")
        first = decided[0]
        if isinstance(first, Done) and all(
            isinstance(each, Done) and each.counter == first.counter for each in decided
        ):
            done.setdefault((claimed.stream, first.counter, len(decided)), []).append(claimed.entry_id)
        else:
            mixed.append(_mixed(keys, claimed, decided, indexes, vault))
    return done, mixed


def _mixed(keys: Keys, claimed: Claimed, fates: Sequence[Fate], indexes: dict[str, int], vault: Vault) -> _Record:
    # A pack that did not open is as many events as it holds, and one dead letter.
    weight = max(1, len(claimed.envelope.ids))
    counts: Counter[str] = Counter()
    later: list[_Record] = []
    dead: list[_Record] = []
    for fate in fates:
        if isinstance(fate, Dead):
            letter = fate.letter
            numbers = [indexes.setdefault(key, _FIRST_INDEX + len(indexes)) for key in letter.indexes(keys)]
            counts.update({f"dead:{letter.reason}": weight, "dead": weight})
            dead.append((letter.ref, letter.meta(), vault.kept(letter.envelope).stored, len(numbers), *numbers))
            continue
        counts[fate.counter] += weight
        if isinstance(fate, Later):
            wait = max(0, round(fate.wait_seconds * 1000))
            later.append((fate.envelope.ref, wait, vault.kept(fate.envelope).packed()))
    return (
        *(claimed.stream, claimed.entry_id, len(fates) * weight),
        *_section(list(counts.items())),
        *_section(later),
        *_section(dead),
    )
