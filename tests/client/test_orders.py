"""Do the rows of an order become one event, and never half of one?"""

from __future__ import annotations

import random
from typing import Any

import pytest

from tiktok_events.orders import group_rows
from tiktok_events.rows import Row


def rows(*events: dict[str, Any] | None) -> list[Row]:
    return [
        Row(line, line * 10, b"raw\n", event, "" if event else "has 1 columns, the header has 2")
        for line, event in enumerate(events, start=2)
    ]


def line(order: str | None, product: str = "p", **columns: Any) -> dict[str, Any]:
    return {"event": "CompletePayment", "order_id": order, "content_id": product, **columns}


def grouped(*events: dict[str, Any] | None, **options: Any) -> list[Row]:
    return list(group_rows(rows(*events), **{"by": "order_id", **options}))


@pytest.mark.covers("amperity/rows/orders")
def test_rows_of_an_order_become_one_event_with_contents() -> None:
    first, second = grouped(
        line("1", "a", price="1.50", quantity="2", email="ada@example.com", value="4.50", brand=""),
        line("1", "b", price="1.50", content_name="Mug", phone="+12015550123", value="4.5"),
        line("2", "c"),
    )
    assert first.event == {
        "event": "CompletePayment",
        "order_id": "1",
        "email": "ada@example.com",
        "value": "4.50",
        "phone": "+12015550123",
        "contents": [
            {"content_id": "a", "price": "1.50", "quantity": "2"},
            {"content_id": "b", "content_name": "Mug", "price": "1.50"},
        ],
    }
    assert (first.line, first.last_line, first.end, first.raw) == (2, 3, 30, b"raw\nraw\n")
    assert second.event == {"event": "CompletePayment", "order_id": "2", "contents": [{"content_id": "c"}]}


def test_event_set_and_event_are_part_of_the_key() -> None:
    found = grouped(
        line("1", event_set_id="x"), line("1", event_set_id="y"), line("1", event="Lead"), line(" 1 ", event="Lead")
    )
    assert [len(row.event["contents"]) for row in found if row.event] == [1, 1, 2]


def test_rows_may_be_grouped_by_event_id() -> None:
    events = [{"event": "Purchase", "event_id": 7, "content_id": product} for product in "ab"]
    (row,) = grouped(*events, by="event_id")
    assert row.event == {"event": "Purchase", "event_id": 7, "contents": [{"content_id": "a"}, {"content_id": "b"}]}


def test_a_row_of_no_order_and_one_that_has_contents_stay_as_they_are() -> None:
    alone = [line(None), line(""), line(" "), {"event": "Contact"}, line("1", contents=[{"content_id": "a"}])]
    assert [row.event for row in grouped(*alone)] == alone


# --- value


@pytest.mark.covers("amperity/rows/value")
@pytest.mark.parametrize(
    ("value_per", "values", "sent"),
    [
        ("order", ["4.50", "4.50"], "4.50"),
        ("order", ["4.50", "4.5"], "4.50"),
        ("order", ["4.50", ""], "4.50"),
        ("order", ["", ""], None),
        ("line", ["4.50", "4.50"], "9.00"),
        ("line", ["0.1", "0.2"], "0.3"),
        ("line", [1, 2.5], "3.5"),
        ("line", ["-1", "3"], "2"),
        ("line", ["", ""], None),
    ],
)
def test_value_is_taken_once_or_added_up(value_per: str, values: list[Any], sent: str | None) -> None:
    (row,) = grouped(*(line("1", value=value) for value in values), value_per=value_per)
    assert row.event is not None
    assert row.event.get("value") == sent


@pytest.mark.parametrize(
    ("value_per", "columns", "fault"),
    [
        ("order", [{"value": "4.50"}, {"value": "5"}], "differ in value; if each row has its own: --value-per line"),
        ("order", [{"value": "4,50"}, {"value": "4.50"}], "differ in value"),
        ("order", [{"currency": "USD"}, {"currency": "EUR"}], "differ in currency"),
        ("line", [{"value": "4,50"}, {"value": "4,50"}], "cannot be added up"),
        ("line", [{"value": "secret"}, {"value": "4"}], "cannot be added up"),
        ("line", [{"value": "4"}, {}], "is missing in some rows"),
    ],
)
def test_an_order_that_contradicts_itself_is_rejected_row_by_row(
    value_per: str, columns: list[dict[str, Any]], fault: str
) -> None:
    found = grouped(*(line("1", **each) for each in columns), line("2"), value_per=value_per)
    assert [row.event is None for row in found] == [True, True, False]
    assert [row.line for row in found] == [2, 3, 4]
    assert all(fault in row.fault and "secret" not in row.fault for row in found[:2])


def test_currencies_are_compared_without_case() -> None:
    (row,) = grouped(line("1", currency="usd"), line("1", currency="USD"))
    assert row.event is not None


# --- what could make half an order


@pytest.mark.parametrize(
    ("events", "sent"),
    [
        ([line("1"), None, line("1"), line("2")], ["2"]),
        ([line("1"), None, line("2"), line("3")], ["3"]),
        ([None, line("1"), line("2")], ["2"]),
        ([line("1"), line("2"), None], ["1"]),
        ([line("1"), line("2"), None, None, line("3"), line("3"), line("4")], ["1", "4"]),
        ([None, line(None), line("1")], [None, "1"]),
    ],
)
def test_orders_beside_a_broken_line_are_rejected_with_it(events: list[Any], sent: list[Any]) -> None:
    found = grouped(*events)
    assert [row.event["order_id"] for row in found if row.event] == sent
    rejected = [row for row in found if row.event is None]
    assert len(rejected) + len(sent) == len(events)
    assert [row.line for row in found] == sorted(row.line for row in found)


def test_an_order_whose_rows_stand_apart_is_sent_once_and_the_rest_rejected() -> None:
    found = grouped(line("1"), line("2"), line("1", "b"), line("1", "c"), line("3"))
    assert [row.event["order_id"] if row.event else None for row in found] == ["1", "2", None, None, "3"]
    assert "sort the file" in found[2].fault


def test_an_order_without_end_is_not_held() -> None:
    taken = 0

    def endless() -> Any:
        nonlocal taken
        for number in range(25_000):
            taken += 1
            yield Row(number, number, b"x", line("1"))

    found = list(group_rows(endless(), by="order_id"))
    assert len(found) == taken == 25_000
    assert {row.fault for row in found} == {"its order has more than 10000 rows or 8388608 bytes"}


def test_every_row_is_accounted_for_in_its_order() -> None:
    draw = random.Random(7)
    for _ in range(300):
        events = [draw.choice([None, line(draw.choice("123"), value=draw.choice(["1", "2"]))]) for _ in range(12)]
        found = grouped(*events)
        covered = [number for row in found for number in range(row.line, row.last_line + 1)]
        assert covered == list(range(2, 14))
        assert all((row.event is None) == bool(row.fault) for row in found)
