"""The proxy makes exactly the failures that it names."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.chaos.fault_proxy import FaultProxy


class Echo:
    """A server that says what it hears, and remembers it."""

    def __init__(self, listener: socket.socket) -> None:
        self.listener, self.heard = listener, b""
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while piece := connection.recv(100):
                self.heard += piece
                connection.sendall(piece)


@pytest.fixture
def echo() -> Iterator[Echo]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Echo(listener)
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxy(echo: Echo) -> Iterator[FaultProxy]:
    with FaultProxy(("127.0.0.1", echo.listener.getsockname()[1])) as running:
        yield running


@pytest.fixture
def client(proxy: FaultProxy) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=30) as connection:
        yield connection


def ask(client: socket.socket) -> bytes:
    client.sendall(b"12345678")
    return client.recv(100)


def read_to_the_end(client: socket.socket) -> None:
    while client.recv(100):
        pass


def test_without_a_fault_bytes_pass_both_ways(client: socket.socket) -> None:
    assert [ask(client) for _ in range(3)] == [b"12345678"] * 3


def test_a_unix_socket_can_be_upstream(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        Echo(listener)
        with FaultProxy(tmp_path / "s") as proxy, socket.create_connection(("127.0.0.1", proxy.port), 30) as client:
            assert ask(client) == b"12345678"
        listener.shutdown(socket.SHUT_RDWR)


def test_latency_delays_both_ways(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.fault("latency", seconds=0.1)
    started = time.monotonic()
    assert ask(client) == b"12345678"
    assert time.monotonic() - started >= 0.2


def test_a_reset_lets_half_a_command_through(proxy: FaultProxy, client: socket.socket, echo: Echo) -> None:
    proxy.fault("reset", every=2)
    assert ask(client) == b"12345678"
    client.sendall(b"12345678")
    with pytest.raises(ConnectionResetError):
        read_to_the_end(client)  # the server may answer the half it got
    assert echo.heard == b"12345678" + b"1234"
    assert proxy.acted == 1


def test_a_cut_lets_half_an_answer_through(proxy: FaultProxy, client: socket.socket, echo: Echo) -> None:
    proxy.fault("cut")
    assert ask(client) == b"1234"
    assert client.recv(100) == b""
    assert echo.heard == b"12345678"


def test_half_open_connections_stay_silent_for_good(proxy: FaultProxy, client: socket.socket) -> None:
    assert ask(client) == b"12345678"
    proxy.fault("half_open")
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=0.3) as later:
        with pytest.raises(TimeoutError):
            ask(later)
        proxy.fault("none")
        with pytest.raises(TimeoutError):
            ask(later)
    client.settimeout(0.3)
    with pytest.raises(TimeoutError):
        ask(client)
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=30) as newest:
        assert ask(newest) == b"12345678"


def test_without_a_server_clients_are_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = gone.getsockname()
    # The reset may come before the connection is reported as made, or after.
    with (
        FaultProxy(address) as proxy,
        pytest.raises(OSError, match="reset"),
        socket.create_connection(("127.0.0.1", proxy.port), timeout=30) as client,
    ):
        client.recv(100)


def test_leaving_ends_every_connection(echo: Echo) -> None:
    with FaultProxy(("127.0.0.1", echo.listener.getsockname()[1])) as proxy:
        client = socket.create_connection(("127.0.0.1", proxy.port), timeout=30)
        assert ask(client) == b"12345678"
    with client:
        assert client.recv(100) == b""
