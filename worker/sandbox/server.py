"""How do bytes come in and go out? HTTP/1.1 with keep-alive, one thread for each connection.

The standard library's server, because faults need the socket itself: resets, half answers, silence.
"""

import contextlib
import logging
import socket
import socketserver
import struct
import sys
import threading
import traceback
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl

from worker.sandbox.reply import Reply, text
from worker.sandbox.request import Head

# Reads the body, or reads past it and returns None when it is larger than so many bytes.
ReadBody = Callable[[int], bytes | None]
Exchange = Callable[[Head, ReadBody], Reply]

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
_CHUNK_BYTES: Final = 1 << 16
_STOP_SECONDS: Final = 2.0

_logger = logging.getLogger(__name__)


class Listener(ThreadingHTTPServer):
    """Accepts connections until ``stop``; every request goes through ``exchange``."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], exchange: Exchange) -> None:
        self.exchange = exchange
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._changed = threading.Condition()
        super().__init__(address, Connection)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), name="sandbox", daemon=True)
        self._thread.start()

    def server_bind(self) -> None:
        """Binds without asking a name server for the host's full name, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[0], self.server_address[1]  # type: ignore[assignment]

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serves one connection."""
        with self._changed:
            self._open.add(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._changed:
                self._open.discard(request)
                self._changed.notify_all()

    def shutdown_request(self, request: Any) -> None:
        """Closes a connection; no shutdown before, it would send an end where a reset was asked for."""
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class's names
        """Logs what failed, but for a client that went away: that is everyday life here."""
        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, OSError):
            log_failure(error)

    def stop(self) -> None:
        """Ends every connection, also one in the middle of a slow answer, and the threads with them."""
        self.stopping.set()
        with contextlib.suppress(OSError):  # wakes the accepting thread where the system can do that
            self.socket.shutdown(socket.SHUT_RDWR)
        self.shutdown()
        self.server_close()
        self._thread.join()
        with self._changed:
            for connection in self._open:
                with contextlib.suppress(OSError):  # its thread has just closed it
                    connection.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._open, _STOP_SECONDS)


class Connection(BaseHTTPRequestHandler):
    """One client's connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Listener

    def _serve(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal():
            self.close_connection = True
            self._send(text(411, "411 length required"))
            return
        self._unread = int(length)
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self.server.exchange(
            Head(self.command, path, dict(parse_qsl(query, keep_blank_values=True)), headers), self._read_body
        )
        if self._unread:
            self.close_connection = True
        if reply.delay_seconds:
            self.server.stopping.wait(reply.delay_seconds)
        self._send(reply)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - the base class's names

    def _read_body(self, max_bytes: int) -> bytes | None:
        length, self._unread = self._unread, 0
        if length <= max_bytes:
            body = self.rfile.read(length)
            if len(body) < length:
                raise ConnectionAbortedError("the client went away in the middle of its body")
            return body
        while length > 0:  # a client that is still sending would see a reset instead of the answer
            chunk = self.rfile.read(min(length, _CHUNK_BYTES))
            if not chunk:
                raise ConnectionAbortedError("the client went away in the middle of its body")
            length -= len(chunk)
        return None

    def _send(self, reply: Reply) -> None:
        if reply.ending != "complete":
            self.close_connection = True
        if reply.ending == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            return
        if reply.ending == "silent":
            return
        lines = [
            f"HTTP/1.1 {reply.status} {_phrase(reply.status)}",
            f"Content-Type: {reply.content_type}",
            f"Content-Length: {len(reply.body)}",
            f"X-TT-LOGID: {reply.request_id}",
            *(f"{name}: {value}" for name, value in reply.headers),
        ]
        if self.close_connection:
            lines.append("Connection: close")
        head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        body = reply.body[: len(reply.body) // 2] if reply.ending == "half" else reply.body
        self.wfile.write(head + body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's names
        """Logs nothing: a request line may hold what nobody should read."""


def log_failure(error: BaseException) -> None:
    """Logs the kind and the place of a fault of the sandbox's own; its words may hold what came in a body."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    _logger.error("the sandbox failed: %s in %s", type(error).__name__, place.name)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
