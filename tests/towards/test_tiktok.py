"""What leaves for TikTok goes to TikTok alone, and no answer takes longer than it may."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tiktok_events import EnqueueError, HttpProducer, Unavailable
from worker.alerts import Alerts
from worker.client import TikTokClient
from worker.config import ConfigError, Secret
from worker.config.load import build
from worker.errors import Outcome, Verdict

TOKEN = "canary-token-4711"


def post(url: str, *, seconds: float = 20.0) -> Verdict:
    return TikTokClient().post(url, {"data": []}, token=Secret(TOKEN), timeout_seconds=seconds)


@pytest.mark.parametrize("certificate", ["certificate", "elsewhere", "ended"])
def test_a_certificate_that_nobody_known_vouches_for_is_refused(
    listen: Callable[..., Any], certificate: str, caplog: pytest.LogCaptureFixture
) -> None:
    server = listen(certificate)
    with caplog.at_level(logging.DEBUG):
        verdict = post(server.url)
    assert (verdict.outcome, verdict.code) == (Outcome.UNAVAILABLE, None)
    assert verdict.message.startswith("TLS failed")
    assert server.requests == [], "the token never left"
    assert TOKEN not in repr(verdict) + caplog.text


@pytest.mark.parametrize(
    ("certificate", "outcome"),
    [("certificate", Outcome.DELIVERED), ("elsewhere", Outcome.UNAVAILABLE), ("ended", Outcome.UNAVAILABLE)],
)
def test_an_authority_of_ones_own_is_told_and_still_everything_is_checked(
    listen: Callable[..., Any], certificates: Any, monkeypatch: pytest.MonkeyPatch, certificate: str, outcome: Outcome
) -> None:
    monkeypatch.setenv("TIKTOK_EVENTS_CA_FILE", str(certificates.authority))
    assert post(listen(certificate).url).outcome is outcome


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_what_other_programs_trust_is_not_trusted_here(
    listen: Callable[..., Any], certificates: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, str(certificates.authority))
    assert post(listen("certificate").url).outcome is Outcome.UNAVAILABLE


def test_a_proxy_of_the_environment_sees_nothing(listen: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, server = listen(), listen()
    for name in ("http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    monkeypatch.setenv("no_proxy", "")
    assert post(server.url).outcome is Outcome.DELIVERED
    assert (len(server.requests), proxy.requests) == (1, [])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_never_followed(listen: Callable[..., Any], status: int) -> None:
    there = listen()
    here = listen(status=status, headers={"Location": there.url}, body=b"")
    assert post(here.url).outcome is Outcome.MISCONFIGURED
    Alerts(here.url).tell("paused", "stores", "x")
    with HttpProducer(here.url, TOKEN, timeout_seconds=20) as producer, pytest.raises(EnqueueError):
        producer.enqueue({"event": "A"}, destination="stores")
    assert len(here.requests) == 3
    assert there.requests == []


def test_the_token_stands_in_its_header_and_nowhere_else(
    listen: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    server = listen()
    with caplog.at_level(logging.DEBUG):
        post(f"{server.url}open_api/v1.3/event/track/")
    ((path, headers, body),) = server.requests
    assert headers.pop("Access-Token") == TOKEN
    assert TOKEN not in f"{path} {headers} {body!r} {caplog.text}"


Drip = Callable[[bytes, bytes], str]


@pytest.fixture
def drip() -> Iterator[Drip]:
    """Start a server that answers with one text at once and then with another, over and over, ten times a second."""
    listeners: list[socket.socket] = []
    ended = threading.Event()
    threads: list[threading.Thread] = []

    def start(at_once: bytes, again: bytes) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def answer(taken: socket.socket) -> None:
            with taken:
                try:
                    taken.sendall(at_once)
                    while not ended.wait(0.1):
                        taken.sendall(again)
                except OSError:
                    pass

        def accept() -> None:
            while True:
                try:
                    taken, _ = listener.accept()
                except OSError:
                    return
                threads.append(threading.Thread(target=answer, args=(taken,), daemon=True))
                threads[-1].start()

        threads.append(threading.Thread(target=accept, daemon=True))
        threads[-1].start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"

    yield start
    ended.set()
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    for thread in threads:
        thread.join()


DRIPS = [
    pytest.param(b"", b"H", id="status line"),
    pytest.param(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n", id="headers"),
    pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", id="interim answers"),
    pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b" ", id="body"),
    pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", b" ", id="body without an end"),
    pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", id="chunks"),
]


@pytest.mark.parametrize(("at_once", "again"), DRIPS)
def test_an_answer_that_drips_for_ever_is_given_up_in_time(drip: Drip, at_once: bytes, again: bytes) -> None:
    started = time.monotonic()
    verdict = post(drip(at_once, again), seconds=0.5)
    assert 0.4 < time.monotonic() - started < 30
    assert verdict.outcome is Outcome.UNAVAILABLE
    assert verdict.message in ("no answer: TimeoutError", "no answer: ReadTimeoutError")


@pytest.mark.parametrize(("at_once", "again"), DRIPS)
def test_a_door_that_drips_for_ever_holds_no_app(drip: Drip, at_once: bytes, again: bytes) -> None:
    started = time.monotonic()
    producer = HttpProducer(drip(at_once, again), TOKEN, timeout_seconds=0.5)
    with producer, pytest.raises(Unavailable) as caught:
        producer.enqueue({"event": "A"}, destination="stores")
    assert time.monotonic() - started < 30
    assert caught.value.maybe_stored
    assert TOKEN not in str(caught.value)


def test_a_webhook_that_drips_for_ever_stops_no_delivery(drip: Drip) -> None:
    started = time.monotonic()
    Alerts(drip(b"", b"H")).tell("paused", "stores", "x")
    assert time.monotonic() - started < 60


def test_an_answer_without_end_is_read_up_to_a_megabyte(listen: Callable[..., Any]) -> None:
    verdict = post(listen(body=b"[" + b"1," * 4_000_000 + b"1]").url, seconds=60)
    assert verdict.outcome is not Outcome.DELIVERED
    assert len(repr(verdict)) < 2000


URLS = {
    "base_url": lambda url: {"base_url": url + "/"},
    "order_sync.url": lambda url: {"kind": "order_sync", "order_sync": {"url": url}},
    "token url": lambda url: {"token": url},
    "webhook": lambda url: {"webhook": url},
}


@pytest.mark.parametrize("place", URLS)
@pytest.mark.parametrize(
    ("url", "fine"),
    [
        ("https://gateway.example/a", True),
        ("http://127.0.0.1:8/a", True),
        ("http://localhost/a", True),
        ("http://[::1]:8/a", True),
        ("http://gateway.example/a", False),
        ("http://127.0.0.1.example/a", False),
        ("http://localhost.example/a", False),
        ("http://10.0.0.1/a", False),
        ("http://2130706433/a", False),
        ("http://0.0.0.0/a", False),
        ("https://user:secret@gateway.example/a", False),
        ("https://gateway.example/a?token=secret", False),
        ("ftp://gateway.example/a", False),
        ("file:///etc/passwd", False),
        ("//gateway.example/a", False),
    ],
)
def test_a_url_is_https_outside_this_machine_wherever_it_is_set(place: str, url: str, fine: bool) -> None:
    told = URLS[place](url)
    main: dict[str, Any] = {"access_token": "${TOKEN}"}
    if "token" in told:
        main = {
            "kind": "refreshing",
            "refresh_url": told.pop("token"),
            **dict.fromkeys(("client_id", "client_secret", "refresh_token"), "${TOKEN}"),
        }
    alerts = {"webhook": told.pop("webhook")} if "webhook" in told else {}
    stores = {"kind": "events", "source": "segment", "credentials": "main", "event_source_id": "1", **told}
    raw = {"credentials": {"main": main}, "destinations": {"stores": stores}, "alerts": alerts}
    faults = ""
    try:
        build(raw, {"TOKEN": "x"}, source="test")
    except ConfigError as error:
        faults = str(error)
    about = [line for line in faults.splitlines() if "http" in line or "must not hold" in line]
    assert bool(about) is not fine, faults
    assert "secret@" not in faults
    assert "token=secret" not in faults
