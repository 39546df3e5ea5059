"""An event counts as stored when as many replicas have it as the URL says."""

from __future__ import annotations

from typing import Any

import pytest

from tiktok_events import Producer, Unavailable
from tiktok_events.addresses import parse_address, without_own_options


def answering(waited: bytes) -> Any:
    def answer(command: bytes) -> bytes:
        if b"EVAL" in command:
            return b":1\r\n" + waited
        return b"+OK\r\n" if b"CLIENT" in command else b"*0\r\n"

    return answer


def test_they_are_waited_for_in_the_same_round_trip(fake_redis: Any) -> None:
    server = fake_redis(answering(b":2\r\n"))
    with Producer(f"{server.url}?wait_replicas=2", timeout_seconds=5.0) as producer:
        for number in range(3):
            producer.enqueue({"event_id": str(number)}, destination="stores")
    stored = [command for command in server.received if b"EVAL" in command]
    assert len(stored) == 3
    assert all(b"WAIT\r\n$1\r\n2\r\n$4\r\n4000\r\n" in command for command in stored)


def test_without_the_option_nobody_waits(fake_redis: Any) -> None:
    server = fake_redis(answering(b""))
    with Producer(server.url) as producer:
        producer.enqueue({"event_id": "1"}, destination="stores")
    assert not [command for command in server.received if b"WAIT" in command]


@pytest.mark.parametrize("waited", [b":1\r\n", b"-ERR unknown command\r\n"])
def test_too_few_of_them_leave_the_event_in_doubt(fake_redis: Any, waited: bytes) -> None:
    server = fake_redis(answering(waited))
    with Producer(f"{server.url}?wait_replicas=2") as producer:
        for _ in range(2):  # and the connection is in step afterwards
            with pytest.raises(Unavailable, match="of 2 replicas have it") as caught:
                producer.enqueue({"event_id": "1"}, destination="stores")
            assert caught.value.maybe_stored
    assert server.accepted == 1


def test_a_refused_event_does_not_leave_an_answer_behind(fake_redis: Any) -> None:
    answers = [b"-OOM memory\r\n:0\r\n", b":1\r\n:1\r\n"]

    def answer(command: bytes) -> bytes:
        if b"EVAL" in command:
            return answers.pop(0)
        return b"+OK\r\n" if b"CLIENT" in command else b"*0\r\n"

    server = fake_redis(answer)
    with Producer(f"{server.url}?wait_replicas=1") as producer:
        with pytest.raises(Unavailable, match="refuses") as caught:
            producer.enqueue({"event_id": "1"}, destination="stores")
        assert not caught.value.maybe_stored
        producer.enqueue({"event_id": "1"}, destination="stores")
    assert server.accepted == 1


@pytest.mark.parametrize(
    "url", ["redis://a?wait_replicas=1", "redis+cluster://a,b?db=0&wait_replicas=1", "unix:///s?wait_replicas=1"]
)
def test_every_form_of_url_takes_it(url: str) -> None:
    assert parse_address(url).wait_replicas == 1
    assert parse_address(without_own_options(url)).wait_replicas == 0


@pytest.mark.parametrize("value", ["", "-1", "x", "1&wait_replicas=2", "101"])
def test_a_number_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="wait_replicas"):
        parse_address(f"redis://u:hunter2@a?wait_replicas={value}")
