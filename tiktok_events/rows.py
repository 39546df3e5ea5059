"""What is a row of a file, and how are lines read without holding more than one?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

#: Above every limit a destination may sensibly have; a longer line is skipped without being held.
MAX_LINE_BYTES = 8 * 1024 * 1024


class FormatError(Exception):
    """The file as a whole cannot be read in its format. The message never repeats the file's text."""


@dataclass(frozen=True, slots=True)
class Row:
    """One event of a file, or what stands in its place.

    Attributes:
        line: the number of its first line, from 1.
        end: how many bytes of the file end with it.
        raw: the lines as they stand, or None if they were too long to hold.
        event: the event in it, or None.
        fault: the rule that it breaks where there is no event, never its text.
        lines: how many lines it takes; more than one where a field holds line breaks, or where
            several rows of an order were made one event.
    """

    line: int
    end: int
    raw: bytes | None = field(repr=False)
    event: dict[str, Any] | None = field(repr=False)
    fault: str = ""
    lines: int = 1

    @property
    def last_line(self) -> int:
        """The number of its last line."""
        return self.line + self.lines - 1


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file: its number from 1, where it ends in bytes, and its text, cut off if it is too long."""

    number: int
    end: int
    raw: bytes = field(repr=False)
    too_long: bool


def read_lines(file: BinaryIO) -> Iterator[Line]:
    """Yields the lines of a file or a pipe of any size."""
    number = end = 0
    while raw := file.readline(MAX_LINE_BYTES):
        number += 1
        end += len(raw)
        too_long = len(raw) == MAX_LINE_BYTES and not raw.endswith(b"\n")
        while too_long and (more := file.readline(MAX_LINE_BYTES)):
            end += len(more)
            if more.endswith(b"\n"):
                break
        yield Line(number, end, raw, too_long)
