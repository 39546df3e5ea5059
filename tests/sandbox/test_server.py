"""How does the sandbox treat connections, threads and bodies?"""

import http.client
import json
import logging
import socket
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.sandbox import Sandbox


def connect(client):
    return socket.create_connection(("127.0.0.1", int(client.sandbox.origin.rpartition(":")[2])), timeout=30)


def test_many_requests_share_one_connection(client, event):
    connection = http.client.HTTPConnection(client.sandbox.origin.removeprefix("http://"), timeout=30)
    connection.connect()
    port = connection.sock.getsockname()[1]
    for _ in range(3):
        connection.request("GET", "/open_api/v1.3/user/info/", headers={"Access-Token": "t"})
        assert json.loads(connection.getresponse().read())["code"] == 0
        assert connection.sock.getsockname()[1] == port
    connection.close()


def test_a_body_over_the_cap_is_413_and_the_connection_lives_on(start, event):
    client = start(script={"settings": {"max_body_bytes": 500}})
    answer = client.request("POST", "event/track/", data=b"x" * 3_000_000)
    assert answer.status_code == 413
    assert client.get("user/info/").json()["code"] == 0
    assert client.sandbox.stats["refused_requests"] == {"http_413": 1}


def test_a_chunked_body_is_411(client):
    assert client.request("POST", "event/track/", data=iter([b"{}"])).status_code == 411


def test_a_client_that_leaves_in_its_body_leaves_nothing(client):
    with connect(client) as connection:
        connection.sendall(b"POST /open_api/v1.3/event/track/ HTTP/1.1\r\nContent-Length: 99\r\n\r\n{}")
    deadline = time.monotonic() + 30
    while not client.sandbox.stats["requests"] and time.monotonic() < deadline:
        time.sleep(0.01)
    assert client.get("user/info/").json()["code"] == 0
    assert client.sandbox.stats["accepted_events"] == 0


def test_parallel_clients_are_all_counted(start, event):
    client = start()
    body = [json.dumps(event(f"e-{number}")) for number in range(40)]

    def send(part):
        connection = http.client.HTTPConnection(client.sandbox.origin.removeprefix("http://"), timeout=30)
        for single in part:
            raw = '{"event_source":"offline","event_source_id":"s","data":[' + single + "]}"
            headers = {"Access-Token": "t", "Content-Type": "application/json"}
            connection.request("POST", "/open_api/v1.3/event/track/", raw, headers)
            connection.getresponse().read()
        connection.close()

    threads = [threading.Thread(target=send, args=(body[start::4],)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.sandbox.deliveries == {f"e-{number}": 1 for number in range(40)}
    assert sorted(record["number"] for record in client.sandbox.events) == list(range(1, 41))


def test_stop_ends_idle_and_hanging_connections_at_once(event):
    before = threading.active_count()
    sandbox = Sandbox(script={"faults": [{"action": "hang", "seconds": 60}]})
    sandbox.start()
    port = int(sandbox.origin.rpartition(":")[2])
    with (
        socket.create_connection(("127.0.0.1", port), timeout=30),
        socket.create_connection(("127.0.0.1", port), timeout=30) as hanging,
    ):
        hanging.sendall(b"GET /open_api/v1.3/user/info/ HTTP/1.1\r\n\r\n")
        while not sandbox.stats["requests"]:
            time.sleep(0.01)
        started = time.monotonic()
        sandbox.stop()
        assert time.monotonic() - started < 20
    deadline = time.monotonic() + 30
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before


def test_a_restarted_sandbox_keeps_its_port_and_what_arrived(client, event):
    client.track(event())
    url = client.sandbox.url
    client.sandbox.stop()
    with pytest.raises(OSError, match=r"."):
        client.get("user/info/")
    client.sandbox.start()
    assert client.sandbox.url == url
    assert client.track(event())["code"] == 0
    assert client.sandbox.stats["duplicates"] == 1


def test_a_sandbox_starts_once(client):
    with pytest.raises(RuntimeError, match="already"):
        client.sandbox.start()


def test_a_sandbox_that_was_not_started_has_no_url():
    with pytest.raises(RuntimeError, match="not started"):
        _ = Sandbox().url


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KNOWN = (
    "event event_time event_id user properties page app ad lead email contents timestamp context emails "
    "price data batch event_source event_source_id event_set_id"
)
known = st.sampled_from(KNOWN.split())
bodies = st.dictionaries(known, json_values | st.dictionaries(known, json_values, max_size=4), max_size=6)


@pytest.fixture(scope="module")
def shared():
    with Sandbox() as sandbox:
        yield sandbox


@settings(max_examples=150, deadline=None)
@given(path=st.sampled_from(["event/track/", "offline/track/", "offline/batch/", "offline/create/"]), body=bodies)
def test_any_json_gets_an_envelope_and_never_a_failure(shared, path, body):
    if path == "event/track/":
        body = {"event_source": "web", "event_source_id": "s", "data": [body], **body}
    connection = http.client.HTTPConnection(shared.origin.removeprefix("http://"), timeout=30)
    headers = {"Access-Token": "t", "Content-Type": "application/json"}
    connection.request("POST", f"/open_api/v1.3/{path}", json.dumps(body), headers)
    answer = connection.getresponse()
    assert answer.status == 200
    assert json.loads(answer.read())["code"] in (0, 40000, 40002)
    connection.close()


def test_a_fault_of_the_sandbox_itself_is_a_500_that_shows_no_words(client, event, monkeypatch, caplog):
    def fail(*_args):
        raise KeyError("alice@example.test")

    monkeypatch.setattr("worker.sandbox.track.check_root", fail)
    body = {"event_source": "offline", "event_source_id": "s", "data": [event()]}
    with caplog.at_level(logging.DEBUG):
        answer = client.post("event/track/", body)
    assert answer.status_code == 500
    assert "KeyError" in caplog.text
    assert "alice" not in caplog.text + answer.text


def test_nothing_of_a_body_is_logged_or_printed(client, event, capfd, caplog):
    with caplog.at_level(logging.DEBUG, logger="worker"):
        client.track(event("canary-1"))
        client.track(event("canary-2", user={"email": "canary@example.test"}))
        client.request("BREW", "event/track/?canary=1")
    output = capfd.readouterr()
    logged = "".join(record.getMessage() for record in caplog.records if record.name.startswith("worker"))
    assert "canary" not in output.out + output.err + logged
