"""How does a command look on the wire?"""

from __future__ import annotations

Word = bytes | str | int

#: A word of this size is sent by itself instead of being copied once more.
_LARGE_BYTES = 32_768


def packed(command: tuple[Word, ...]) -> list[bytes]:
    """Returns a command in as few pieces as pays. redis-py's packer makes one of every 6 KB: 8 µs an event more."""
    pieces: list[bytes] = []
    waiting = [b"*%d\r\n" % len(command)]
    for word in command:
        raw = word if isinstance(word, bytes) else str(word).encode("utf-8")
        if len(raw) < _LARGE_BYTES:
            waiting.append(b"$%d\r\n%b\r\n" % (len(raw), raw))
            continue
        waiting.append(b"$%d\r\n" % len(raw))
        pieces += (b"".join(waiting), raw)
        waiting = [b"\r\n"]
    pieces.append(b"".join(waiting))
    return pieces
