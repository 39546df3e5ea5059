"""How do encoded events become the words of one command, single or many in one entry?

A stream entry costs Redis and the worker the same whether it holds one event or a hundred, so many
events that come together travel in packs, where the workers say that they read them.
"""

from __future__ import annotations

from collections.abc import Iterator

from tiktok_events import sealing
from tiktok_events.commands import Word
from tiktok_events.sealing import Keyring

#: What one command may carry. While Redis stores one such part the next is encoded, so that two are held at a time.
#: On one machine 100, 200 and 500 cost the same; over a network, fewer round trips are better.
CHUNK_EVENTS = 200
CHUNK_BYTES = 524_288
#: Above this a pack's entry would cost the worker memory for no gain. The line breaks count.
_PACK_BYTES = 262_144
#: A pack of fewer saves nothing.
_LEAST_IN_A_PACK = 4


class Chunk:
    """Events with their ids that are sent in one command.

    Two lists instead of one of pairs: each pair would be one more object for the garbage collector to count.
    """

    __slots__ = ("_bytes", "events", "ids")

    def __init__(self, events: list[bytes], ids: list[str]) -> None:
        self.events = events
        self.ids = ids
        self._bytes = sum(map(len, events))

    def __len__(self) -> int:
        return len(self.ids)

    def has_room(self, encoded: bytes) -> bool:
        """Returns whether an event may go with those before it; alone, every event may."""
        return len(self.ids) < CHUNK_EVENTS and (self._bytes + len(encoded) <= CHUNK_BYTES or not self.ids)

    def add(self, encoded: bytes, event_id: str) -> None:
        self.events.append(encoded)
        self.ids.append(event_id)
        self._bytes += len(encoded)

    def after(self, count: int) -> Chunk:
        """Returns what follows the first ``count`` events."""
        return Chunk(self.events[count:], self.ids[count:])

    def words(self, *, pack: int, destination: str, keyring: Keyring | None) -> list[Word]:
        """Returns what the script wants for these events, in their order.

        Args:
            pack: how many events an entry may hold; 1 for single ones only.
            destination: where to; a sealed event is bound to it.
            keyring: what to seal each entry with, None to leave it clear.
        """
        found: list[Word] = []
        # Too few for a pack are looked at no further, for every event that comes alone passes here.
        alone = pack == 1 or len(self.ids) < _LEAST_IN_A_PACK
        for first, end in ((0, len(self.ids)),) if alone else self._entries(pack):
            if not alone and end - first >= _LEAST_IN_A_PACK:
                events, ids = b"\n".join(self.events[first:end]), self.ids[first:end]
                if keyring is not None:
                    events = keyring.seal(events, sealing.to_pack(destination, ids))
                found += (end - first, events, "\n".join(ids))
                continue
            for place in range(first, end):
                event, event_id = self.events[place], self.ids[place]
                if keyring is not None:
                    event = keyring.seal(event, sealing.to_event(destination, event_id))
                found += (1, event, event_id)
        return found

    def _entries(self, pack: int) -> Iterator[tuple[int, int]]:
        """Yields where each entry begins and ends: cut where it is full, by number or by bytes."""
        first = size = 0
        for place, encoded in enumerate(self.events):
            if place > first and (place - first >= pack or size + len(encoded) + 1 > _PACK_BYTES):
                yield first, place
                first, size = place, 0
            size += len(encoded) + 1
        if self.events:
            yield first, len(self.events)
