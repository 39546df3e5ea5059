"""Which rows does a CSV file hold?

Commas, quotes where needed, UTF-8, and a first line that names the columns. A row becomes an object of its
columns; an empty cell is an absent one, for CSV cannot tell them apart. A row that breaks a rule is named by its
line and the reading goes on with the next line.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import BinaryIO

from tiktok_events.rows import MAX_LINE_BYTES, FormatError, Row, read_lines

_BROKEN = "not CSV: a quote is left open or stands where none may, or a field is too long"


class _TooLongError(Exception):
    """A row has more bytes than may be held."""


class _Text:
    """Feeds the csv module line by line and remembers what the current row is made of."""

    def __init__(self, file: BinaryIO) -> None:
        self._lines = read_lines(file)
        self._number = self.end = 0
        self._cut = False
        self.begin()

    def begin(self) -> None:
        """Forgets the last row: the next line is the first of a new one."""
        self.first = self._number + 1
        self._held: list[bytes] = []
        self._held_bytes = 0
        self.is_utf8 = True

    def __iter__(self) -> _Text:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._number, self.end = line.number, line.end
        self._held.append(line.raw)
        self._held_bytes += len(line.raw)
        if line.too_long or self._held_bytes > MAX_LINE_BYTES:
            raise _TooLongError
        encoding = "utf-8-sig" if line.number == 1 else "utf-8"  # spreadsheets begin with a byte order mark
        try:
            return line.raw.decode(encoding)
        except UnicodeDecodeError:
            self.is_utf8 = False
            return line.raw.decode(encoding, "replace")

    def row(self, event: dict[str, str] | None, fault: str = "") -> Row:
        """Returns what stands between begin() and now."""
        raw = b"".join(self._held) if self._held_bytes <= MAX_LINE_BYTES else None
        return Row(self.first, self.end, raw, event or None, fault, lines=len(self._held))


def read_csv(file: BinaryIO, *, from_line: int = 1, column: str | None = None) -> Iterator[Row]:
    """Yields the rows that begin at a line or after it; the header is read in any case.

    Raises:
        FormatError: the header is missing or cannot be used, or lacks ``column``.
    """
    text = _Text(file)
    reader = csv.reader(text, strict=True)
    header = _header(text, reader, column)
    while True:
        text.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except _TooLongError:
            row = text.row(None, f"longer than {MAX_LINE_BYTES} bytes")
        except csv.Error:
            row = text.row(None, _BROKEN)
        else:
            if not cells:
                continue
            row = _row(text, header, cells)
        if row.line >= from_line:
            yield row


def _row(text: _Text, header: list[str], cells: list[str]) -> Row:
    if not text.is_utf8:
        return text.row(None, "not UTF-8")
    if len(cells) != len(header):
        return text.row(None, f"has {len(cells)} columns, the header has {len(header)}")
    event = {name: cell for name, cell in zip(header, cells, strict=True) if cell.strip()}
    return text.row(event, "" if event else "every column is empty")


def _header(text: _Text, reader: Iterator[list[str]], column: str | None) -> list[str]:
    cells: list[str] = []
    try:
        while not cells:
            cells = [cell.strip() for cell in next(reader)]
    except StopIteration:
        raise FormatError("the file is empty; its first line must name the columns") from None
    except (csv.Error, _TooLongError):
        raise FormatError("the first line must name the columns, and is not CSV") from None
    # What is no header is a row, and so personal data: nothing of it is repeated.
    if not text.is_utf8 or any("@" in cell or cell.isdigit() for cell in cells):
        raise FormatError("the first line must name the columns")
    for position, cell in enumerate(cells):
        if not cell:
            raise FormatError(f"column {position + 1} has no name in the first line")
        if cell in cells[:position]:
            raise FormatError(f"columns {cells.index(cell) + 1} and {position + 1} have the same name")
    require_column(cells, column)
    return cells


def require_column(names: list[str], column: str | None) -> None:
    """Raises FormatError where a column that is asked for is not there."""
    if column is not None and column not in names:
        raise FormatError(f"there is no column {column}")
