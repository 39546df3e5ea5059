"""How a probe finds workers: by files that are locked while their worker lives, and safe in a shared folder."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from worker.metrics import state_file
from worker.metrics.board import Head, Own
from worker.metrics.state_file import board_in_file, boards, folder

HEAD = Head(stuck_after_seconds=60.0, started_at=0.0)
ROOT = Path(__file__).parents[2]

WORKER = """
import sys, time
from worker.metrics.board import Head
from worker.metrics.meter import Meter
from worker.metrics.state_file import board_in_file
meter = Meter(board_in_file(Head(stuck_after_seconds=60.0, started_at=0.0)).row(0))
print("up", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOK_EVENTS_STATE_DIR", str(tmp_path / "states"))


@pytest.fixture
def other() -> Iterator[subprocess.Popen[str]]:
    """Another process that keeps a board; it ends when its standard input does."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", WORKER], cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        yield process
        process.kill()


def test_the_board_of_another_process_is_found_while_it_lives_and_gone_when_it_ends(
    other: subprocess.Popen[str],
) -> None:
    (board,) = boards()
    assert board.head == HEAD
    assert [row[Own.PID] for row in board.taken()] == [other.pid]
    other.communicate()
    assert list(folder().iterdir()) == []
    assert list(boards()) == []


def test_what_a_killed_worker_left_is_no_worker_and_is_removed(other: subprocess.Popen[str]) -> None:
    other.kill()
    other.wait()
    assert len(list(folder().iterdir())) == 1
    assert list(boards()) == []
    assert list(folder().iterdir()) == []


def test_nobody_else_may_read_or_write_it(other: subprocess.Popen[str]) -> None:
    (path,) = folder().iterdir()
    assert (folder().stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)


def test_a_file_that_a_worker_of_the_same_number_left_is_replaced_not_reused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.getpid", lambda: 1)
    folder().mkdir(parents=True)
    left = folder() / "1.worker"
    left.write_bytes(b"left by another container of this volume")
    before = left.stat().st_ino
    held = left.open("rb")
    board = board_in_file(HEAD)
    assert left.stat().st_ino != before
    assert held.read().startswith(b"left by"), "who still has it mapped must not be cut off"
    held.close()
    assert board.taken() == []


@pytest.mark.parametrize("trap", ["link", "file"])
def test_a_folder_that_cannot_be_trusted_is_not_used_and_stops_no_worker(
    trap: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if trap == "link":
        (tmp_path / "elsewhere").mkdir()
        folder().symlink_to(tmp_path / "elsewhere")
    else:
        folder().write_text("")
    board = board_in_file(HEAD)
    board.row(0)[Own.PROGRESS_AT] = time.monotonic()
    assert "no state file" in caplog.text
    assert not (tmp_path / "elsewhere").exists() or not list((tmp_path / "elsewhere").iterdir())


def test_without_the_variable_the_folder_is_this_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TIKTOK_EVENTS_STATE_DIR")
    assert folder().name.startswith("tiktok-events-")


def test_only_who_made_the_file_removes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    folder().mkdir(parents=True)
    path = folder() / "7.worker"
    path.write_bytes(b"")
    state_file._remove(path, owner=0)
    assert path.exists()
