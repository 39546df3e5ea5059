"""Nothing but `true` is consent, wherever the event comes from."""

from __future__ import annotations

import time
from typing import Any

import pytest

from schemas import Consenting, Mapped, Mapper, MappingSettings, Refused

NOW = time.time()
EVENT: dict[str, Any] = {"event": "Purchase", "user": {"email": "ada@example.com"}}
AGREED = {"user": {"email": "a@b", "consent_categories": ["advertising"]}}


def ask(require: str, event: object) -> Mapped | Refused:
    mapper = Mapper(MappingSettings(source="tiktok", event_source_id="1"))
    return Consenting(mapper, require).map(event, event_id="e", received_at=NOW, now=NOW)


@pytest.mark.parametrize(
    ("require", "more"),
    [
        ("consent.advertising", {"consent": {"advertising": True}}),
        ("user.consent_categories contains 'advertising'", AGREED),
        ("consent == 'yes'", {"consent": "yes"}),
        ("a && b", {"a": True, "b": True}),
    ],
)
def test_true_is_consent(require: str, more: dict[str, Any]) -> None:
    assert isinstance(ask(require, EVENT | more), Mapped)


@pytest.mark.parametrize("value", [False, None, "true", "false", "yes", 1, 0, [True], {"advertising": True}, []])
def test_nothing_else_is(value: Any) -> None:
    refused = ask("consent", EVENT | {"consent": value})
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.faults[0].path) == ("no_consent", "consent")


@pytest.mark.parametrize("event", [EVENT, [], None, "x", {"consent": 1}])
def test_an_expression_that_cannot_be_worked_out_is_no_consent(event: object) -> None:
    refused = ask("consent contains 'advertising'", event)
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.faults[0].path) == ("no_consent", "$")
