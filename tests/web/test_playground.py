"""The playground: what would be sent, what was dropped and why, and nothing stored."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import redis as redis_py

Check = Callable[..., str]


@pytest.fixture
def check(visit: Any) -> Check:
    """Ask what would become of a text."""
    visit.get("/playground")

    def ask(event: str, destination: str = "stores", path: str = "/playground/check") -> str:
        return str(visit.post(path, {"event": event, "destination": destination}).get_data(as_text=True))

    return ask


def test_a_good_event_is_shown_as_it_would_be_sent(
    check: Check, order_completed: Callable[..., dict[str, Any]], redis: redis_py.Redis
) -> None:
    event = order_completed(1, value="46,50")
    event["context"]["traits"]["phone"] = "12"
    before = set(redis.keys())
    page = check(json.dumps(event), path="/playground")
    assert set(redis.keys()) == before
    assert "It would be sent as Purchase" in page
    assert "POST event/track/" in page
    assert "← was text and is sent as a number" in page
    assert "← is not a possible phone number" in page


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "Paste an event"),
        ("{", "It is not JSON at line 1"),
        ("[1]", "not an object"),
        ('{"type": "track", "event": "Order Completed"}', "would not be sent"),
        ('{"type": "track", "event": "<b>"}', "unmapped"),
        ('{"a": "' + "x" * 2_000 + '"}', "would not be sent"),
    ],
)
def test_what_would_not_be_sent_is_told_with_its_reason(check: Check, text: str, told: str) -> None:
    page = check(text)
    assert told in page
    assert "<b>" not in page.replace("<b>unmapped</b>", "").replace("<b>invalid</b>", "").replace(
        "<b>no_match_key</b>", ""
    )


def test_a_destination_that_is_not_there_is_said_to_be_so(check: Check) -> None:
    assert "There is no such destination" in check("{}", destination="nothing")
