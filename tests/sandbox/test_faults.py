"""When and how does the sandbox misbehave?"""

import socket
import time

import pytest
import requests


def codes(client, event, count, path="user/info/"):
    if path == "user/info/":
        return [client.get(path).json()["code"] for _ in range(count)]
    return [client.track(event(f"e-{number}"))["code"] for number in range(count)]


@pytest.mark.parametrize(
    ("match", "times", "hit"),
    [
        ({}, None, [1, 2, 3, 4, 5, 6]),
        ({}, 2, [1, 2]),
        ({"nth": 3}, None, [3]),
        ({"nth": [1, 4]}, None, [1, 4]),
        ({"every": 2}, None, [2, 4, 6]),
        ({"after": 4}, None, [5, 6]),
        ({"after": 1, "every": 2}, 1, [3]),
        ({"path": "user/info/"}, 1, [1]),
        ({"path": "/open_api/v1.3/user/info/"}, 1, [1]),
        ({"path": "event/track/"}, None, []),
        ({"probability": 0}, None, []),
        ({"probability": 1}, None, [1, 2, 3, 4, 5, 6]),
    ],
)
def test_a_step_acts_on_its_turns(client, event, match, times, hit):
    client.sandbox.fault("code", match=match, times=times)
    found = codes(client, event, 6)
    assert [number for number, code in enumerate(found, start=1) if code == 50000] == hit


def test_chance_is_the_same_for_the_same_seed(start, event):
    def run(seed):
        fault = {"action": "code", "match": {"probability": 0.5}}
        return codes(start(script={"seed": seed, "faults": [fault]}), event, 40)

    assert run(1) == run(1) != run(2)


def test_the_first_step_whose_turn_it_is_wins_and_steps_run_out(client, event):
    client.sandbox.fault("code", code=50002, times=1)
    client.sandbox.fault("throttle", times=1)
    assert codes(client, event, 3) == [50002, 40100, 0]


def test_a_coded_fault_answers_as_written_and_stores_nothing(client, event):
    client.sandbox.fault("code", code=60001, message="Maintenance", http_status=503, data={"a": 1})
    body = {"event_source": "offline", "event_source_id": "s", "data": [event()]}
    answer = client.post("event/track/", body)
    assert (answer.status_code, answer.json()["message"]) == (503, "Maintenance")
    assert answer.json()["data"] == {"a": 1}
    assert client.sandbox.events == []


def test_a_gateway_answers_html(client):
    client.sandbox.fault("http", http_status=504, html="<html>late</html>")
    answer = client.get("user/info/")
    assert (answer.status_code, answer.text) == (504, "<html>late</html>")
    assert answer.headers["Content-Type"].startswith("text/html")


def test_success_without_json_is_possible(client):
    client.sandbox.fault("not_json")
    answer = client.get("user/info/")
    assert answer.status_code == 200
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()


def test_a_redirect_points_where_it_is_told(client):
    client.sandbox.fault("redirect", location="http://127.0.0.1:9/elsewhere", http_status=307)
    answer = client.get("user/info/")
    assert (answer.status_code, answer.headers["Location"]) == (307, "http://127.0.0.1:9/elsewhere")


@pytest.mark.parametrize(("code", "status"), [(40016, 200), (40132, 401), (40133, 200), (429, 429)])
def test_throttling_comes_in_the_form_of_the_settings(start, code, status):
    client = start(script={"settings": {"throttle_code": code, "throttle_http_status": status}})
    client.sandbox.fault("throttle")
    answer = client.get("user/info/")
    assert answer.status_code == status
    assert "Retry-After" not in answer.headers
    assert answer.text == "Too Many Requests" if code == 429 else answer.json()["code"] == code
    assert client.sandbox.stats["throttled"] == 1


def test_a_reset_leaves_nothing_behind(client, event):
    client.sandbox.fault("reset", times=1)
    with pytest.raises(requests.exceptions.ConnectionError):
        client.track(event())
    assert client.sandbox.events == []
    assert client.track(event())["code"] == 0


def test_a_reset_is_an_rst_and_not_an_end(client):
    client.sandbox.fault("reset")
    port = int(client.sandbox.origin.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(b"GET /open_api/v1.3/user/info/ HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            connection.recv(1)


def test_accept_then_reset_stores_what_the_client_believes_lost(client, event):
    client.sandbox.fault("accept_then_reset", times=1)
    with pytest.raises(requests.exceptions.ConnectionError):
        client.track(event())
    assert len(client.sandbox.events) == 1
    assert client.track(event())["code"] == 0
    assert client.sandbox.stats["duplicates"] == 1


def test_truncate_cuts_the_json_and_stores_the_events(client, event):
    client.sandbox.fault("truncate")
    with pytest.raises(requests.exceptions.JSONDecodeError):
        client.track(event())
    assert len(client.sandbox.events) == 1


def test_truncate_can_cut_the_connection_in_the_middle_of_the_body(client):
    client.sandbox.fault("truncate", close=True)
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.exceptions.ConnectionError)):
        client.get("user/info/")


def test_hang_says_nothing_and_stores_nothing(client, event):
    client.sandbox.fault("hang", seconds=0.1)
    with pytest.raises(requests.exceptions.ConnectionError):
        client.track(event())
    assert client.sandbox.events == []


def test_slow_answers_late_but_has_served_a_client_that_gave_up(client, event):
    client.sandbox.fault("slow", seconds=0.15, times=1)
    started = time.monotonic()
    assert client.track(event("e-1"))["code"] == 0
    assert time.monotonic() - started >= 0.15
    client.sandbox.fault("slow", seconds=30)
    body = {"event_source": "offline", "event_source_id": "s", "data": [event("e-2")]}
    with pytest.raises(requests.exceptions.ReadTimeout):
        client.post("event/track/", body, timeout=(30, 0.1))
    end = time.monotonic() + 30
    while len(client.sandbox.events) < 2:
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("match", [{"event_id": "e-1"}, {"event_id": ["x", "e-1"]}, {"event_id_prefix": "e-1"}])
def test_a_poison_event_refuses_every_request_that_holds_it(client, event, match):
    client.sandbox.fault("code", match=match)
    answer = client.track(event("e-0"), event("e-1"), event("e-2"))
    assert answer["code"] == 40002
    assert answer["message"] == "Invalid value for data.1.event: refused by the script."
    assert client.track(event("e-0"), event("e-2"))["code"] == 0
    assert client.track(event("e-1"))["code"] == 40002


def test_a_step_may_be_about_an_event_name_and_its_message_about_the_index(client, event):
    client.sandbox.fault("code", match={"event": "Lead"}, message="event at index {index}", code=40000)
    answer = client.track(event("e-0"), event("e-1", event="Lead"))
    assert (answer["code"], answer["message"]) == (40000, "event at index 1")


def test_a_poison_event_is_refused_after_the_checks_and_not_instead(client, event):
    client.sandbox.fault("code", match={"event_id": "e-1"})
    assert client.request("POST", "event/track/", token=None).json()["code"] == 40104
    assert client.track(event("e-1", event_time="x"))["message"].endswith("not a valid integer.")


def test_partial_stores_all_but_the_events_it_is_about(client, event):
    client.sandbox.fault("partial", match={"event_id": "e-1"}, data={"failed": ["e-1"]})
    answer = client.track(event("e-0"), event("e-1"), event("e-2"))
    assert (answer["code"], answer["data"]) == (20001, {"failed": ["e-1"]})
    assert [record["event"]["event_id"] for record in client.sandbox.events] == ["e-0", "e-2"]
    assert client.sandbox.deliveries == {"e-0": 1, "e-2": 1}


def test_partial_on_arrival_stores_all_of_a_good_request_and_spares_a_refused_one(client, event):
    client.sandbox.fault("partial")
    assert client.track(event())["code"] == 20001
    assert client.track(event(event_time="x"))["code"] == 40002
    assert client.sandbox.stats["accepted_events"] == 1


def test_faults_leave_the_report_alone(client):
    client.sandbox.fault("reset")
    assert client.get("/_sandbox/stats").status_code == 200
