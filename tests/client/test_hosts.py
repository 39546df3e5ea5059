"""An app that has the client in it is not disturbed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(script: str, folder: Path, *arguments: str) -> str:
    finished = subprocess.run(
        [sys.executable, *arguments, "-c", script],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout + finished.stderr


def test_importing_it_costs_little_more_than_redis(tmp_path: Path) -> None:
    table = run("import redis, tiktok_events", tmp_path, "-X", "importtime")
    line = next(line for line in reversed(table.splitlines()) if line.endswith(" tiktok_events"))
    cumulative_microseconds = int(line.split("|")[1])
    assert cumulative_microseconds < 150_000


def test_importing_it_brings_nothing_heavy_along(tmp_path: Path) -> None:
    found = run(
        "import sys, tiktok_events;"
        "heavy = {'celery', 'kombu', 'rich', 'sentry_sdk', 'marshmallow', 'requests'};"
        "rooms = {'tasks', 'worker', 'schemas'};"
        "print(sorted((heavy | rooms) & set(sys.modules)))",
        tmp_path,
    )
    assert found.strip() == "[]"


@pytest.mark.parametrize("name", ["tasks", "worker", "schemas", "keys", "errors"])
def test_a_hosts_own_modules_stay_its_own(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.py").write_text("owner = 'host'\n")
    assert run(f"import tiktok_events, {name}; print({name}.owner)", tmp_path).strip() == "host"


def test_an_app_may_end_without_closing_anything(tmp_path: Path) -> None:
    script = (
        "import tiktok_events, warnings; warnings.simplefilter('error');"
        "producer = tiktok_events.Producer('redis://127.0.0.1:1')\n"
        "try: producer.enqueue({}, destination='stores')\n"
        "except tiktok_events.EnqueueError as error: print(type(error).__name__)"
    )
    assert run(script, tmp_path).strip() == "Unavailable"


def test_errors_survive_a_pickle(tmp_path: Path) -> None:
    # Celery hands exceptions from one process to another in this form.
    script = (
        "import pickle; from tiktok_events import Unavailable\n"
        "error = Unavailable('gone', maybe_stored=True); error.stored, error.ids = 1, ['a']\n"
        "copy = pickle.loads(pickle.dumps(error))\n"
        "print(str(copy), copy.maybe_stored, copy.stored, copy.ids)"
    )
    assert run(script, tmp_path).strip() == "gone True 1 ['a']"
