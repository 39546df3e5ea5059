"""How is a network made to fail? By a proxy on loopback between a client and its server.

=========  =============================================================================================
fault      what client and server see while it is in force
=========  =============================================================================================
latency    every piece of bytes comes `seconds` later, in either direction
reset      every `every`-th piece from the client arrives half, then both sides get an RST
cut        every `every`-th piece from the server arrives half (one byte: not at all), then the client
           sees the end of the connection: the server did what it was asked, and nobody was told
half_open  new connections are accepted, then silence; open ones fall silent, too, and stay so for good,
           as behind a firewall that forgot them
=========  =============================================================================================

There is no fault that repeats bytes: TCP delivers each byte once. A command or a request comes twice only when a
client sends it again, which is what `cut` makes clients do.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

Kind = Literal["none", "latency", "reset", "cut", "half_open"]

_PIECE_BYTES = 1 << 16
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_POLL_SECONDS = 0.05
_PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Fault:
    """What the proxy does to the bytes that pass."""

    kind: Kind = "none"
    seconds: float = 0.0
    every: int = 1


class FaultProxy:
    """Forwards connections on 127.0.0.1 to `upstream` (host and port, or the path of a Unix socket).

    A context manager. `fault` may be changed at any time; it counts from the next piece of bytes.
    """

    def __init__(self, upstream: tuple[str, int] | Path) -> None:
        self._upstream = upstream
        self._fault = Fault()
        self._pieces = 0
        self.acted = 0
        """How often a fault ended or silenced a connection."""
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._links: set[_Link] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._listener.settimeout(_POLL_SECONDS)
        self._thread = threading.Thread(target=self._accept, name="fault-proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()
        self._listener.close()
        with self._lock:
            links = list(self._links)
        for link in links:
            link.end()
        for link in links:
            link.join()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._listener.getsockname()[1])

    def fault(self, kind: Kind, *, seconds: float = 0.0, every: int = 1) -> None:
        """Put a fault in force in place of the one before; "none" lets everything pass."""
        with self._lock:
            self._fault, self._pieces = Fault(kind, seconds, every), 0
            if kind == "half_open":
                for link in self._links:
                    self._silence(link)

    def in_force(self) -> Fault:
        """Return the fault in force."""
        return self._fault

    def is_turn(self, fault: Fault) -> bool:
        """Count a piece of bytes that `fault` is about; return whether it acts on this one."""
        with self._lock:
            if self._fault is not fault:
                return False
            self._pieces += 1
            acts = self._pieces % fault.every == 0
            self.acted += acts
            return acts

    def forget(self, link: _Link) -> None:
        """Take note that a connection has ended."""
        with self._lock:
            self._links.discard(link)

    def _silence(self, link: _Link) -> None:
        self.acted += not link.silent.is_set()
        link.silent.set()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            try:
                server = self._connect()
            except OSError:
                _reset_on_close(client)  # what a machine without that server answers
                client.close()
                continue
            link = _Link(self, client, server)
            with self._lock:
                self._links.add(link)
                if self._fault.kind == "half_open":
                    self._silence(link)
            link.start()

    def _connect(self) -> socket.socket:
        if isinstance(self._upstream, Path):
            server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            server.connect(str(self._upstream))
            return server
        return socket.create_connection(self._upstream, timeout=5)


class _Link:
    """One client's connection and its way to the server."""

    def __init__(self, proxy: FaultProxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._client, self._server = client, server
        self.silent = threading.Event()
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._running = 2
        for each in (client, server):
            each.settimeout(_POLL_SECONDS)
            with contextlib.suppress(OSError):  # a Unix socket has no such option
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._threads = [
            threading.Thread(target=self._pump, args=(client, server, "reset"), daemon=True),
            threading.Thread(target=self._pump, args=(server, client, "cut"), daemon=True),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._over.set()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _pump(self, source: socket.socket, target: socket.socket, acts_here: Kind) -> None:
        try:
            while not self._over.is_set():
                try:
                    piece = source.recv(_PIECE_BYTES)
                except TimeoutError:
                    continue
                if not piece:
                    break
                if self.silent.is_set():
                    continue  # read and dropped: on the wire, nobody would know either
                if not self._pass(piece, target, acts_here):
                    break
        except OSError:
            pass  # either side went away: so does the other
        finally:
            self._over.set()
            self._last_one_closes()

    def _pass(self, piece: bytes, target: socket.socket, acts_here: Kind) -> bool:
        """Forward a piece; return whether the connection goes on."""
        fault = self._proxy.in_force()
        if fault.kind == "latency":
            time.sleep(fault.seconds)
        if fault.kind == acts_here and self._proxy.is_turn(fault):
            _send(target, piece[: len(piece) // 2])
            if fault.kind == "reset":
                _reset_on_close(self._client)
                _reset_on_close(self._server)
            return False
        _send(target, piece)
        return True

    def _last_one_closes(self) -> None:
        # Never earlier: the number of a closed socket may be given to another connection at once.
        with self._lock:
            self._running -= 1
            if self._running:
                return
        for each in (self._client, self._server):
            each.close()
        self._proxy.forget(self)


def _send(target: socket.socket, piece: bytes) -> None:
    # Not `sendall`: a reader that is slower than one poll is no error.
    rest = memoryview(piece)
    end = time.monotonic() + _PATIENCE_SECONDS
    while rest:
        try:
            rest = rest[target.send(rest) :]
        except TimeoutError:
            if time.monotonic() > end:
                raise


def _reset_on_close(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the other side may have ended it already
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
