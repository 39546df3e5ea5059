"""How little a worker loads before its first claim: what a delivery does not need comes when it is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TASKS = ("deliver", "enqueue", "replay", "sweep", "wake")


def loaded(code: str, tmp_path: Path, *heavy: str) -> list[str]:
    """Return which of some packages a fresh process has loaded after `code`."""
    tell = f"import sys; print(*sorted({set(heavy)} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{tell}"],
        env={"PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.split()


def test_a_worker_loads_nothing_that_its_first_delivery_does_not_need(tmp_path: Path) -> None:
    code = "import worker.app\n" + "\n".join(f"import tasks.{name}" for name in TASKS)
    heavy = ("sentry_sdk", "prometheus_client", "celery.beat", "flask", "rich", "worker.orders")
    assert loaded(code, tmp_path, *heavy) == []


@pytest.mark.parametrize("command", ["status", "doctor", "retries", "pauses", "dead_letters.look", "dead_letters.mend"])
def test_a_command_loads_neither_celery_nor_the_pages(tmp_path: Path, command: str) -> None:
    code = f"import worker.cli.main, worker.cli.{command}"
    assert loaded(code, tmp_path, "celery", "flask", "sentry_sdk", "prometheus_client") == []


def test_without_a_dsn_nothing_loads_the_sdk(tmp_path: Path) -> None:
    code = (
        "from worker import sentry\n"
        "from worker.alerts import Alerts\n"
        "from worker.tracing.to_sentry import ToSentry\n"
        "sentry.start(); sentry.capture(ValueError()); Alerts().tell('redis', '', 'x')\n"
        "assert ToSentry().is_on() is False"
    )
    assert loaded(code, tmp_path, "sentry_sdk") == []
