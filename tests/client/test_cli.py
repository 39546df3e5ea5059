"""What the command line enqueues, rejects, says and returns."""

from __future__ import annotations

import io
import json
import os
import pty
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from tiktok_events import keys
from tiktok_events.cli import main
from tiktok_events.jsonl_rows import read_jsonl
from tiktok_events.rows import MAX_LINE_BYTES

INBOX = keys.inbox("stores")
ROOT = Path(__file__).parents[2]

Run = Callable[..., int]


@pytest.fixture
def run(each_server: Any, store: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("REDIS_URL", each_server.url)
    return lambda *arguments: main(["enqueue", "--destination", "stores", *map(str, arguments)])


def ids(store: redis.Redis) -> list[str]:
    entries: Any = store.xrange(INBOX)
    return [fields[b"id"].decode() for _, fields in entries]


def lines(*events: object) -> bytes:
    return b"".join(event if isinstance(event, bytes) else json.dumps(event).encode() + b"\n" for event in events)


def numbered(count: int) -> bytes:
    return lines(*({"event_id": str(number)} for number in range(1, count + 1)))


def test_every_line_of_a_file_is_enqueued_in_order(
    run: Run, store: redis.Redis, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(numbered(1200).rstrip())
    assert run(file) == 0
    assert ids(store) == [str(number) for number in range(1, 1201)]
    assert "1,200 events enqueued for stores, 0 lines rejected" in capsys.readouterr().out


def test_a_dash_is_the_standard_input(run: Run, store: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(numbered(3))))
    assert run("-") == 0
    assert ids(store) == ["1", "2", "3"]


BROKEN = lines(
    {"event_id": "1"},
    b"ada@example.com\n",
    b"\n",
    b"[1]\n",
    b'{"a": NaN, "email": "ada@example.com"}\n',
    {"event_id": "6"},
    b'{"a": "ada\xff"}\n',
    b'{"a": "ada\\ud800"}\n',
    b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"\n",
    b'{"pad": "' + b"ada " * 100_000 + b'"}\n',
    {"event_id": "11"},
)


def test_broken_lines_are_reported_by_number_and_rule_and_the_others_are_enqueued(
    run: Run, store: redis.Redis, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(BROKEN)
    assert run(file, "--json") == 1
    said = capsys.readouterr()
    assert ids(store) == ["1", "6", "11"]
    assert "ada" not in said.err + said.out
    assert [line for line in said.err.splitlines() if line.startswith("line ")] == [
        "line 2: not JSON",
        "line 4: not a JSON object",
        "line 5: not JSON",
        "line 7: not UTF-8",
        "line 8: event.a: the text holds half of a surrogate pair",
        "line 9: nested too deeply",
        "line 10: the event has 400010 bytes of JSON; 262144 are allowed",
    ]
    summary = json.loads(said.out)
    assert summary.pop("seconds") >= 0
    assert summary == {
        "destination": "stores",
        "from_line": 1,
        "last_line": 11,
        "enqueued": 3,
        "rejected": 7,
        "stopped": None,
    }


def test_rejected_lines_are_kept_for_their_owner_only(run: Run, tmp_path: Path) -> None:
    file, rejects = tmp_path / "events.jsonl", tmp_path / "rejects.jsonl"
    file.write_bytes(lines({"event_id": "1"}, b"[1]\n", b"\xff\n"))
    assert run(file, "--rejects", rejects) == 1
    assert run(file, "--rejects", rejects, "--from-line", 3) == 1
    kept = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert kept == [
        {"line": 2, "fault": "not a JSON object", "raw": "[1]"},
        {"line": 3, "fault": "not UTF-8", "raw": "\\xff"},
        {"line": 3, "fault": "not UTF-8", "raw": "\\xff"},
    ]
    assert stat.S_IMODE(rejects.stat().st_mode) == 0o600


def test_the_input_is_never_overwritten_by_its_rejects(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"[1]\n")
    assert run(file, "--rejects", file) == 2
    assert file.read_bytes() == b"[1]\n"


def test_after_twenty_rejected_lines_the_terminal_is_spared(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"[1]\n" * 50)
    assert run(file) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 21
    assert said[-1].startswith("more lines were rejected")


def test_lines_before_the_one_given_are_skipped(run: Run, store: redis.Redis, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(numbered(5))
    assert run(file, "--from-line", 4) == 0
    assert ids(store) == ["4", "5"]


def test_a_full_inbox_is_waited_for(run: Run, store: redis.Redis, tmp_path: Path) -> None:
    store.hset(keys.REGISTRY, "stores", '{"max_inbox": 300}')
    file = tmp_path / "events.jsonl"
    file.write_bytes(numbered(700))
    seen: list[str] = []

    def work() -> None:
        while len(seen) < 700:
            with store.pipeline(transaction=True) as step:
                entries, _ = step.xrange(INBOX).delete(INBOX).execute()
            seen.extend(fields[b"id"].decode() for _, fields in entries)
            time.sleep(0.02)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    assert run(file) == 0
    worker.join(timeout=60)
    assert seen == [str(number) for number in range(1, 701)]


def test_a_full_inbox_can_stop_the_command_which_says_where_to_go_on(
    run: Run, store: redis.Redis, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store.hset(keys.REGISTRY, "stores", '{"max_inbox": 3}')
    file = tmp_path / "events.jsonl"
    file.write_bytes(lines({"event_id": "1"}, b"[1]\n") + numbered(5) + b"[2]\n")
    assert run(file, "--no-wait") == 3
    said = capsys.readouterr().err
    assert "line 2: not a JSON object" in said
    assert "line 8" not in said
    assert "Stopped after line 4. To go on: --from-line 5" in said
    assert ids(store) == ["1", "1", "2"]


def test_an_unknown_destination_stops_the_command(
    run: Run, store: redis.Redis, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store.hset(keys.REGISTRY, "storse", "{}")
    file = tmp_path / "events.jsonl"
    file.write_bytes(numbered(1))
    assert run(file) == 3
    assert "did you mean 'storse'?" in capsys.readouterr().err


def test_a_redis_that_is_away_can_stop_the_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REDIS_URL", f"unix://{tmp_path}/none.sock")
    file = tmp_path / "events.jsonl"
    file.write_bytes(numbered(1))
    assert main(["enqueue", "--destination", "stores", "--no-wait", str(file)]) == 3
    assert "Stopped after line 0. To go on: --from-line 1" in capsys.readouterr().err


def test_a_missing_file_is_said(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "none.jsonl") == 2
    assert "No such file or directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["--from-line", "0", "f"], ["--from-line", "x", "f"], [], ["--format", "xml", "f"]]
)
def test_a_wrong_command_line_is_refused(run: Run, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run(*arguments)
    assert caught.value.code == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_says_where_to_go_on_and_nothing_is_lost(
    own_server: Any, tmp_path: Path, number: signal.Signals
) -> None:
    server = own_server()
    reading, writing = os.pipe()
    command = subprocess.Popen(
        [sys.executable, "-m", "tiktok_events", "enqueue", "--destination", "stores", "--json", "-"],
        stdin=reading,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "REDIS_URL": server.url},
    )
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe, server.client() as client:
        pipe.write(numbered(1010))
        pipe.flush()
        deadline = time.monotonic() + 60
        while client.xlen(INBOX) < 1000 and time.monotonic() < deadline:
            time.sleep(0.01)
        command.send_signal(number)
        out, err = command.communicate(timeout=60)
        stored = [int(fields[b"id"]) for _, fields in client.xrange(INBOX)]
    assert command.returncode == 130
    summary = json.loads(out)
    assert stored == list(range(1, len(stored) + 1))
    # The chunk on its way may be stored already; to send it again is safe, to skip it would not be.
    assert 500 <= summary["last_line"] <= len(stored) <= summary["last_line"] + 500
    assert f"--from-line {summary['last_line'] + 1}".encode() in err


def test_a_terminal_sees_a_bar(own_server: Any, tmp_path: Path) -> None:
    server = own_server()
    file = tmp_path / "events.jsonl"
    file.write_bytes(numbered(2000) + b"[1]\n")
    master, terminal = pty.openpty()
    finished = subprocess.run(
        [sys.executable, "-m", "tiktok_events", "enqueue", "--destination", "stores", str(file)],
        stderr=terminal,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "REDIS_URL": server.url, "TERM": "xterm", "COLUMNS": "120"},
        check=False,
        timeout=60,
    )
    os.close(terminal)
    shown = os.read(master, 100_000).decode()
    os.close(master)
    assert finished.returncode == 1
    assert "line 2,001: 2,000 enqueued, 1 rejected" in shown
    assert "100%" in shown
    assert "line 2001: not a JSON object" in shown


def test_a_line_that_is_too_long_is_skipped_without_being_held() -> None:
    long = b'{"pad": "' + b"x" * (2 * MAX_LINE_BYTES) + b'"}\n'
    file = io.BytesIO(numbered(1) + long + numbered(1))
    rows = list(read_jsonl(file))
    assert [(row.line, row.raw is None, row.fault) for row in rows] == [
        (1, False, ""),
        (2, True, f"longer than {MAX_LINE_BYTES} bytes"),
        (3, False, ""),
    ]
    assert rows[-1].end == len(file.getvalue())


def test_a_byte_order_mark_is_not_part_of_the_first_line() -> None:
    (row,) = read_jsonl(io.BytesIO(b'\xef\xbb\xbf{"event_id": "1"}\r\n'))
    assert row.event == {"event_id": "1"}
