"""HttpProducer behaves as Producer does, and a request sent again stores nothing twice."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis as redis_py
from waitress.server import create_server

from tiktok_events import (
    EventTooLarge,
    HttpProducer,
    InboxFull,
    InvalidEvent,
    Unavailable,
    UnknownDestination,
)
from worker.access import AccessTokens

Make = Callable[..., dict[str, Any]]


@pytest.fixture
def address(make_app: Callable[..., Any]) -> Iterator[str]:
    server: Any = create_server(make_app(), host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.trigger.pull_trigger(server.close)
    thread.join(30)


@pytest.fixture
def http(address: str, token: str) -> Iterator[HttpProducer]:
    with HttpProducer(address, token) as producer:
        yield producer


def ids(redis: redis_py.Redis, destination: str = "app") -> list[str]:
    entries: Any = redis.xrange(f"tiktok-events:{{{destination}}}:inbox")
    return [fields[b"id"].decode() for _, fields in entries]


def test_events_are_stored_in_their_order(http: HttpProducer, redis: redis_py.Redis, purchase: Make) -> None:
    assert http.enqueue(purchase(0), destination="app") == "order-0"
    assert http.enqueue(purchase(1), destination="app", event_id="mine") == "mine"
    many = http.enqueue_many((purchase(number) for number in range(2, 1_300)), destination="app")
    assert many == [f"order-{number}" for number in range(2, 1_300)]
    assert ids(redis) == ["order-0", "mine", *many]
    assert http.enqueue_many([], destination="app") == []


def test_the_first_refused_event_ends_it_and_says_where(
    http: HttpProducer, redis: redis_py.Redis, purchase: Make
) -> None:
    events = [purchase(number, value="a lot" if number in (520, 530) else 1) for number in range(600)]
    with pytest.raises(InvalidEvent) as caught:
        http.enqueue_many(events, destination="app")
    assert (caught.value.stored, len(caught.value.ids)) == (520, 520)
    assert str(caught.value).startswith("properties.value: ")
    assert "a lot" not in str(caught.value)
    assert ids(redis) == [f"order-{number}" for number in range(520)]


def test_what_the_client_itself_refuses_ends_it_alike(
    http: HttpProducer, redis: redis_py.Redis, purchase: Make
) -> None:
    for bad, kind in (({"when": object()}, InvalidEvent), ({"x": "x" * 300_000}, EventTooLarge)):
        redis.delete("tiktok-events:{app}:inbox")
        with pytest.raises(kind) as caught:
            http.enqueue_many([purchase(1), bad, purchase(2)], destination="app")
        assert (caught.value.stored, ids(redis)) == (1, ["order-1"])


def test_an_iterator_that_breaks_leaves_what_it_gave(http: HttpProducer, redis: redis_py.Redis, purchase: Make) -> None:
    def broken() -> Iterator[dict[str, Any]]:
        yield purchase(1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        http.enqueue_many(broken(), destination="app")
    assert ids(redis) == ["order-1"]


def test_each_refusal_is_the_error_that_a_producer_raises(
    http: HttpProducer, address: str, redis: redis_py.Redis, purchase: Make
) -> None:
    with pytest.raises(UnknownDestination, match="did you mean batches"):
        http.enqueue(purchase(1), destination="batchs")
    with pytest.raises(UnknownDestination):
        http.enqueue(purchase(1), destination="../healthz")
    with pytest.raises(EventTooLarge):
        http.enqueue(purchase(1, description="x" * 50_000), destination="app")
    with pytest.raises(InvalidEvent, match="event_id"):
        http.enqueue(purchase(1), destination="app", event_id="ada@example.com")
    with pytest.raises(InboxFull) as caught:
        http.enqueue_many([purchase(number) for number in range(5)], destination="small")
    assert (caught.value.stored, ids(redis, "small")) == (3, ["order-0", "order-1", "order-2"])
    reader = AccessTokens(redis).create("reader", ["read"]).text
    with HttpProducer(address, reader) as stranger, pytest.raises(Unavailable, match="403 forbidden"):
        stranger.enqueue(purchase(1), destination="app")


def test_how_much_is_checked_may_be_said(address: str, token: str, purchase: Make) -> None:
    with HttpProducer(address, token, validate="shape") as producer:
        assert producer.enqueue(purchase(1, value="a lot"), destination="app") == "order-1"


class Between:
    """A proxy that may swallow answers, as a network does that breaks after the request."""

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition("/")[2].partition(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.swallow = 0
        self.requests = 0
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client:
                self._pass_on(client)

    def _pass_on(self, client: socket.socket) -> None:
        client.settimeout(30)
        with socket.create_connection(self._target) as door:
            while request := self._message(client):
                self.requests += 1
                door.sendall(request)
                answer = self._message(door)
                if self.swallow:
                    self.swallow -= 1
                    return
                client.sendall(answer)

    @staticmethod
    def _message(source: socket.socket) -> bytes:
        """One whole request or answer, "" at the end of the connection."""
        found = b""
        while piece := source.recv(65_536):
            found += piece
            head, end, body = found.partition(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            if end and len(body) >= int(length[1] if length else 0):
                break
        return found

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(30)


@pytest.fixture
def between(address: str) -> Iterator[Between]:
    proxy = Between(address)
    yield proxy
    proxy.close()


@pytest.mark.parametrize("lost", [1, 2])
def test_an_answer_that_is_lost_stores_nothing_twice(
    between: Between, token: str, redis: redis_py.Redis, purchase: Make, lost: int
) -> None:
    with HttpProducer(between.url, token) as producer:
        producer.enqueue(purchase(0), destination="app")
        between.swallow = lost
        assert producer.enqueue_many([purchase(1), purchase(2)], destination="app") == ["order-1", "order-2"]
    assert between.requests == 2 + lost
    assert ids(redis) == ["order-0", "order-1", "order-2"]


def test_no_answer_in_time_says_that_it_may_be_stored(
    between: Between, token: str, redis: redis_py.Redis, purchase: Make
) -> None:
    between.swallow = 1_000
    with HttpProducer(between.url, token, timeout_seconds=2.0) as producer, pytest.raises(Unavailable) as caught:
        producer.enqueue(purchase(1), destination="app")
    assert caught.value.maybe_stored
    assert ids(redis) == ["order-1"]


def test_a_door_that_is_not_there(token: str, purchase: Make) -> None:
    producer = HttpProducer("http://127.0.0.1:1", token, timeout_seconds=0.3)
    with pytest.raises(Unavailable) as caught:
        producer.enqueue(purchase(1), destination="app")
    assert not caught.value.maybe_stored


@pytest.mark.parametrize(
    ("url", "token"),
    [("http://events.example.com", "tte_1"), ("ftp://localhost", "tte_1"), ("https://u:p@localhost", "tte_1"),
     ("localhost:8000", "tte_1"), ("http://localhost:x", "tte_1"), ("http://localhost", ""),
     ("http://localhost", "a\nb")],
)  # fmt: skip
def test_what_would_leak_the_token_or_is_none_is_refused(url: str, token: str) -> None:
    with pytest.raises(Unavailable) as caught:
        HttpProducer(url, token)
    assert not token or token not in str(caught.value)
