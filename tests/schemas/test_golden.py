"""Does each raw event of the golden files still become the very same request elements, notes or faults?"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from schemas import Item, Mapped, Mapper, MappingSettings, Rule
from schemas.sources import SOURCES

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))


def _flat(item: Item) -> dict[str, Any]:
    fields = asdict(item)
    return {**fields.pop("key")._asdict(), **fields}


def outcome(case: dict[str, Any]) -> dict[str, Any]:
    """Map a case's event under its settings, two minutes after 2026-09-21T14:00:00Z."""
    settings = {**case["settings"], "mappings": tuple(Rule(**rule) for rule in case["settings"].get("mappings", ()))}
    mapper = Mapper(MappingSettings(**settings))
    result = mapper.map(case["event"], event_id="door-1", received_at=1_789_999_260.5, now=1_789_999_320.0)
    if isinstance(result, Mapped):
        return {"items": [_flat(item) for item in result.items], "notes": [asdict(note) for note in result.notes]}
    return asdict(result) | {"faults": [asdict(fault) for fault in result.faults]}


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    case = json.loads(path.read_text())
    assert outcome(case) == case["expected"]


def test_every_source_kind_and_end_are_among_them() -> None:
    cases = [json.loads(path.read_text()) for path in GOLDEN]
    assert {(case["settings"]["source"], case["settings"].get("kind", "events")) for case in cases} == {
        (source, kind) for source in SOURCES for kind in ("events", "offline")
    }
    assert {case["expected"].get("reason", "mapped") for case in cases} == {
        "mapped",
        "invalid",
        "unmapped",
        "no_match_key",
        "expired",
    }
