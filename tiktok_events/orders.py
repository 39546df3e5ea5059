"""How do several rows of one order become one event?

Warehouses export a row for each product. Sent one by one they would be as many purchases, of which TikTok keeps the
first or counts them all. Rows that stand together and agree in event set, event and order become one event with
``contents``. Whatever could make an order wrong (a broken line beside it, rows that stand apart, two values) rejects
all of its rows, so that a person can mend them and enqueue them together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any, Literal

from tiktok_events.rows import MAX_LINE_BYTES, Row

GroupBy = Literal["order_id", "event_id"]
ValuePer = Literal["order", "line"]

#: The columns of one product; every other column is the order's.
PRODUCT_COLUMNS = (
    "brand",
    "content_category",
    "content_id",
    "content_name",
    "content_type",
    "price",
    "quantity",
)

_MAX_ROWS = 10_000
_REMEMBERED_ORDERS = 100_000
_AMOUNT = re.compile(r"-?\d{1,30}(?:\.\d{1,30})?", re.ASCII)

_APART = "its order has rows elsewhere in the file: sort the file, so that the rows of an order stand together"
_TOO_LARGE = f"its order has more than {_MAX_ROWS} rows or {MAX_LINE_BYTES} bytes"

_Key = tuple[str, str, str]


class _ConflictError(ValueError):
    """The rows of an order cannot be made one event. The message is a rule."""


class _Order:
    """The rows of one order as they come. Once ``fault`` is known they are rejected instead of held."""

    def __init__(self, key: _Key, fault: str) -> None:
        self.key = key
        self._fault = fault
        self._rows: list[Row] = []
        self._bytes = 0

    def add(self, row: Row) -> Iterator[Row]:
        self._rows.append(row)
        self._bytes += len(row.raw or b"")
        if len(self._rows) > _MAX_ROWS or self._bytes > MAX_LINE_BYTES:
            self._fault = self._fault or _TOO_LARGE
        return self._reject() if self._fault else iter(())

    def spoil(self, fault: str) -> Iterator[Row]:
        self._fault = self._fault or fault
        return self._reject()

    def close(self, value_per: ValuePer) -> Iterator[Row]:
        if not self._rows:
            return iter(())
        try:
            event = _merged([row.event or {} for row in self._rows], value_per)
        except _ConflictError as conflict:
            return self.spoil(str(conflict))
        first, last = self._rows[0], self._rows[-1]
        raw = b"".join(row.raw or b"" for row in self._rows)
        return iter((Row(first.line, last.end, raw, event, lines=last.last_line - first.line + 1),))

    def _reject(self) -> Iterator[Row]:
        rows, self._rows, self._bytes = self._rows, [], 0
        return (replace(row, event=None, fault=self._fault) for row in rows)


def group_rows(rows: Iterable[Row], *, by: GroupBy, value_per: ValuePer = "order") -> Iterator[Row]:
    """Yields one row for each order, and every row that is of no order or broken, in the order of the file.

    Args:
        rows: as a format yields them.
        by: the column that rows of an order share; a row without it is an event of its own.
        value_per: whether ``value`` is that of the whole order in each row, or each row's own to be added up.
    """
    order: _Order | None = None
    broken: int | None = None
    seen: dict[_Key, None] = {}
    for row in rows:
        if row.event is None:
            broken = row.line
            if order is not None:
                yield from order.spoil(_beside(broken))
            yield row
            continue
        key = _key(row.event, by)
        if order is not None and (key is None or key != order.key):
            yield from order.close(value_per)
            order = None
        if key is None:
            yield row
        elif order is None:
            fault = _APART if key in seen else "" if broken is None else _beside(broken)
            _remember(seen, key)
            order = _Order(key, fault)
            yield from order.add(row)
        else:
            yield from order.add(row)
        broken = None
    if order is not None:
        yield from order.close(value_per)


def _beside(line: int) -> str:
    return f"line {line} beside it is broken and may be of the same order: mend it and enqueue both together"


def _remember(seen: dict[_Key, None], key: _Key) -> None:
    seen[key] = None
    if len(seen) > _REMEMBERED_ORDERS:
        del seen[next(iter(seen))]


def _key(event: dict[str, Any], by: GroupBy) -> _Key | None:
    if "contents" in event:
        return None
    order = _text(event.get(by))
    return (_text(event.get("event_set_id")), _text(event.get("event")), order) if order else None


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _merged(events: list[dict[str, Any]], value_per: ValuePer) -> dict[str, Any]:
    """Returns the event of an order. A column of the order is taken from the first row that has it."""
    merged: dict[str, Any] = {}
    for event in events:
        for column, value in event.items():
            if column not in PRODUCT_COLUMNS and _text(value):
                merged.setdefault(column, value)
    _require_one(events, "currency")
    if value_per == "order":
        _require_one(events, "value")
    elif "value" in merged:
        merged["value"] = _sum(events)
    contents = [{column: event[column] for column in PRODUCT_COLUMNS if _text(event.get(column))} for event in events]
    contents = [content for content in contents if content]
    return {**merged, "contents": contents} if contents else merged


def _require_one(events: list[dict[str, Any]], column: str) -> None:
    texts = {_text(event.get(column)) for event in events} - {""}
    amounts = {Decimal(text) if _AMOUNT.fullmatch(text) else text.upper() for text in texts}
    if len(amounts) > 1:
        hint = "; if each row has its own: --value-per line" if column == "value" else ""
        raise _ConflictError(f"the rows of its order differ in {column}{hint}")


def _sum(events: list[dict[str, Any]]) -> str:
    texts = [_text(event.get("value")) for event in events]
    if not all(texts):
        raise _ConflictError("value is missing in some rows of its order")
    if not all(_AMOUNT.fullmatch(text) for text in texts):
        raise _ConflictError("value cannot be added up in its order: every row must write it like 12.30")
    return format(sum(map(Decimal, texts), Decimal(0)), "f")
