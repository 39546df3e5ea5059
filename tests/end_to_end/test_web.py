"""The web process as it is started: where it listens, when it refuses to, and how it ends."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

ROOT = Path(__file__).parents[2]


@pytest.fixture
def start(make_fleet: Callable[..., Any]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    fleet = make_fleet()
    running: list[subprocess.Popen[str]] = []

    def begin(*options: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "worker", "web", *options],
            cwd=ROOT,
            env={**fleet.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    begin.fleet = fleet  # type: ignore[attr-defined]
    yield begin
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


def address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"http://\S+", line)
    assert found, line or process.communicate()[1]
    return found[0]


def test_it_listens_on_loopback_and_ends_when_asked(start: Any) -> None:
    process = start(PORT="0")
    url = address(process)
    assert url.startswith("http://127.0.0.1:")
    assert requests.get(url, headers={"Accept": "text/html"}, timeout=30).status_code == 200
    assert requests.get(f"{url}readyz", timeout=30).status_code == 200
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_it_refuses_a_public_address_while_nobody_could_sign_in(start: Any, host: str) -> None:
    process = start("--host", host, "--port", "0")
    _, told = process.communicate(timeout=90)
    assert process.returncode == 78
    assert "python -m worker tokens create" in told


def test_a_token_that_may_only_send_events_opens_no_public_address(start: Any) -> None:
    start.fleet.run("worker", "tokens", "create", "--name", "shop", "--scope", "enqueue")
    process = start("--host", "0.0.0.0", "--port", "0")
    process.communicate(timeout=90)
    assert process.returncode == 78


def test_with_a_token_it_opens_a_public_address_to_who_shows_it(start: Any) -> None:
    text = start.fleet.run("worker", "tokens", "create", "--name", "anna", "--scope", "read").strip()
    url = address(start("--host", "0.0.0.0", "--port", "0")).replace("0.0.0.0", "127.0.0.1")
    assert requests.get(f"{url}overview.json", timeout=30).status_code == 401
    answer = requests.get(f"{url}overview.json", headers={"Authorization": f"Bearer {text}"}, timeout=30)
    assert answer.json()["destinations"][0]["name"] == "stores"


@pytest.mark.parametrize(
    ("options", "status"),
    [
        (["--user-header", "X-User"], 2),
        (["--trusted-proxy", "nonsense"], 2),
        (["--host", "0.0.0.0", "--trusted-proxy", "10.0.0.0/8"], 78),
    ],
)
def test_a_proxy_that_vouches_for_nobody_is_no_credential(start: Any, options: list[str], status: int) -> None:
    process = start(*options, "--port", "0")
    process.communicate(timeout=90)
    assert process.returncode == status


def test_nothing_personal_stands_in_what_it_prints(start: Any) -> None:
    process = start("--port", "0", LOG_LEVEL="DEBUG")
    url = address(process)
    requests.get(f"{url}audit?before=anna@example.com", headers={"X-Forwarded-For": "203.0.113.77"}, timeout=30)
    requests.get(f"{url}nobody@example.com", timeout=30)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    for told in (out, err):
        assert "example.com" not in told
        assert "203.0.113.77" not in told
