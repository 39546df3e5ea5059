"""The sink counts every event, answers as slowly as it is told, and knows how long events were under way."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
import requests

from benchmarks.chaos.fleet import ROOT


@pytest.fixture
def port() -> Iterator[int]:
    line = [sys.executable, "-m", "benchmarks.sink"]
    with subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.kill()


def _events(count: int) -> bytes:
    return json.dumps({"data": [{"event_id": f"e-{number}"} for number in range(count)]}).encode()


def test_events_are_counted_however_their_bytes_arrive(port: int) -> None:
    payload = _events(3)
    head = b"POST /event/track/ HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(payload)
    with socket.create_connection(("127.0.0.1", port)) as client:
        for _ in range(2):  # the connection is kept
            for piece in (head[:20], head[20:] + payload[:5], payload[5:]):
                client.sendall(piece)
                time.sleep(0.01)
            assert b'"code":0' in client.recv(1000)
    with requests.Session() as session:
        arrivals = session.get(f"http://127.0.0.1:{port}/", timeout=30).json()["arrivals"]
    assert [events for _, events in arrivals] == [3, 3]


def test_answers_take_as_long_as_told_and_a_reset_forgets(port: int) -> None:
    url = f"http://127.0.0.1:{port}/"
    with requests.Session() as session:
        session.post(url, data=_events(1), timeout=30)
        session.put(url, json={"delay_seconds": 0.1}, timeout=30)
        began = time.monotonic()
        assert session.post(url, data=_events(2), timeout=30).json()["code"] == 0
        assert time.monotonic() - began >= 0.1
        assert [events for _, events in session.get(url, timeout=30).json()["arrivals"]] == [2]


def test_an_id_that_holds_its_time_tells_how_long_the_event_was_under_way(port: int) -> None:
    url = f"http://127.0.0.1:{port}/"
    sent = time.time_ns() - 50_000_000
    with requests.Session() as session:
        session.post(url, json={"data": [{"event_id": f"at-{sent}-1"}, {"event_id": "other"}]}, timeout=30)
        (wait,) = session.get(url, timeout=30).json()["waits_ms"]
    assert 50 <= wait < 60_000
