"""What is refused before it was read to its end is refused in the caller's own form."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from waitress.server import create_server

from worker.web.patience import PatientChannel, listeners

MOST = 1000


@pytest.fixture
def port() -> Iterator[int]:
    """A server that takes bodies of a thousand bytes; its application is never asked."""

    def app(_environ: Any, _start: Any) -> list[bytes]:
        raise AssertionError("it was read")

    server: Any = create_server(app, host="127.0.0.1", port=0, threads=1, max_request_body_size=MOST, ident=None)
    for listener in listeners(server):
        listener.channel_class = PatientChannel
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield server.effective_port
    server.task_dispatcher.shutdown()
    server.trigger.pull_trigger(server.close)
    thread.join(5)


def answer(port: int, sent: bytes) -> tuple[bytes, bytes]:
    """Return head and body of what is answered to some bytes."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(20)
        connection.sendall(sent)
        told = b""
        while part := connection.recv(65536):
            told += part
    head, _, body = told.partition(b"\r\n\r\n")
    return head, body


def head(path: str, *more: str) -> bytes:
    return "\r\n".join((f"POST {path} HTTP/1.1", "Host: a", *more, "", "")).encode()


def test_the_door_says_that_a_body_is_too_long_as_it_says_everything(port: int) -> None:
    told, body = answer(port, head("/v1/destinations/app/events", f"Content-Length: {MOST + 1}"))
    assert told.startswith(b"HTTP/1.1 413 ")
    assert b"Content-Type: application/problem+json" in told
    assert b"Connection: close" in told
    problem = json.loads(body)
    assert (problem["code"], problem["status"]) == ("too_large", 413)
    assert "nothing of it was taken" in problem["detail"]


def test_what_is_no_http_is_a_malformed_request_at_the_door(port: int) -> None:
    told, body = answer(port, head("/v1/destinations/app/events", "Content-Length: many"))
    assert told.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["code"] == "malformed_request"


def test_elsewhere_a_person_reads_a_sentence(port: int) -> None:
    told, body = answer(port, head("/dead-letters/move", f"Content-Length: {MOST + 1}"))
    assert told.startswith(b"HTTP/1.1 413 ")
    assert b"Content-Type: text/plain" in told
    assert b"Request Entity Too Large" in body
