"""Is every row of a CSV file read or rejected with its line, whatever a spreadsheet wrote?"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest

from tiktok_events import csv_rows
from tiktok_events.csv_rows import read_csv
from tiktok_events.rows import MAX_LINE_BYTES, FormatError, Row


def rows(content: bytes, **options: Any) -> list[Row]:
    return list(read_csv(io.BytesIO(content), **options))


@pytest.mark.covers("amperity/columns/any-order")
def test_a_row_is_an_object_of_its_filled_columns() -> None:
    (row,) = rows(b"event,email,phone\nContact,ada@example.com, \n")
    assert row.event == {"event": "Contact", "email": "ada@example.com"}
    assert (row.line, row.last_line, row.end, row.fault) == (2, 2, 44, "")
    assert row.raw == b"Contact,ada@example.com, \n"


@pytest.mark.parametrize(
    ("content", "events"),
    [
        (b"\xef\xbb\xbfevent,order_id\r\nContact,1\r\n", [{"event": "Contact", "order_id": "1"}]),
        (b'\xef\xbb\xbf"event","order_id"\nContact,1', [{"event": "Contact", "order_id": "1"}]),
        (b"\n\nevent\nContact\n\n\nLead\n", [{"event": "Contact"}, {"event": "Lead"}]),
        (b'a,b\n"x, ""y""","two\nlines"\n', [{"a": 'x, "y"', "b": "two\nlines"}]),
        ('a\n"שלום 🙂"\n'.encode(), [{"a": "שלום 🙂"}]),
        (b"a,b\n,\n1,\n", [None, {"a": "1"}]),
        (b" a , b \n1,2\n", [{"a": "1", "b": "2"}]),
        (b"a\n", []),
    ],
)
def test_what_spreadsheets_write(content: bytes, events: list[Any]) -> None:
    assert [row.event for row in rows(content)] == events


def test_a_field_with_line_breaks_counts_its_lines() -> None:
    first, second = rows(b'a,b\n"1\n2\n3",x\n4,y\n')
    assert (first.line, first.last_line) == (2, 4)
    assert (second.line, second.last_line) == (5, 5)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b"1", "has 1 columns, the header has 2"),
        (b"1,2,3", "has 3 columns, the header has 2"),
        (b"caf\xe9,2", "not UTF-8"),
        (b'"1"x,2', "not CSV"),
        (b'1,"2', "not CSV"),
        (b"1\r2,3", "not CSV"),
        (b"secret" + b"x" * 200_000 + b",2", "not CSV"),
        (b"x," * (MAX_LINE_BYTES // 2 + 1), "longer than"),
        (b",", "every column is empty"),
    ],
)
def test_a_broken_row_is_named_by_its_line_and_rule_and_the_next_is_read(line: bytes, fault: str) -> None:
    good, *broken = rows(b"a,b\n0,0\n" + line + b"\n")
    assert good.event == {"a": "0", "b": "0"}
    assert [row.event for row in broken] == [None] * len(broken)
    assert broken[0].line == 3
    assert broken[0].fault.startswith(fault)
    assert "secret" not in broken[0].fault
    if not line.startswith(b'1,"2'):
        assert [row.event for row in rows(b"a,b\n" + line + b"\n8,9\n")][-1] == {"a": "8", "b": "9"}


def test_an_open_quote_takes_no_more_than_a_field_may_hold() -> None:
    content = b'a,b\n1,"2\n' + b"x,y\n" * 100_000
    first, *rest = rows(content)
    assert first.fault.startswith("not CSV")
    assert first.lines < 33_000
    assert sum(row.event is not None for row in rest) == 100_000 - first.lines + 1


def test_a_row_of_many_lines_is_not_held_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_rows, "MAX_LINE_BYTES", 10_000)
    first, *rest = rows(b"a\n" + b'"\n",' * 10_000)
    assert first.fault == "longer than 10000 bytes"
    assert (first.raw, first.lines) == (None, 2501)
    assert all(row.lines <= 2501 for row in rest)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"event,,email\n", "column 2 has no name"),
        (b"event,email,event\n", "columns 1 and 3 have the same name"),
        (b"Contact,ada@example.com\n", "must name the columns"),
        (b"Contact,1001\n", "must name the columns"),
        (b"caf\xe9\n", "must name the columns"),
        (b'"a\n', "is not CSV"),
    ],
)
def test_a_header_that_cannot_be_used_ends_it_without_being_repeated(content: bytes, message: str) -> None:
    with pytest.raises(FormatError, match=message) as caught:
        rows(content)
    assert "ada@" not in str(caught.value)
    assert "1001" not in str(caught.value)


def test_a_column_that_is_asked_for_must_be_there() -> None:
    assert rows(b"order_id\n1\n", column="order_id")
    with pytest.raises(FormatError, match="there is no column order_id"):
        rows(b"order\n1\n", column="order_id")


@pytest.mark.parametrize(
    ("from_line", "found"), [(1, ["1", "3", "4"]), (2, ["1", "3", "4"]), (3, ["3", "4"]), (5, ["4"])]
)
def test_reading_goes_on_at_a_line_with_the_header_of_the_first(from_line: int, found: list[str]) -> None:
    content = b'a,b\n1,x\n3,"two\nlines"\n4,y\n'
    events = [row.event for row in rows(content, from_line=from_line)]
    assert [event["a"] for event in events if event] == found


def test_reading_holds_one_row_at_a_time() -> None:
    class Endless(io.RawIOBase):
        taken = 0

        def readline(self, _: int | None = -1) -> bytes:
            self.taken += 1
            return b"a,b\n"

    source = Endless()
    reading: Iterator[Row] = read_csv(source)  # type: ignore[arg-type]
    for _ in range(1000):
        next(reading)
    assert source.taken == 1001
