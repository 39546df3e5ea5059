"""How a command answers: a table for a person, JSON for a machine, colours on a terminal only."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import click
import orjson
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

_UNSEEN = re.compile(r"[^\x20-\x7e\n]")
_PLAIN_WIDTH = 10_000
"""Where there is no terminal nothing is folded: a row is a line, for `grep` and `awk`."""

_LONGEST_NAME = 36
_ROOM_FOR_SENTENCES = 40

_STYLES = {
    **dict.fromkeys(("PASS", "done", "works", "delivered"), "green"),
    **dict.fromkeys(("WARN", "cancelled", "not known", "running"), "yellow"),
    **dict.fromkeys(("FAIL", "DOES NOT WORK", "silent"), "bold red"),
}


def console() -> Console:
    """Return where tables go: as wide as the terminal, or plain and wide where there is none.

    rich itself honours NO_COLOR and TERM=dumb.
    """
    return Console(highlight=False) if on_terminal() else Console(width=_PLAIN_WIDTH, no_color=True)


def print_json(value: Any) -> None:
    """Print one JSON value, indented for eyes, sorted as given."""
    click.echo(spelled(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS)))


def spelled(json_text: bytes) -> str:
    """Return JSON with every character that a terminal would obey as an escape: JSON's own rule ends at U+001F."""
    return _UNSEEN.sub(_escaped, json_text.decode())


def _escaped(found: re.Match[str]) -> str:
    char = found[0]
    if char == "\n" or char.isprintable():
        return char
    units = char.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def on_terminal() -> bool:
    """Say whether a person is looking, not a pipe."""
    return sys.stdout.isatty()


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, below: str | None = None, empty: str = ""
) -> None:
    """Print a table. Cells are text, never markup: an event's values cannot style, or steer, a terminal.

    `below` names a column of sentences: where a terminal has no room for it, each stands below its row. `empty` is what
    a person reads in place of a table without rows.
    """
    filled = [list(row) for row in rows]
    if on_terminal() and not filled and empty:
        click.echo(empty)
    elif on_terminal() and below is not None and _leaves(columns, filled, below) < _ROOM_FOR_SENTENCES:
        _print_with_lines_below(columns, filled, columns.index(below))
    else:
        console().print(table(columns, filled))


def _leaves(columns: Sequence[str], rows: Sequence[Sequence[object]], below: str) -> int:
    """Return how many columns of the terminal the other columns leave to one."""
    others = [place for place, column in enumerate(columns) if column != below]
    taken = sum(max(cell_len(str(row[place])) for row in [columns, *rows]) + 2 for place in others)
    return console().width - taken


def _print_with_lines_below(columns: Sequence[str], rows: Sequence[Sequence[object]], below: int) -> None:
    def others(row: Sequence[object]) -> list[object]:
        return [cell for place, cell in enumerate(row) if place != below]

    screen = console()
    # Rendered at its own width: a terminal that is narrower still breaks the line, and no word in it.
    gap = 2 if _leaves(columns, rows, columns[below]) >= 0 else 1
    heads = table(others(columns), [others(row) for row in rows], gap=gap)  # type: ignore[arg-type] # columns are texts
    lines = Console(width=_PLAIN_WIDTH).render_lines(heads, pad=False)
    for line, sentence in zip(lines, ["", *(str(row[below]) for row in rows)], strict=True):
        screen.print(Text.assemble(*((part.text, part.style or "") for part in line)), soft_wrap=True)
        if sentence:
            screen.print(Padding(Text(printable(sentence), style="dim"), (0, 0, 0, 2)))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, gap: int = 2) -> Table:
    """Return a table in the look of all of them: numbers to the right, words that mean good or bad in colour."""
    filled = [list(row) for row in rows]
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, gap, 0, 0))
    for place, column in enumerate(columns):
        numbers = bool(filled) and all(isinstance(row[place], int) for row in filled)
        widest = max(map(len, column.split()), default=0)
        # A reference or a time that is broken in two cannot be copied; sentences give way first.
        names = all(_is_name(str(row[place])) for row in filled)
        justify: Literal["left", "right"] = "right" if numbers else "left"
        made.add_column(column, justify=justify, overflow="fold", min_width=widest, no_wrap=names)
    for row in filled:
        made.add_row(*(cell if isinstance(cell, Text) else Text(*_styled(cell)) for cell in row))
    return made


def _is_name(text: str) -> bool:
    return len(text) <= _LONGEST_NAME and len(text.split()) < 2


def _styled(cell: object) -> tuple[str, str]:
    text = f"{cell:,}" if type(cell) is int else printable(str(cell))
    return text, _STYLES.get(text, "")


def printable(text: str) -> str:
    """Return `text` without characters that a terminal would obey."""
    return "".join(char if char.isprintable() else "�" for char in text)


def when(seconds: float) -> str:
    """Return a time as a person and a machine read it: ISO 8601, UTC, whole seconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
