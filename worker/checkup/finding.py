"""What one answer of the checkup is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer: `state` is pass, warn or fail; `advice` says what to do unless it is a pass."""

    subject: str
    state: str
    detail: str
    advice: str = ""


def finding(subject: str, detail: str, *, fail: bool = False, warn: bool = False, advice: str) -> Finding:
    """Return what was found; the advice is given only where it is needed."""
    state = "fail" if fail else "warn" if warn else "pass"
    return Finding(subject, state, detail, "" if state == "pass" else advice)
