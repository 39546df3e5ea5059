"""Did Segment's Webhooks destination send this?

It signs with HMAC-SHA1 in hexadecimal, header `X-Signature`: of one event the body; of a batch only the first event,
as Segment's support says (or nothing, as former versions did), so that a batch proves less.
"""

from __future__ import annotations

import hashlib
import hmac
import json

from worker.config import DoorSettings

_FIRST_EVENT_BYTES = 1_048_576


def is_signed(raw: bytes, signature: str, door: DoorSettings) -> bool:
    """Say whether `signature` is that of the body as it came, or, where batches are taken, of its first event."""
    if door.segment_secret is None:
        return False
    secret, given = door.segment_secret.reveal().encode(), signature.strip().lower().encode("ascii", "replace")
    if hmac.compare_digest(_signature(secret, raw), given):
        return True
    first = _first_event(raw) if door.segment_batches else None
    return first is not None and hmac.compare_digest(_signature(secret, first), given)


def _signature(secret: bytes, signed: bytes) -> bytes:
    return hmac.new(secret, signed, hashlib.sha1).hexdigest().encode()


def _first_event(raw: bytes) -> bytes | None:
    """Return the bytes of an array's first element, or None. Nobody has vouched for the body yet: it is bounded."""
    text = raw[:_FIRST_EVENT_BYTES].decode("utf-8", "ignore").lstrip()
    if not text.startswith("["):
        return None
    text = text[1:].lstrip()
    try:
        _, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return None
    return text[:end].encode()
