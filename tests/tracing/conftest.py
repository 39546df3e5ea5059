"""What the tests of tracing share: a Sentry on loopback that keeps the envelopes it gets."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
import pytest
import sentry_sdk

from worker import sentry


class Receiver:
    """Every envelope that came, as bytes and item by item."""

    def __init__(self) -> None:
        self.envelopes: list[bytes] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                unzipped = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
                receiver.envelopes.append(unzipped)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.dsn = f"http://key@127.0.0.1:{self.server.server_port}/1"

    def items(self, kind: str) -> list[dict[str, Any]]:
        found = []
        for envelope in self.envelopes:
            lines = envelope.split(b"\n")
            for header, body in zip(lines[1::2], lines[2::2], strict=False):
                if header and orjson.loads(header).get("type") == kind:
                    found.append(orjson.loads(body))
        return found

    def flushed(self, kind: str) -> list[dict[str, Any]]:
        """What this process has sent by now."""
        sentry_sdk.flush(timeout=5)
        return self.items(kind)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


@pytest.fixture
def with_sentry(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """This process, set up as a worker with Sentry is."""
    monkeypatch.setenv("SENTRY_DSN", receiver.dsn)
    monkeypatch.setenv("SENTRY_ENVIRONMENT", "staging")
    sentry.start()
    yield receiver
    sentry_sdk.get_client().close(timeout=5)
    sentry_sdk.get_global_scope().set_client(None)


@pytest.fixture
def headers() -> list[dict[str, str]]:
    return []


@pytest.fixture
def url(headers: list[dict[str, str]]) -> Iterator[str]:
    """A TikTok that takes everything and keeps the headers it got."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            headers.append(dict(self.headers))
            body = b'{"code": 0, "message": "OK", "request_id": "r", "data": {}}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/open_api/v1.3/"
    server.shutdown()
    server.server_close()
    thread.join()
