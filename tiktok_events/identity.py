"""Which id does an event keep from the door to TikTok?

TikTok drops repeats of an event id within 48 hours, and the worker's ledger does the same, so an
event must have the same id however often it is enqueued, retried or replayed. Producers and
workers (for events that came by a raw ``XADD``) use the same rule, which is here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

MAX_ID_CHARACTERS = 256

_ID_FIELDS = ("event_id", "messageId")
_INTERNATIONAL_PHONE = re.compile(r"\+[\d\s().-]+")
# Escaping everything outside ASCII keeps the digest defined for lone surrogates too.
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def event_identity(event: Mapping[str, Any]) -> str:
    """Returns the id of an event: its own if it has a usable one, else one derived from its content.

    Its own is the first of ``event_id`` and ``messageId`` that is a non-blank text (stripped) or a
    whole number (as text). An id is shown in logs and keys, so one that breaks ``id_fault`` is not
    used; the event then gets a derived id, like one without any.

    A derived id is the first 32 hexadecimal digits of the SHA-256 of the event as JSON with sorted
    keys. Two events with equal content therefore have one id: a source without ids should at least
    put the time into its events.

    Args:
        event: decoded JSON, not deeper than 100 levels.
    """
    for field in _ID_FIELDS:
        own = event.get(field)
        if isinstance(own, int) and not isinstance(own, bool):
            own = str(own)
        if isinstance(own, str) and (own := own.strip()):
            return _derived(event) if id_fault(own) else own
    return _derived(event)


def id_fault(event_id: str) -> str | None:
    """Returns the rule that an event id breaks, without the id, or None.

    The length is far above every id seen in the field and keeps keys small. The other two rules keep
    e-mail addresses, phone numbers and terminal escapes out of logs and keys.
    """
    if len(event_id) > MAX_ID_CHARACTERS:
        return f"has more than {MAX_ID_CHARACTERS} characters"
    if "@" in event_id or (event_id[:1] == "+" and _INTERNATIONAL_PHONE.fullmatch(event_id)):
        return "looks like an e-mail address or a phone number"
    if not event_id.isprintable():
        return "has characters that cannot be printed"
    return None


def _derived(event: Mapping[str, Any]) -> str:
    return hashlib.sha256(_CANONICAL.encode(event).encode("ascii")).hexdigest()[:32]
