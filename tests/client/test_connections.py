"""A command reaches Redis at most once, and no wait is much longer than its time-out."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tiktok_events import Producer, Unavailable, keys

Answer = Callable[[bytes], bytes | None]


SHORT_TIMEOUT_SECONDS = 0.5
"""For a server that is never reached: nothing has to be done in it."""

ENOUGH_SECONDS = 2.0
"""For one that is reached, and stored in, before it falls silent: on a machine that may stand still."""


@contextmanager
def given_up_in_time() -> Iterator[None]:
    """More than the time-out, because a busy machine may stand still; less than any other wait."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < 9.0


def healthy(command: bytes) -> bytes:
    """Answers like a Redis without a registry that stores one event."""
    if b"CLIENT" in command:
        return b"+OK\r\n"
    return b"*0\r\n" if b"HGETALL" in command else b":1\r\n"


def unless_storing(answer: bytes | None) -> Answer:
    return lambda command: answer if b"EVAL" in command else healthy(command)


def sent(server: Any, word: bytes) -> int:
    return sum(command.count(word) for command in server.received)


def test_a_server_that_accepts_and_never_answers_is_given_up(fake_redis: Any) -> None:
    server = fake_redis(lambda _: None)
    with (
        Producer(server.url, timeout_seconds=SHORT_TIMEOUT_SECONDS) as producer,
        given_up_in_time(),
        pytest.raises(Unavailable) as caught,
    ):
        producer.enqueue({}, destination="stores")
    assert not caught.value.maybe_stored
    assert sent(server, b"EVAL") == 0


def test_an_event_whose_answer_never_came_is_sent_once_and_may_be_stored(fake_redis: Any) -> None:
    server = fake_redis(unless_storing(None))
    with (
        Producer(server.url, timeout_seconds=ENOUGH_SECONDS) as producer,
        given_up_in_time(),
        pytest.raises(Unavailable, match="may have been stored") as caught,
    ):
        producer.enqueue({}, destination="stores")
    assert caught.value.maybe_stored
    time.sleep(0.05)
    assert sent(server, b"EVAL") == 1


def test_an_event_whose_connection_ended_after_it_was_sent_is_not_sent_again(fake_redis: Any) -> None:
    server = fake_redis(unless_storing(b""))
    with Producer(server.url) as producer, pytest.raises(Unavailable) as caught:
        producer.enqueue_many([{"event_id": "1"}, {"event_id": "2"}], destination="stores")
    assert (caught.value.maybe_stored, caught.value.stored) == (True, 0)
    time.sleep(0.05)
    assert sent(server, b"EVAL") == 1


def test_an_answer_that_came_too_late_is_not_taken_for_the_next_events(fake_redis: Any) -> None:
    late = [b":0\r\n"]  # would say that the inbox is full
    given_up = threading.Event()

    def answer(command: bytes) -> bytes | None:
        if b"EVAL" in command and late:
            assert given_up.wait(60)
            return late.pop()
        return healthy(command)

    with Producer(fake_redis(answer).url, timeout_seconds=ENOUGH_SECONDS) as producer:
        with pytest.raises(Unavailable):
            producer.enqueue({"event_id": "1"}, destination="stores")
        given_up.set()
        time.sleep(0.2)
        assert producer.enqueue({"event_id": "2"}, destination="stores") == "2"


def test_an_idle_connection_that_the_server_ended_costs_nothing(fake_redis: Any) -> None:
    server = fake_redis(healthy)
    with Producer(server.url) as producer:
        producer.enqueue({"event_id": "1"}, destination="stores")
        server.close_connections()
        time.sleep(0.05)
        producer.enqueue({"event_id": "2"}, destination="stores")
    assert server.accepted == 2
    assert sent(server, b"EVALSHA") == 2


def test_a_long_quiet_connection_is_not_trusted(fake_redis: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server = fake_redis(healthy)
    with Producer(server.url) as producer:
        producer.enqueue({"event_id": "1"}, destination="stores")
        producer.enqueue({"event_id": "2"}, destination="stores")
        assert server.accepted == 1
        monkeypatch.setattr("tiktok_events.connections.MAX_IDLE_SECONDS", 0.0)
        producer.enqueue({"event_id": "3"}, destination="stores")
    assert server.accepted == 2


def test_one_event_costs_one_round_trip(fake_redis: Any) -> None:
    server = fake_redis(healthy)
    with Producer(server.url) as producer:
        producer.enqueue({"event_id": "1"}, destination="stores")
        before = len(server.received)
        producer.enqueue({"event_id": "2"}, destination="stores")
        assert len(server.received) == before + 1


def test_who_signs_in_asks_nothing_else_before_the_event(fake_redis: Any) -> None:
    server = fake_redis(lambda command: b"+OK\r\n" if b"AUTH" in command else healthy(command))
    with Producer(server.url.replace("//", "//shop:PASSWORD@")) as producer:
        producer.enqueue({"event_id": "1"}, destination="stores")
    assert sent(server, b"AUTH") == sent(server, b"HGETALL") == sent(server, b"EVALSHA") == 1
    assert len(server.received) == 3


def test_a_new_connection_to_a_silent_server_is_given_up_before_an_event_is_sent(fake_redis: Any) -> None:
    answers = True
    server = fake_redis(lambda command: healthy(command) if answers else None)
    with Producer(server.url, timeout_seconds=SHORT_TIMEOUT_SECONDS) as producer:
        producer.enqueue({"event_id": "1"}, destination="stores")
        server.close_connections()
        time.sleep(0.05)
        answers = False
        with pytest.raises(Unavailable) as caught:
            producer.enqueue({"event_id": "2"}, destination="stores")
    assert not caught.value.maybe_stored
    assert sent(server, b"EVALSHA") == 1


def test_a_port_where_nobody_listens(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with (
        Producer(f"redis://u:hunter2@127.0.0.1:{port}") as producer,
        given_up_in_time(),
        pytest.raises(Unavailable, match="check REDIS_URL") as caught,
    ):
        producer.enqueue({}, destination="stores")
    assert not caught.value.maybe_stored
    assert "hunter2" not in str(caught.value)


def test_a_server_that_never_accepts_is_given_up() -> None:
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for queued in (first, second):  # fill the queue of the kernel
            queued.setblocking(False)
            queued.connect_ex(listener.getsockname())
        with (
            Producer(
                f"redis://127.0.0.1:{listener.getsockname()[1]}", timeout_seconds=SHORT_TIMEOUT_SECONDS
            ) as producer,
            given_up_in_time(),
            pytest.raises(Unavailable),
        ):
            producer.enqueue({}, destination="stores")


def test_a_name_that_takes_long_to_look_up_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: object, **__: object) -> None:
        time.sleep(1.5)
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with (
        Producer("redis://cache.example", timeout_seconds=SHORT_TIMEOUT_SECONDS) as producer,
        given_up_in_time(),
        pytest.raises(Unavailable, match="in time"),
    ):
        producer.enqueue({}, destination="stores")


def test_a_wrong_password_is_said_without_being_shown(own_server: Any) -> None:
    server = own_server()
    with server.client() as client:
        client.config_set("requirepass", "right")
    with (
        Producer(f"unix://:hunter2@{server.socket}") as producer,
        pytest.raises(Unavailable, match="refuses the user or the password") as caught,
    ):
        producer.enqueue({}, destination="stores")
    assert "hunter2" not in str(caught.value)
    with Producer(f"unix://:right@{server.socket}") as producer:
        producer.enqueue({}, destination="stores")


def test_a_frozen_server_is_given_up_and_used_again_when_it_thaws(own_server: Any) -> None:
    server = own_server()
    with Producer(server.url, timeout_seconds=ENOUGH_SECONDS) as producer:
        producer.enqueue({"event_id": "1"}, destination="stores")
        server.process.send_signal(signal.SIGSTOP)
        with given_up_in_time(), pytest.raises(Unavailable) as caught:
            producer.enqueue({"event_id": "2"}, destination="stores")
        assert caught.value.maybe_stored
        server.process.send_signal(signal.SIGCONT)
        producer.enqueue({"event_id": "3"}, destination="stores")
        time.sleep(0.05)
    with server.client() as client:
        stored = [fields[b"id"] for _, fields in client.xrange(keys.inbox("stores"))]
    # The frozen server found the second event in its socket when it woke: once, never twice.
    assert sorted(stored) == [b"1", b"2", b"3"]


def test_without_any_redis_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with Producer() as producer, pytest.raises(Unavailable, match="set REDIS_URL, or start a worker"):
        producer.enqueue({}, destination="stores")


def test_a_url_that_is_none_is_an_enqueue_error() -> None:
    with pytest.raises(Unavailable, match="begins with redis://"):
        Producer("cache:6379")


def test_a_forked_child_has_connections_of_its_own(own_server: Any) -> None:
    server = own_server()
    script = textwrap.dedent(
        """
        import os, sys, threading
        from tiktok_events import Producer
        producer = Producer(sys.argv[1])
        producer.enqueue({"event_id": "parent-first"}, destination="stores")
        children = []
        for child in range(4):
            pid = os.fork()
            if pid == 0:
                for number in range(50):
                    producer.enqueue({"event_id": f"child-{child}-{number}"}, destination="stores")
                os._exit(0)
            children.append(pid)
        for number in range(50):
            producer.enqueue({"event_id": f"parent-{number}"}, destination="stores")
        for pid in children:
            assert os.waitpid(pid, 0)[1] == 0
        producer.enqueue({"event_id": "parent-last"}, destination="stores")
        """
    )
    subprocess.run(
        [sys.executable, "-c", script, server.url],
        check=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    with server.client() as client:
        ids = [fields[b"id"] for _, fields in client.xrange(keys.inbox("stores"))]
        connections = client.info("stats")["total_connections_received"]
    assert len(ids) == len(set(ids)) == 4 * 50 + 50 + 2
    assert connections <= 10  # one for each process, and those of this test


def test_a_moved_slot_is_followed_and_remembered(fake_redis: Any) -> None:
    second = fake_redis(healthy)
    first = fake_redis(
        lambda command: b"-MOVED 1 127.0.0.1:%d\r\n" % second.port if b"EVAL" in command else healthy(command)
    )
    with Producer(f"redis+cluster://127.0.0.1:{first.port}") as producer:
        producer.enqueue({"event_id": "1"}, destination="stores")
        producer.enqueue({"event_id": "2"}, destination="stores")
    assert (sent(first, b"EVALSHA"), sent(second, b"EVALSHA")) == (1, 2)


def test_a_node_that_is_gone_is_forgotten_and_the_others_are_asked(fake_redis: Any) -> None:
    second = fake_redis(healthy)
    moves = [True]
    first = fake_redis(
        lambda command: (
            b"-MOVED 1 127.0.0.1:%d\r\n" % second.port
            if b"EVAL" in command and moves and moves.pop()
            else healthy(command)
        )
    )
    with Producer(f"redis+cluster://127.0.0.1:{first.port}") as producer:
        producer.enqueue({"event_id": "1"}, destination="stores")
        second.close_connections()
        second.close()
        producer.enqueue({"event_id": "2"}, destination="stores")
    assert (sent(first, b"EVALSHA"), sent(second, b"EVALSHA")) == (2, 1)


def test_a_slot_on_its_way_is_asked_for_once(fake_redis: Any) -> None:
    second = fake_redis(lambda command: b"+OK\r\n" if b"ASKING" in command else healthy(command))
    asks = [True]
    first = fake_redis(
        lambda command: (
            b"-ASK 1 :%d\r\n" % second.port if b"EVAL" in command and asks and asks.pop() else healthy(command)
        )
    )
    with Producer(f"redis+cluster://127.0.0.1:{first.port}") as producer:
        producer.enqueue({"event_id": "1"}, destination="stores")
        producer.enqueue({"event_id": "2"}, destination="stores")
    assert (sent(first, b"EVALSHA"), sent(second, b"EVALSHA"), sent(second, b"ASKING")) == (2, 1, 1)


def test_servers_that_point_at_each_other_are_left(fake_redis: Any) -> None:
    server = fake_redis(lambda command: b"-MOVED 1 :%d\r\n" % server.port if b"EVAL" in command else healthy(command))
    with (
        Producer(f"redis+cluster://127.0.0.1:{server.port}") as producer,
        given_up_in_time(),
        pytest.raises(Unavailable, match="none takes it"),
    ):
        producer.enqueue({}, destination="stores")


def test_a_dead_node_of_the_list_leaves_time_for_the_others(fake_redis: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        dead = listener.getsockname()[1]
    with Producer(f"redis+cluster://127.0.0.1:{dead},127.0.0.1:{fake_redis(healthy).port}") as producer:
        producer.enqueue({}, destination="stores")


def test_the_master_is_asked_of_the_sentinels_and_again_after_a_failover(fake_redis: Any) -> None:
    def read_only(command: bytes) -> bytes:
        return (
            b"-READONLY You can't write against a read only replica.\r\n"
            if demoted and b"EVAL" in command
            else healthy(command)
        )

    def sentinel(command: bytes) -> bytes:
        if b"SENTINEL" not in command:
            return b"+OK\r\n"
        port = str(new.port if demoted else old.port).encode()
        return b"*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%b\r\n" % (len(port), port)

    demoted: list[bool] = []
    old, new = fake_redis(read_only), fake_redis(healthy)
    with Producer(f"redis+sentinel://127.0.0.1:{fake_redis(sentinel).port}/main") as producer:
        producer.enqueue({"event_id": "1"}, destination="stores")
        demoted.append(True)
        producer.enqueue({"event_id": "2"}, destination="stores")
    assert (sent(old, b"EVALSHA"), sent(new, b"EVALSHA")) == (2, 1)


def test_a_service_that_no_sentinel_knows(fake_redis: Any) -> None:
    server = fake_redis(lambda command: b"*-1\r\n" if b"SENTINEL" in command else b"+OK\r\n")
    with (
        Producer(f"redis+sentinel://127.0.0.1:{server.port}/nobody") as producer,
        pytest.raises(Unavailable, match="cannot be reached"),
    ):
        producer.enqueue({}, destination="stores")
