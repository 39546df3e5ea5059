"""Is each field of TikTok's form accepted, changed or refused by its own rule, all faults together?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from schemas.contract import TARGETS, load


def loaded(part: str, field: str, value: Any) -> tuple[Any, list[tuple[str, str]]]:
    body, faults = load({"event": "Purchase", "event_id": "1", part: {field: value}})
    return body.get(part, {}).get(field), [(fault.path, fault.rule) for fault in faults]


@pytest.mark.parametrize(
    ("part", "field", "value", "sent"),
    [
        ("properties", "value", 0, 0),
        ("properties", "value", "12,30", 12.3),
        ("properties", "value", -5, -5),
        ("properties", "currency", " usd ", "USD"),
        ("properties", "order_id", 1234567890123456789, "1234567890123456789"),
        ("properties", "order_id", 12.0, "12"),
        ("properties", "order_id", 1.5, "1.5"),
        ("properties", "order_id", " o-1 ", "o-1"),
        ("properties", "content_type", "product_group", "product_group"),
        ("properties", "content_ids", ["a", 7, None, ""], ["a", "7"]),
        ("properties", "content_ids", "a", ["a"]),
        ("properties", "num_items", "3", 3),
        ("properties", "description", "🍵 שלום \x00", "🍵 שלום \x00"),
        ("properties", "customer_type", "returning", "returning"),
        ("user", "att_status", "denied", "DENIED"),
        ("user", "ttclid", 5, "5"),
        ("ad", "is_retargeting", "False", False),
        ("ad", "attribution_share", "0.25", 0.25),
        ("lead", "lead_id", 77, "77"),
        ("app", "app_id", 77, "77"),
    ],
)
def test_accepts(part: str, field: str, value: Any, sent: Any) -> None:
    assert loaded(part, field, value) == (sent, [])


@pytest.mark.parametrize("target", sorted(target for target in TARGETS if "." in target))
@pytest.mark.parametrize("blank", [None, "", " ", "\ufeff"])
def test_blank_is_absent_everywhere(target: str, blank: Any) -> None:
    part, _, field = target.partition(".")
    assert load({"event": "Purchase", "event_id": "1", part: {field: blank}}) == (
        {"event": "Purchase", "event_id": "1"},
        [],
    )


@pytest.mark.parametrize("target", sorted(target for target in TARGETS if "." in target))
@pytest.mark.parametrize("value", [True, {"a": 1}], ids=["boolean", "object"])
def test_wrong_types_are_refused_at_their_place(target: str, value: Any) -> None:
    part, _, field = target.partition(".")
    if target in {"ad.is_retargeting", "ad.attributed"} and value is True:
        return
    sent, faults = loaded(part, field, value)
    assert sent is None
    # A lone element of a list that may be one alone has a place of its own.
    assert [path.removesuffix(".0") for path, _ in faults] == [target]


@pytest.mark.parametrize(
    ("part", "field", "value", "path", "rule"),
    [
        ("properties", "value", "N/A", "properties.value", "must be a number"),
        ("properties", "value", "1,234", "properties.value", "ambiguous"),
        ("properties", "currency", "XXXX", "properties.currency", "currency codes"),
        ("properties", "currency", 840, "properties.currency", "currency codes"),
        ("properties", "content_type", "service", "properties.content_type", "product or product_group"),
        ("properties", "contents", {"price": 1}, "properties.contents", "must be a list"),
        ("properties", "contents", ["tea"], "properties.contents.0", "must be an object"),
        ("properties", "contents", [{}, {"price": "abc"}], "properties.contents.1.price", "must be a number"),
        ("properties", "contents", [{"quantity": 1.5}], "properties.contents.0.quantity", "whole"),
        ("properties", "order_id", "\ud800", "properties.order_id", "valid Unicode"),
        pytest.param("properties", "order_id", 10**5000, "properties.order_id", "shorter", id="huge"),
        ("user", "email", True, "user.email", "must be text, a number or a list"),
        ("user", "phone", ["+12015550123", {"n": 1}], "user.phone.1", "must be text, a number or a list"),
        ("user", "external_id", [["a"]], "user.external_id.0", "must be text, a number or a list"),
        ("user", "email", "a\ud800@example.com", "user.email", "valid Unicode"),
        ("ad", "attribution_share", 1.5, "ad.attribution_share", "between 0 and 1"),
        ("ad", "attributed", "yes", "ad.attributed", "true or false"),
    ],
)
def test_refuses(part: str, field: str, value: Any, path: str, rule: str) -> None:
    sent, faults = loaded(part, field, value)
    assert sent is None
    assert [found for found, _ in faults] == [path]
    assert rule in faults[0][1]


@pytest.mark.parametrize(
    ("written", "flag"),
    [(True, True), (False, False), ("true", True), ("FALSE", False), (1, True), (0, False), ("1", True), ("0", False)],
)
def test_flags(written: Any, flag: bool) -> None:
    body, faults = load({"event": "Purchase", "event_id": "1", "limited_data_use": written})
    assert (body["limited_data_use"], faults) == (flag, [])


@pytest.mark.parametrize("written", ["yes", 2, 1.0, [], {}, "maybe"])
def test_other_flags_are_refused(written: Any) -> None:
    _, faults = load({"event": "Purchase", "event_id": "1", "limited_data_use": written})
    assert [fault.path for fault in faults] == ["limited_data_use"]


def test_all_faults_come_at_once() -> None:
    _, faults = load(
        {
            "event": ["Purchase"],
            "event_time": "soon",
            "user": "ada",
            "page": [],
            "properties": {"value": "N/A", "currency": "??", "contents": [{"price": {}}, 5, {"quantity": "x"}]},
        }
    )
    assert {fault.path for fault in faults} == {
        "event",
        "event_time",
        "event_id",
        "user",
        "page",
        "properties.value",
        "properties.currency",
        "properties.contents.0.price",
        "properties.contents.1",
        "properties.contents.2.quantity",
    }


def test_unknown_keys_are_ignored() -> None:
    body, faults = load({"event": "Contact", "event_id": "1", "colour": "red", "user": {"shoe_size": 39}})
    assert (body, faults) == ({"event": "Contact", "event_id": "1"}, [])


def test_empty_contents_are_absent_and_faults_keep_their_index() -> None:
    body, _ = load(
        {"event": "Purchase", "event_id": "1", "properties": {"contents": [None, {}, {"price": None}, {"price": 0}]}}
    )
    assert body["properties"] == {"contents": [{"price": 0}]}


@pytest.mark.parametrize("secret", ["ada@example.com", "SECRET-VALUE", "+12015550123"])
def test_no_rule_repeats_a_value(secret: str, every_place: Callable[[Any], dict[str, Any]]) -> None:
    for value in (secret, [secret], {secret: secret}, [{secret: secret}], secret + "\ud800"):
        _, faults = load(every_place(value))
        assert faults
        assert all(secret not in fault.path + fault.rule for fault in faults)


@pytest.fixture
def every_place() -> Callable[[Any], dict[str, Any]]:
    """Build an event that has the given value in every field."""

    def build(value: Any) -> dict[str, Any]:
        event: dict[str, Any] = {"event": value}
        for target in TARGETS:
            part, _, field = target.rpartition(".")
            (event.setdefault(part, {}) if part else event)[field] = value
        return event

    return build
