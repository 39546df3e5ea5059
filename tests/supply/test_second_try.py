"""What `.ci/run` does after a failure: few failed tests have a second try; everything else stays red."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_RUN = Path(__file__).parents[2] / ".ci" / "run"

_FAILS_AT_FIRST = """
from pathlib import Path
def test_works(): pass
def test_fails_at_first():
    seen = Path("seen")
    first = not seen.exists()
    seen.touch()
    assert not first
"""
_FAILS = "def test_fails(): assert False\n"
_FOUR_FAIL_AT_FIRST = "from pathlib import Path\n" + "".join(
    f"def test_{n}():\n    seen = Path('seen{n}'); first = not seen.exists(); seen.touch()\n    assert not first\n"
    for n in range(4)
)
_ENDS_PYTEST = _FAILS_AT_FIRST + "def test_kills(): import os; os._exit(3)\n"


@pytest.mark.parametrize(
    ("tests", "recipe", "is_green"),
    [
        (_FAILS_AT_FIRST, "pytest", True),
        (_FAILS, "pytest", False),
        (_FOUR_FAIL_AT_FIRST, "pytest", False),
        (_ENDS_PYTEST, "pytest", False),
        (_FAILS_AT_FIRST, "lint", False),
    ],
    ids=["one at first", "one twice", "too many", "pytest ended", "lint"],
)
def test_few_failed_tests_have_a_second_try(tmp_path: Path, tests: str, recipe: str, is_green: bool) -> None:
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci" / "run").write_bytes(_RUN.read_bytes())
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / "test_some.py").write_text(tests)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    # An older run's failure, which must not pass for this one's.
    cache = tmp_path / ".pytest_cache" / "v" / "cache"
    cache.mkdir(parents=True)
    (cache / "lastfailed").write_text('{"test_some.py::test_works": true}')
    does = {"pytest": ".venv/bin/python -m pytest -q", "lint": "false"}[recipe]
    (tmp_path / "Makefile").write_text(f"test:\n\t{does}\n")
    # What the script would install is said to be there.
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("redis-server", "chromium", "promtool"):
        (tools / name).touch(0o755)
    environment = {"PATH": f"{tools}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    run = subprocess.run(
        ["bash", ".ci/run"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=250
    )
    assert (run.returncode == 0) is is_green, run.stdout + run.stderr
