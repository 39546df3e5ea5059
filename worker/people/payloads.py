"""How is a stored payload read, and a pack that shrinks written again? Everything here goes through this file."""

from __future__ import annotations

from worker.envelope import Envelope


def opened(destination: str, envelope: Envelope) -> bytes:  # noqa: ARG001 # payloads are stored as they came
    """Return the clear payload of an envelope as it was read from Redis."""
    return envelope.payload


def opened_pack(destination: str, events: bytes, ids: bytes) -> list[bytes]:  # noqa: ARG001 # as above
    """Return the clear payloads of a pack, in their order."""
    return events.split(b"\n")


def packed(destination: str, payloads: list[bytes], ids: bytes) -> bytes:  # noqa: ARG001 # as above
    """Return clear payloads as the pack that is stored; `ids` are theirs, as the entry has them."""
    return b"\n".join(payloads)
