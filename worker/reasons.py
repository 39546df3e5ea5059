"""Why an event can be a dead letter: the closed list, with what to do about each."""

from __future__ import annotations

REASONS: dict[str, tuple[str, str]] = {
    "undecodable": (
        "the payload is not JSON, not an object, nested too deep, or the stream entry has no event",
        "mend the producer; edit the event and replay it",
    ),
    "undecryptable": (
        "the payload is sealed with a key that is not here, or is damaged, or was sealed for another event",
        "bring the key back and replay; without it the event is lost: discard",
    ),
    "unencrypted": (
        "the event came in clear, and the destination has `require_encryption`",
        "give the producer the keys; replay sends this one",
    ),
    "too_large": (
        "the event is larger than `max_event_bytes`, or TikTok refuses it alone as too large",
        "shorten it at the producer, or raise the limit, and replay",
    ),
    "unknown_destination": (
        "the event named a destination that the configuration does not have",
        "move it to a destination that exists (`dead-letters move`), look at it there, and replay it",
    ),
    "unmapped": (
        "no mapping or preset asks for this event",
        'add a mapping and replay, or set `unmapped = "discard"`',
    ),
    "invalid": ("fields break the contract; each is named with its rule", "edit the named fields and replay"),
    "no_match_key": (
        "nothing is left that TikTok could match a person by",
        "add an e-mail address or phone number (with country code or `default_region`) and replay",
    ),
    "expired": ("the event is older than `max_event_age`", "nothing: TikTok would not attribute it; discard"),
    "no_consent": (
        "the event does not say that its person agreed, as `consent.require` asks",
        "nothing: it was not agreed to; if the condition reads the wrong place, mend it, restart and replay",
    ),
    "rejected": (
        "TikTok refuses this event; code and message say why",
        "mend what the message names, edit and replay",
    ),
    "partial": (
        "TikTok took a request in part (20001) and did not say which part",
        "look in Events Manager; a replay within 48 h is deduplicated by TikTok",
    ),
    "exhausted": (
        "`max_attempts` or `max_age` of the retries is used up",
        "see the history for the last error; replay once the cause is gone",
    ),
    "given_up": (
        "a person gave up on its retries",
        "see the history for the last error; replay it after all, or discard it",
    ),
    "crash_loop": (
        "workers died over this event `max_deliveries` times",
        "inspect the event; report it; replay once the worker is mended",
    ),
}
"""Reason: (what it means, what to do next)."""
