"""Which parts of a text could be somebody's: struck out before the text is logged, stored or shown."""

from __future__ import annotations

import re

_NOT_IN_MAIL = r"\s\"'<>@,;:=(){}\[\]"
_PATTERNS = (
    # Begun at the beginning of a run only, and never given back: a megabyte without an @ is read once.
    (re.compile(rf"(?<![^{_NOT_IN_MAIL}])[^{_NOT_IN_MAIL}]++@[^{_NOT_IN_MAIL}]++"), "[e-mail]"),
    (re.compile(r"\b[0-9a-fA-F]{64}\b"), "[hash]"),
    (re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])"), "[address]"),
    (re.compile(r"(?<![\w.])(?:[0-9a-fA-F]{1,4}:){3,7}[0-9a-fA-F:]{1,4}(?![\w.])"), "[address]"),
    # Seven digits and more, however grouped, could be a phone number; ids of TikTok's have 19 and stay readable.
    (re.compile(r"(?<![\w.])\+?\d(?:[\s().-]{0,2}\d){6,16}(?![\w])"), "[number]"),
)


def redact(text: str) -> str:
    """Return `text` with everything that looks like an e-mail address, a phone number, a hash or an IP struck out."""
    for pattern, stand_in in _PATTERNS:
        text = pattern.sub(stand_in, text)
    return text
