"""Which trace does an event belong to?"""

from __future__ import annotations

import sys


def current_traceparent() -> str:
    """Returns the W3C ``traceparent`` of the active Sentry span, or an empty text.

    Only an app that uses Sentry has imported it, so it is not imported here. Source of the form:
    W3C Trace Context, section 3.2.
    """
    sentry_sdk = sys.modules.get("sentry_sdk")
    if sentry_sdk is None:
        return ""
    span = sentry_sdk.get_current_span()
    if span is None or not span.trace_id or not span.span_id:
        return ""
    return f"00-{span.trace_id}-{span.span_id}-{'01' if span.sampled else '00'}"
