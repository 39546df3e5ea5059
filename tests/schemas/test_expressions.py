"""Do expressions and templates find what they say, and fail without telling what they met?"""

from __future__ import annotations

from typing import Any

import pytest

from schemas.expressions import EvaluationError, Expression, ExpressionError
from schemas.templates import Template, TemplateError

EVENT = {
    "event": "Order Completed",
    "user": {"consent_categories": ["analytics", "advertising"], "name": "Ada"},
    "properties": {
        "number": 7,
        "region": "eu",
        "products": [{"name": "Tea", "sku": "t"}, {"name": "Pot"}],
        "0": "zero",
    },
    "integrations": {"TikTok Offline Conversions": {"ttclid": "click"}},
}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("properties.number", 7),
        ("properties.products.0.name", "Tea"),
        ("properties.products[1].name", "Pot"),
        ("properties.products.9.name", None),
        ("properties.0", "zero"),
        ("properties.number.deeper", None),
        ("nothing.at.all", None),
        ("event == 'Order Completed'", True),
        ("event == 'a.0.b'", False),
        ("properties.products.1.name == 'Pot'", True),
        ("contains(user.consent_categories, 'advertising')", True),
        ("user.consent_categories contains 'advertising'", True),
        ("event == 'x contains y' || user.consent_categories contains 'analytics'", True),
        ("'x contains y'", "x contains y"),
        ("user.consent_categories contains user.name", False),
        ('integrations."TikTok Offline Conversions".ttclid', "click"),
        ("properties.products[].{content_id: sku}", [{"content_id": "t"}, {"content_id": None}]),
        ("`1.5`", 1.5),
        ("'product_group'", "product_group"),
    ],
)
def test_finds(text: str, found: Any) -> None:
    assert Expression(text).find(EVENT) == found


@pytest.mark.parametrize(
    ("text", "path"), [("properties.products.0.name", True), (" event ", True), ("event == 'x'", False), ("'x'", False)]
)
def test_knows_whether_it_is_one_place(text: str, path: bool) -> None:
    assert Expression(text).path == (text.strip() if path else None)


@pytest.mark.parametrize(
    ("value", "holds"),
    [(None, False), (False, False), ("", False), ([], False), ({}, False), (0, True), ("x", True), (True, True)],
)
def test_truth_is_jmespaths(value: Any, holds: bool) -> None:
    assert Expression("value").holds({"value": value}) is holds


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("event ==", "is not a valid expression"),
        ("event = 'x'", "at character"),
        ("contain(user, 'x')", "did you mean contains?"),
        ("a && (b || nope(c))", "calls an unknown function"),
        ("(" * 5000, "is not a valid expression"),
    ],
)
def test_refuses_at_load(text: str, rule: str) -> None:
    with pytest.raises(ExpressionError, match=rule.replace("?", r"\?")):
        Expression(text)


@pytest.mark.parametrize(
    "text", ["contains(properties.number, 'x')", "sort(user.consent_categories) > length(`1`)", "abs(event)"]
)
def test_a_type_error_is_its_own_exception_and_tells_no_value(text: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        Expression(text).find(EVENT)
    assert str(caught.value) == ""
    assert caught.value.__cause__ is None


def test_deep_events_do_not_break_an_expression() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(EvaluationError):
        Expression("to_string(a)").find({"a": deep})


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("7654321", "7654321"),
        ("{{properties.region}}", "eu"),
        ("set-{{ properties.region }}-{{properties.number}}", "set-eu-7"),
        ("{{properties.products.1.name}}", "Pot"),
    ],
)
def test_templates_fill(text: str, filled: str) -> None:
    assert Template(text, name="event_source_id").fill(EVENT) == filled


@pytest.mark.parametrize("text", ["{{nothing}}", "set-{{user.consent_categories}}", "{{user}}", "{{abs(event)}}"])
def test_an_empty_slot_is_a_fault(text: str) -> None:
    with pytest.raises(TemplateError) as caught:
        Template(text, name="event_source_id").fill(EVENT)
    assert "event_source_id" in caught.value.fault.rule


@pytest.mark.parametrize("text", ["", "  ", "{{", "a}}", "{{a", "{{}}", "{{a b}}"])
def test_a_broken_template_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        Template(text, name="event_source_id")
