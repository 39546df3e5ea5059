"""What the door's tests share: a Redis of each kind to be had, and servers that misbehave."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.servers import SERVERS
from tiktok_events import Producer


class RedisServer:
    """A server on a Unix socket and on a free port of loopback."""

    def __init__(self, binary: Path, folder: Path) -> None:
        self.binary, self.folder = binary, folder
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        line = [str(self.binary), "--unixsocket", str(self.socket), "--save", "", "--dir", str(self.folder)]
        if "--port" not in options:
            options = ("--port", "0", *options)
        self.process = subprocess.Popen([*line, *options], stdout=subprocess.DEVNULL)
        end = time.monotonic() + 60
        while not self.socket.exists():
            assert self.process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.005)
        with self.client() as client:
            client.ping()

    def client(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self.socket))

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="session")
def each_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(SERVERS[request.param], tmp_path_factory.mktemp("door"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def store(each_server: RedisServer) -> Iterator[redis.Redis]:
    """An empty Redis of each kind, to look into."""
    with each_server.client() as client:
        client.flushall()
        client.config_set("maxmemory", 0)
        yield client
        client.config_set("maxmemory", 0)


@pytest.fixture
def producer(each_server: RedisServer, store: redis.Redis) -> Iterator[Producer]:
    with Producer(each_server.url) as producer:
        yield producer


@pytest.fixture
def own_server(server_binary: Path, tmp_path: Path) -> Iterator[Callable[..., RedisServer]]:
    """Starts servers for one test, which may stop, freeze or configure them."""
    started: list[RedisServer] = []

    def start(*options: str) -> RedisServer:
        folder = tmp_path / f"redis{len(started)}"
        folder.mkdir()
        server = RedisServer(server_binary, folder)
        started.append(server)
        server.start(*options)
        return server

    yield start
    for server in started:
        server.stop()


_GREETING = re.compile(rb"\*4\r\n\$6\r\nCLIENT\r\n\$7\r\nSETINFO\r\n(\$\d+\r\n[^\r]*\r\n){2}")


def _one_by_one(piece: bytes) -> Iterator[bytes]:
    """Yield the greetings in front of a piece, then the rest: two are sent before either is answered."""
    while greeting := _GREETING.match(piece):
        yield greeting[0]
        piece = piece[greeting.end() :]
    if piece:
        yield piece


class FakeRedis:
    """A server of our own: it says what the test tells it to, and remembers what came."""

    def __init__(self, answer: Callable[[bytes], bytes | None]) -> None:
        self.received: list[bytes] = []
        self.accepted = 0
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            self._open.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        # Every command of these tests arrives in one piece: loopback, and below the buffer's size.
        with client, contextlib.suppress(OSError):  # the other side may be gone before the answer
            while piece := client.recv(1_000_000):
                for command in _one_by_one(piece):
                    self.received.append(command)
                    answer = self._answer(command)
                    if answer == b"":
                        return
                    if answer is not None:
                        client.sendall(answer)

    def close_connections(self) -> None:
        """Ends every connection, as a server does that restarts or tires of an idle client."""
        for client in self._open:
            client.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def close(self) -> None:
        with contextlib.suppress(OSError):  # closed by the test
            self._listener.shutdown(socket.SHUT_RDWR)  # only this ends an accept() that waits
        self._listener.close()
        for client in self._open:
            client.close()


@pytest.fixture
def fake_redis() -> Iterator[Callable[[Callable[[bytes], bytes | None]], FakeRedis]]:
    """Makes a fake server from a function of a command to an answer, None for silence, b"" to hang up."""
    made: list[FakeRedis] = []

    def make(answer: Callable[[bytes], bytes | None]) -> FakeRedis:
        made.append(FakeRedis(answer))
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.fixture
def event() -> dict[str, Any]:
    return {
        "type": "track",
        "event": "Order Completed",
        "messageId": "m-1",
        "context": {"traits": {"email": "ada@example.com"}},
        "properties": {"order_id": "o-1", "products": [{"product_id": "p-1", "price": 12.5}]},
    }
