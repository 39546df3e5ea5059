"""Which actions of Segment's destination may a mapping name, and what has become of each?

All three send the same fields in the same way, so the name decides nothing; it is taken so that a mapping can be
carried over from Segment as it is.
"""

from __future__ import annotations

from collections.abc import Mapping

REPORT_OFFLINE_EVENT = "reportOfflineEvent"

# Segment's name of the action -> the one to use instead, None for the one that is not deprecated.
ACTIONS: Mapping[str, str | None] = {
    REPORT_OFFLINE_EVENT: None,
    "trackPaymentOfflineConversion": REPORT_OFFLINE_EVENT,
    "trackNonPaymentOfflineConversion": REPORT_OFFLINE_EVENT,
}
