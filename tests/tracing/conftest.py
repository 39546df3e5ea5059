"""What the tests of tracing share: a process with Sentry, and a TikTok that keeps the headers it gets."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import sentry_sdk

from worker import sentry


@pytest.fixture
def with_sentry(receiver: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """This process, set up as a worker with Sentry is."""
    monkeypatch.setenv("SENTRY_DSN", receiver.dsn)
    monkeypatch.setenv("SENTRY_ENVIRONMENT", "staging")
    sentry.start()
    yield receiver
    sentry_sdk.get_client().close(timeout=60)
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
