"""Each line of the threat model says who, what, what stops it and what does not, and names a proof that exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in TEXT.partition("| who | wants |")[2].splitlines()[2:]
    if line.startswith("| ")
]


def test_the_table_is_there() -> None:
    assert len(ROWS) > 10


@pytest.mark.parametrize("row", ROWS, ids=[f"{row[0]} {row[2]}" for row in ROWS])
def test_a_threat_says_what_does_not_stop_it_and_has_a_proof(row: list[str]) -> None:
    who, wants, by, stopped_by, not_stopped, proof = row
    assert all((who, wants, by, stopped_by, not_stopped))
    ((_, path),) = re.findall(r"\[([^\]]+)\]\(([^)]+)\)", proof)
    file, _, anchor = path.partition("#")
    assert (ROOT / file).exists()
    if file.startswith("tests/"):
        assert re.search(r"^(async )?def test_", (ROOT / file).read_text(), re.MULTILINE)
    else:
        # That the anchor exists is test_docs.py's to check.
        assert anchor, "a page proves nothing without the place"


@pytest.mark.parametrize(
    "kind", ["spoofing", "tampering", "repudiation", "disclosure", "denial of service", "elevation"]
)
def test_no_kind_of_threat_is_left_out(kind: str) -> None:
    assert any(kind in " ".join(row) for row in ROWS)
