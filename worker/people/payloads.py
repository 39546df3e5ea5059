"""How is a stored payload read, and a pack that shrinks written again? Everything here goes through this file."""

from __future__ import annotations

from tiktok_events.sealing import SealedError, is_sealed
from worker.envelope import Envelope
from worker.vault import vault_of


def opened(destination: str, envelope: Envelope) -> bytes:
    """Return the clear payload of an envelope as it was read from Redis; one that does not open as it is."""
    if not is_sealed(envelope.payload):
        return envelope.payload
    try:
        return vault_of(destination).clear(envelope)
    except SealedError:
        return envelope.payload


def opened_pack(destination: str, events: bytes, ids: bytes) -> list[bytes]:
    """Return the clear payloads of a pack, in their order; one that does not open as a single payload, as it is."""
    clear = opened(destination, _whole(events, ids))
    return [clear] if is_sealed(clear) else clear.split(b"\n")


def packed(destination: str, payloads: list[bytes], ids: bytes) -> bytes:
    """Return clear payloads as the pack that is stored, sealed if there are keys; `ids` are theirs, as the entry has
    them."""
    return vault_of(destination).kept(_whole(b"\n".join(payloads), ids)).stored


def _whole(events: bytes, ids: bytes) -> Envelope:
    return Envelope("", "", events, 0, ids=tuple(ids.decode("utf-8", "replace").split("\n")))
