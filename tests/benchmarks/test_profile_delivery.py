"""Does the profile of a delivery still name every stage?"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_every_stage_gets_its_time() -> None:
    line = [sys.executable, "-m", "benchmarks.profile_delivery", "300"]
    ran = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=110, check=True)
    table = dict(re.findall(r"^(\S.*?) +([\d.]+) +[\d.]+$", ran.stdout, re.MULTILINE))
    stages = ["claim", "decode, check size", "map", "ledger", "encode, POST", "decide", "settle", "the rest"]
    assert list(table) == [*stages, "together"]
    assert float(table["map"]) > 0
    assert sum(float(table[stage]) for stage in stages) == pytest.approx(float(table["together"]), abs=1)
    assert re.findall(r"^(\S.*?) +[\d.]+$", ran.stdout.split("each step alone")[1], re.MULTILINE) == [
        "decode the JSON",
        "read and accept in one pass",
        "phones to E.164",
        "hash (SHA-256)",
        "identity beside them",
        "the rest of mapping",
    ]
