"""Which trace does a `traceparent` name? Anybody may have written it: what is not one is nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass

_FORM = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")
_SAMPLED = 1


@dataclass(frozen=True, slots=True)
class Trace:
    """The span of a producer that events were enqueued in."""

    trace_id: str
    span_id: str
    sampled: bool


def is_trace(traceparent: str) -> bool:
    """Say whether it names one."""
    return _FORM.fullmatch(traceparent) is not None


def trace_of(traceparent: str | None) -> Trace | None:
    """Return the trace, or None. Source of the form: W3C Trace Context, section 3.2."""
    found = _FORM.fullmatch(traceparent) if traceparent else None
    return Trace(found[1], found[2], bool(int(found[3], 16) & _SAMPLED)) if found else None
