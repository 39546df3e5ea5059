"""How do encoded events become the words of one command, single or many in one entry?

A stream entry costs Redis and the worker the same whether it holds one event or a hundred, so many
events that come together travel in packs, where the workers say that they read them.
"""

from __future__ import annotations

from collections.abc import Iterator

from tiktok_events.commands import Word
from tiktok_events.items import Item

#: What one command may carry. While Redis stores one such part, the next is encoded: smaller ones wait for the network,
#: larger ones keep Redis from everyone else for more than half a millisecond.
CHUNK_EVENTS = 200
CHUNK_BYTES = 524_288
#: Above this a pack's entry would cost the worker memory for no gain.
_PACK_BYTES = 262_144
#: A pack of fewer saves nothing.
_LEAST_IN_A_PACK = 4


class Chunk:
    """Events that wait to be sent in one command."""

    __slots__ = ("_bytes", "_items")

    def __init__(self) -> None:
        self._items: list[Item] = []
        self._bytes = 0

    def has_room(self, item: Item) -> bool:
        """Returns whether the item may go with those that wait; alone, every item may."""
        return len(self._items) < CHUNK_EVENTS and (self._bytes + len(item[0]) <= CHUNK_BYTES or not self._items)

    def add(self, item: Item) -> None:
        self._items.append(item)
        self._bytes += len(item[0])

    def take(self) -> list[Item]:
        """Returns what waits; then nothing does."""
        items, self._items, self._bytes = self._items, [], 0
        return items


def words(items: list[Item], *, pack: int) -> list[Word]:
    """Returns what the script wants for these events, in their order.

    Args:
        items: at least one.
        pack: how many events an entry may hold; 1 for single ones only.
    """
    found: list[Word] = []
    for group in [items] if len(items) == 1 or pack == 1 else _groups(items, pack):
        if pack > 1 and len(group) >= _LEAST_IN_A_PACK:
            found += (
                len(group),
                b"\n".join([encoded for encoded, _ in group]),
                "\n".join([event_id for _, event_id in group]),
            )
        else:
            for encoded, event_id in group:
                found += (1, encoded, event_id)
    return found


def _groups(items: list[Item], pack: int) -> Iterator[list[Item]]:
    """Yields the items cut where a pack is full, by number or by bytes."""
    first = size = 0
    for place, (encoded, _) in enumerate(items):
        if place > first and (place - first >= pack or size + len(encoded) + 1 > _PACK_BYTES):
            yield items[first:place]
            first, size = place, 0
        size += len(encoded) + 1
    yield items[first:]
