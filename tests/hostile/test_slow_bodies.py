"""A request that arrives for ever is given up, and those beside it are answered."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

import pytest
from waitress.server import create_server

from worker.web import patience
from worker.web.patience import PatientChannel, listeners


def test_a_request_that_drips_is_closed_and_others_are_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "MOST_SECONDS", 0.5)

    def app(_environ: Any, start: Any) -> list[bytes]:
        start("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    server: Any = create_server(app, host="127.0.0.1", port=0, threads=1)
    for listener in listeners(server):
        listener.channel_class = PatientChannel
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        slow = socket.create_connection(("127.0.0.1", server.effective_port))
        slow.settimeout(0.1)
        slow.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n")
        started, closed = time.monotonic(), False
        while not closed and time.monotonic() - started < 30:
            try:
                slow.sendall(b"x")
                closed = slow.recv(1) == b""
            except TimeoutError:
                continue
            except OSError:
                closed = True
        slow.close()
        assert closed
        assert 0.4 < time.monotonic() - started < 30
        with socket.create_connection(("127.0.0.1", server.effective_port)) as usual:
            usual.settimeout(30)
            usual.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert usual.recv(100).startswith(b"HTTP/1.1 200")
    finally:
        server.task_dispatcher.shutdown()
        server.trigger.pull_trigger(server.close)
        thread.join(30)
