"""The worker's own small server: two paths, nothing else, and nobody can hold it up."""

from __future__ import annotations

import socket
import urllib.request
from collections.abc import Iterator
from urllib.error import HTTPError

import pytest

from worker.metrics import server
from worker.metrics.server import AddressError, MetricsServer


def page(status: int, text: str) -> server.Page:
    return lambda: (status, "text/plain; charset=utf-8", text.encode())


@pytest.fixture
def url() -> Iterator[str]:
    running = MetricsServer(("127.0.0.1", 0), {"/metrics": page(200, "figures"), "/healthz": page(503, "stuck")})
    running.start()
    yield f"http://127.0.0.1:{running.port}"
    running.stop()


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/metrics", (200, "figures")),
        ("/metrics?name[]=x", (200, "figures")),
        ("/healthz", (503, "stuck")),
        ("/", (404, "not found\n")),
        ("/../metrics", (404, "not found\n")),
    ],
)
def test_it_answers_its_paths_and_no_others(url: str, path: str, told: tuple[int, str]) -> None:
    assert get(url + path) == told


def test_it_only_reads(url: str) -> None:
    request = urllib.request.Request(f"{url}/metrics", data=b"x", method="POST")
    with pytest.raises(HTTPError) as refused:
        urllib.request.urlopen(request, timeout=20)
    assert refused.value.code == 501
    refused.value.close()


def test_a_client_that_says_nothing_holds_up_nobody(url: str) -> None:
    port = int(url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)):
        assert get(f"{url}/metrics")[0] == 200


@pytest.mark.parametrize(
    ("port", "host", "where"),
    [
        ("", "", None),
        ("9464", "", ("127.0.0.1", 9464)),
        ("9464", "0.0.0.0", ("0.0.0.0", 9464)),
        ("0", "", ("127.0.0.1", 0)),
    ],
)
def test_where_it_listens_is_loopback_unless_told_otherwise(
    port: str, host: str, where: tuple[str, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METRICS_PORT", port)
    monkeypatch.setenv("METRICS_HOST", host)
    assert server.address() == where


@pytest.mark.parametrize("port", ["many", "-1", "65536", "80 ", "٨٠"])
def test_what_is_no_port_is_refused(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METRICS_PORT", port)
    with pytest.raises(AddressError, match="must be a port number"):
        server.address()
