"""Where does a person's data lie?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from redis import Redis

from worker.keys import Keys
from worker.people.index import PeopleIndex
from worker.people.person import Sought
from worker.people.stored import Stored, by_ref, everything, in_streams


@dataclass(frozen=True, slots=True)
class Found:
    """Something stored in which a person is named, and which of its events name them."""

    stored: Stored
    numbers: tuple[int, ...]


def search(redis: Redis, keys: Keys, sought: Sought, index: PeopleIndex, *, quick: bool = False) -> Iterator[Found]:
    """Yield what is stored of a person for one destination; an event that moves meanwhile may come twice.

    With `quick` scheduled events and dead letters are looked up in the index instead of being read one by one.
    """
    if quick:
        yield from _matching(by_ref(redis, keys, index.refs(sought.hashes)), sought)
        yield from _matching(in_streams(redis, keys), sought)
        yield from _matching(by_ref(redis, keys, index.refs(sought.hashes)), sought)
    else:
        yield from _matching(everything(redis, keys), sought)


def _matching(candidates: Iterator[Stored], sought: Sought) -> Iterator[Found]:
    for stored in candidates:
        numbers = tuple(number for number, envelope in enumerate(stored.envelopes) if sought.is_in(envelope.payload))
        if numbers:
            yield Found(stored, numbers)
