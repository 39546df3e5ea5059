"""How is a row for Amperity's TikTok Ads Offline Events read, or several rows of one order?

A row is an object of columns whose values may all be text, as from CSV. Several rows of one order come as one object
with `contents`, a list of the products' columns: `python -m tiktok_events enqueue --group-by` makes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Any

from schemas.contract import Event
from schemas.event_sources import EventSource
from schemas.numbers import NotANumberError, read_number
from schemas.outcome import Fault
from schemas.sources.amperity_columns import COLUMNS, DEFAULT_CURRENCY, PRODUCT_COLUMNS
from schemas.sources.field_table import FieldTable, ttclid_of
from schemas.sources.one_pass import Elements, OnePass, Table, one_pass
from schemas.sources.reading import FieldSource, from_paths, goes_into_lists
from schemas.sources.source import Raw, Selection, Shape
from tiktok_events.text import NotTextError, is_blank, read_text

_SELECTION = Selection(None, "as_is")


class AmperitySource:
    """Amperity's rows for one event source and the set that the destination sends to."""

    names_events = True
    needs_mappings = False
    mapping_shape: Shape = "as_is"

    def __init__(self, event_source: EventSource, event_source_id: str) -> None:
        self._event_source = event_source
        self._fields = FieldTable(COLUMNS, event_source)
        # Only what stands there literally can be compared with a row; a pixel's code is no event set.
        literal = event_source == "offline" and "{{" not in event_source_id
        self._event_set_id = event_source_id.strip() if literal else None

    def select(self, event: Raw) -> Selection | Fault:  # noqa: ARG002 - the column `event` says what it is
        """Take every row."""
        return _SELECTION

    def misplaced(self, event: Raw) -> list[Fault]:
        """Return the fault of a row that names another event set than the one it would be sent to."""
        given = event.get("event_set_id")
        if self._event_set_id is None or is_blank(given):
            return []
        try:
            if read_text(given) == self._event_set_id:
                return []
        except NotTextError:
            pass
        return [
            Fault("event_set_id", "is not the destination's event_source_id; {{event_set_id}} there follows the rows")
        ]

    def remarks(self, event: Raw) -> list[Fault]:
        """Say what was assumed or computed, and that a row does not choose its event source."""
        notes = []
        total = is_blank(event.get("value")) and _total(event) is not None
        if total:
            notes.append(Fault("value", "is missing; the sum of price times quantity is sent"))
        if is_blank(event.get("currency")) and (total or not is_blank(event.get("value"))):
            notes.append(Fault("currency", f"is missing and was taken as {DEFAULT_CURRENCY}"))
        if not is_blank(event.get("event_source")):
            notes.append(Fault("event_source", "is for the destination to say and was left out"))
        return notes

    def adapt(self, event: Raw, shape: Shape) -> dict[str, Any]:  # noqa: ARG002 - there is one shape only
        """Read every column, and the products from the row itself or from its `contents`."""
        plain = self._fields.read(event)
        properties = plain["properties"]
        contents = event.get("contents")
        if not is_blank(contents):
            properties["contents"] = [_content(each) for each in contents] if type(contents) is list else contents
        elif content := _content(event):
            properties["contents"] = [content]
        if is_blank(event.get("value")):
            total = _total(event)
            if total is not None:
                properties["value"] = total
        return plain

    def usual(self, event: Raw, selection: Selection, event_id: str) -> dict[str, Any] | None:
        """Read and accept every column in one pass, if the row is one product's and nothing of it is assumed."""
        if event.get("contents") is not None or self.misplaced(event) or is_blank(event.get("value")):
            return None
        if is_blank(event.get("currency")) or not is_blank(event.get("event_source")):
            return None
        return _one_pass(self._event_source)(event, event=selection.event, event_id=event_id)

    def origin(self, event: Raw, shape: Shape, target: str) -> str:  # noqa: ARG002 - there is one shape only
        """Return the column that was read."""
        if target == "properties.contents" or target.startswith("properties.contents."):
            rest = target.split(".")[2:]
            if type(event.get("contents")) is list:
                return ".".join(["contents", *rest])
            return ".".join(rest[1:]) or "contents"
        return self._fields.origin(event, target) or target


@cache
def _one_pass(event_source: EventSource) -> OnePass:
    # Of a row that has no `contents`, so that no path into them finds anything.
    columns = [column for column in COLUMNS if event_source in column.event_sources]
    flat = [replace(each, paths=tuple(path for path in each.paths if not goes_into_lists(path))) for each in columns]
    product = tuple(FieldSource(column, from_paths(column)) for column in PRODUCT_COLUMNS)
    table = Table(
        fields=tuple(flat),
        elements={"properties.contents": Elements((), product, listed=False)},
        given=("event", "event_id"),
        derived={"user.ttclid": (ttclid_of, ("page_url",))},
        kept=("event_time",),
    )
    return one_pass(Event(), table, name="one pass of a row")


def _content(row: Any) -> Any:
    if type(row) is not dict:
        return row
    return {column: row[column] for column in PRODUCT_COLUMNS if not is_blank(row.get(column))}


def _products(event: Raw) -> Iterator[dict[str, Any]]:
    """Yield the columns of each product; what is none the contract refuses."""
    contents = event.get("contents")
    rows = [event] if is_blank(contents) else contents if type(contents) is list else ()
    for row in rows:
        content = _content(row)
        if type(content) is dict and content:
            yield content


def _total(event: Raw) -> float | None:
    """Return the sum of price times quantity, None unless every product has both: half a sum is a wrong value."""
    total = Decimal(0)
    found = False
    for product in _products(event):
        try:
            # repr() of a float is its shortest form: 0.1 times 3 is 0.3 here.
            price, quantity = (Decimal(repr(read_number(product[column]))) for column in ("price", "quantity"))
        except (KeyError, NotANumberError):
            return None
        total += price * quantity
        found = True
    return float(total) if found else None
