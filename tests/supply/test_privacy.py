"""Each place where a person's data may be says form, time, readers and a test; no key of Redis is without a place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from worker.keys import ALL

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.partition("| place | form |")[2].partition("\n## ")[0].splitlines()[2:]
    if line.startswith("| ")
]

PLACES = (
    "your app",
    "inbox",
    "packs",
    "retry and replay",
    "scheduled retries",
    "dead letters",
    "edits",
    "exports",
    "audit",
    "ledger",
    "order book",
    "counters",
    "logs",
    "Sentry",
    "OpenTelemetry",
    "metrics",
    "Celery broker",
    "HTTP door",
    "sign-ins",
    "temporary files",
    "backups",
    "shell history",
    "memory",
    "TikTok",
)


@pytest.mark.parametrize("place", PLACES)
def test_every_place_has_a_line(place: str) -> None:
    assert any(place in row[0] for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_each_line_says_form_time_readers_and_names_a_test_that_exists(row: list[str]) -> None:
    place, form, how_long, readers, test = row
    assert all((place, form, how_long, readers))
    ((path, named),) = re.findall(r"^(?:\[[^\]]+\]\(\.\./(tests/[^)]+)\)|`(tests/[\w./]+)`)$", test)
    path = path or named
    assert re.search(r"^(async )?def test_", (ROOT / path).read_text(), re.MULTILINE)


def test_it_can_be_read_as_one_page() -> None:
    assert len(PAGE.split()) < 1700


PLACE_OF = {
    r":inbox$": "Redis: inbox",
    r":bulk": "Redis: packs of many events",
    r":(retry|replay)$": "Redis: retry and replay streams",
    r":(due|scheduled)$": "Redis: scheduled retries",
    r":dead:revisions$": "Redis: edits of dead letters",
    r":dead": "Redis: dead letters",
    r":ledger:": "Redis: ledger of what was delivered",
    r":orders?:(?!intake)": "Redis: order book (order sync)",
    r"\{door:": "Redis: answers of the HTTP door",
    r":audit$|:access$": "Redis: audit",
    r":web:": "Redis: sign-ins and attempts",
    r":(person|people)": "Redis: index of people",
    (
        r":(destinations|leader|vacancy|calls|swept|workers|told:REASON:CODE|state|breaker|slices|totals|minute:N"
        r"|event-set|event-set:lock|orders:intake|jobs|job:N|job:N:lease|woken|lock)$|\{limit:|\{credential:"
    ): "Redis: counters, minutes, limits, breaker, jobs",
}
"""Which line of the page speaks of which keys. A new key belongs to one of them, or gets a line of its own."""


@pytest.mark.parametrize("key", ALL)
def test_every_key_of_redis_belongs_to_a_line(key: str) -> None:
    place = next((place for pattern, place in PLACE_OF.items() if re.search(pattern, key)), None)
    assert place is not None, "say in docs/privacy.md what it holds of a person"
    assert place in {row[0] for row in ROWS}
