from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from worker.alerts import KINDS, Alerts


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[dict[str, str]]]]:
    got: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", got
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_webhook_gets_one_post_with_what_it_means(webhook: tuple[str, list[dict[str, str]]]) -> None:
    url, got = webhook
    Alerts(url).tell("paused", "stores", "unauthorized: 40105")
    (told,) = got
    assert {key: told[key] for key in ("incident", "destination", "detail", "meaning")} == {
        "incident": "paused",
        "destination": "stores",
        "detail": "unauthorized: 40105",
        "meaning": KINDS["paused"],
    }


def test_a_webhook_that_is_away_stops_no_delivery(caplog: pytest.LogCaptureFixture) -> None:
    Alerts("http://127.0.0.1:1/").tell("paused", "stores", "x")
    assert "webhook failed" in caplog.text
