"""Which statement of the partners' pages is done where, and which test proves it? Run it to write docs/coverage.md.

The statements are in tests/coverage/statements.toml. A test proves one by the marker `covers` with its id; a test that
may be skipped proves nothing.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import tomllib

ROOT = Path(__file__).parents[1]
STATEMENTS = ROOT / "tests" / "coverage" / "statements.toml"
PAGE = ROOT / "docs" / "coverage.md"

STATUSES = {
    "covered": "done, and proved by the tests named",
    "later": "planned, not done yet",
    "private": "cannot be done without documents that TikTok does not publish",
    "outside": "nothing that a sender of events could do: the vendor's product, or TikTok's own part",
}

_INTRODUCTION = """\
# What of the five partner pages is covered

One row for each statement of the pages, in our own words: every setting, preset, field, rule and note.
Made by `docs/coverage.py` from `tests/coverage/statements.toml` and the markers `covers` of the tests; a test fails
when a row that says covered has no test, when a marker names no row, or when this page is out of date.
"""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of a page: `id` begins with the page, `code` is a path of the repository or ""."""

    id: str
    says: str
    status: str
    code: str = ""
    note: str = ""

    @property
    def page(self) -> str:
        """The page's key."""
        return self.id.partition("/")[0]


def read_statements(path: Path = STATEMENTS) -> tuple[dict[str, str], list[Statement]]:
    """Return the pages' titles by key, and every statement. Raises TypeError for a row with a wrong key."""
    read = tomllib.loads(path.read_text())
    return read["pages"], [Statement(id=each, **row) for each, row in read["statements"].items()]


def read_markers(folder: Path = ROOT / "tests") -> dict[str, list[str]]:
    """Return the tests that prove each statement, as `tests/x/test_y.py::test_z`, without running any."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("test_*.py")):
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef):
                for each in _covered(function):
                    found.setdefault(each, []).append(f"{path.relative_to(folder.parent)}::{function.name}")
    return found


def _covered(function: ast.FunctionDef) -> Iterator[str]:
    marks = [mark for mark in function.decorator_list if isinstance(mark, ast.Call)]
    if any(ast.unparse(mark.func).startswith("pytest.mark.skip") for mark in marks):
        return
    for mark in marks:
        if ast.unparse(mark.func) == "pytest.mark.covers":
            yield from (ast.literal_eval(argument) for argument in mark.args)


def render(pages: dict[str, str], statements: list[Statement], proofs: dict[str, list[str]]) -> str:
    """Return the page."""
    parts = [_INTRODUCTION, _counts(pages, statements)]
    for page, title in pages.items():
        rows = [_row(each, proofs.get(each.id, [])) for each in statements if each.page == page]
        parts.append(f"## {title}\n\n" + _table(["statement", "says", "status", "code", "test", "note"], rows))
    return "\n".join(parts)


def _counts(pages: dict[str, str], statements: list[Statement]) -> str:
    rows = []
    for page, title in pages.items():
        found = [each.status for each in statements if each.page == page]
        rows.append([title, *(str(found.count(status)) for status in STATUSES)])
    meaning = "".join(f"- {status}: {says}\n" for status, says in STATUSES.items())
    return meaning + "\n" + _table(["page", *STATUSES], rows)


def _row(statement: Statement, tests: list[str]) -> list[str]:
    code = f"[{statement.code}](../{statement.code})" if statement.code else ""
    named = [f"[{test.partition('::')[2]}](../{test.partition('::')[0]})" for test in tests]
    short = statement.id.partition("/")[2]
    return [short, statement.says, statement.status, code, ", ".join(named), statement.note]


def _table(columns: list[str], rows: list[list[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    sys.exit(0 if PAGE.write_text(render(*read_statements(), read_markers())) else 1)
