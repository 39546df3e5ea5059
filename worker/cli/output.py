"""How a command answers: a table for a person, JSON for a machine."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import click
import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

_PLAIN_WIDTH = 200


def console() -> Console:
    """Return where tables go: as wide as the terminal, or plain and wide where there is none."""
    return Console() if sys.stdout.isatty() else Console(width=_PLAIN_WIDTH, no_color=True)


def print_json(value: Any) -> None:
    """Print one JSON value, indented for eyes, sorted as given."""
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode())


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table. Cells are text, never markup: an event's values cannot style, or steer, a terminal."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*(Text(printable(str(cell))) for cell in row))
    console().print(table)


def printable(text: str) -> str:
    """Return `text` without characters that a terminal would obey."""
    return "".join(char if char.isprintable() else "�" for char in text)


def when(seconds: float) -> str:
    """Return a time as a person and a machine read it: ISO 8601, UTC, whole seconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
