"""How a worker is scraped and probed: `/metrics` and `/healthz` on `METRICS_PORT`, off unless that is set."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

log = logging.getLogger(__name__)

_SLOWEST_CLIENT_SECONDS = 5.0


class AddressError(ValueError):
    """The environment names no address that one can listen on; the text says what is wrong."""


Page = Callable[[], tuple[int, str, bytes]]
"""Makes an answer: status, type, body."""


def address() -> tuple[str, int] | None:
    """Return where to listen, None for nowhere.

    Raises:
        AddressError: `METRICS_PORT` is not a port.
    """
    given = os.environ.get("METRICS_PORT")
    if not given:
        return None
    if not given.isascii() or not given.isdigit() or int(given) > 65535:
        raise AddressError("METRICS_PORT: must be a port number from 0 to 65535")
    return os.environ.get("METRICS_HOST") or "127.0.0.1", int(given)


class MetricsServer:
    """Answers GET on a few paths, in threads of its own."""

    def __init__(self, where: tuple[str, int], pages: dict[str, Page]) -> None:
        """Listen.

        Raises:
            OSError: the address cannot be had.
        """
        self._server = ThreadingHTTPServer(where, _handler(pages))
        self._server.daemon_threads = True
        # A child that is forked later must not keep the port when this process is gone.
        os.register_at_fork(after_in_child=self._server.socket.close)
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()


def _handler(pages: dict[str, Page]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _SLOWEST_CLIENT_SECONDS
        server_version = "tiktok-events"
        sys_version = ""

        def do_GET(self) -> None:  # the name that http.server calls
            page = pages.get(self.path.partition("?")[0])
            status, kind, body = page() if page else (404, "text/plain; charset=utf-8", b"not found\n")
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing: scrapes come every few seconds."""

    return Handler
