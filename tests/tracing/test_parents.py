"""A traceparent is believed only if it is one."""

from __future__ import annotations

import pytest

from worker.tracing import Trace, trace_of

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (f"00-{TRACE}-{SPAN}-01", Trace(TRACE, SPAN, sampled=True)),
        (f"00-{TRACE}-{SPAN}-00", Trace(TRACE, SPAN, sampled=False)),
        (f"00-{TRACE}-{SPAN}-03", Trace(TRACE, SPAN, sampled=True)),
        (None, None),
        ("", None),
        ("someone@example.com", None),
        (f"ff-{TRACE}-{SPAN}-01", None),
        (f"00-{'0' * 32}-{SPAN}-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (f"00-{TRACE.upper()}-{SPAN}-01", None),
        (f"00-{TRACE}-{SPAN}-01\n", None),
        (f"00-{TRACE}-{SPAN}", None),
    ],
)
def test_a_traceparent_is_believed_only_in_its_form(given: str | None, expected: Trace | None) -> None:
    assert trace_of(given) == expected
