"""What does the sandbox tell about what arrived, and what may be turned from outside?"""

import contextlib
import json

import pytest
import requests


def read(client, path, **query):
    return client.get(f"/_sandbox/{path}", token=None, params=query).json()


def test_an_event_is_reported_as_it_came_with_its_surroundings(client, event):
    client.track(event(), test_event_code="TEST1", partner_name="acme")
    (record,) = read(client, "events")
    assert record.pop("at") > 0
    assert record == {
        "number": 1,
        "request": 1,
        "index": 0,
        "path": "/open_api/v1.3/event/track/",
        "event_source": "offline",
        "event_source_id": "set-1",
        "test_event_code": "TEST1",
        "partner_name": "acme",
        "duplicate": False,
        "event": event(),
    }
    assert read(client, "events") == client.sandbox.events


def test_events_are_paged_by_number_and_found_by_id(client, event):
    client.track(*[event(f"e-{number}") for number in range(1, 6)])
    client.track(event("e-6"))
    assert [record["number"] for record in read(client, "events", since=4)] == [5, 6]
    assert [record["number"] for record in read(client, "events", since=1, limit=2)] == [2, 3]
    assert [record["number"] for record in read(client, "events", event_id="e-6")] == [6]
    assert read(client, "events", limit=0) == []


def test_requests_are_reported_with_their_answers(client, event):
    client.track(event())
    client.post("event/track/", {})
    accepted, refused = read(client, "requests")
    assert (accepted["code"], refused["code"], refused["http_status"]) == (0, 40002, 200)
    assert refused["message"] == "Missing required field(s): event_source."
    assert accepted["body_bytes"] > 100
    assert [record["number"] for record in read(client, "requests", since=1)] == [2]


def test_repeats_within_48_hours_are_accepted_and_counted_as_duplicates(client, event):
    client.track(event("e-1"), event("e-1"), event("e-1", event="Lead"))
    client.track(event("e-1"), source_id="set-2")
    client.sandbox.advance(48 * 3600 - 1)
    assert client.track(event("e-1"))["code"] == 0
    assert [record["number"] for record in client.sandbox.duplicates] == [2, 5]
    client.sandbox.advance(2)
    client.track(event("e-1"))
    stats = read(client, "stats")
    assert (stats["accepted_events"], stats["unique_events"], stats["duplicates"]) == (6, 4, 2)


def test_an_event_without_id_is_never_a_duplicate(client, event):
    client.track(event(None), event(None))
    assert client.sandbox.stats["duplicates"] == 0
    assert client.sandbox.deliveries == {}


def test_deliveries_tell_how_often_each_event_was_accepted(client, event):
    client.track(event("e-1"), event("e-2"))
    client.track(event("e-1"), source_id="set-2")
    assert read(client, "deliveries") == {"e-1": 2, "e-2": 1}
    lines = client.get("/_sandbox/deliveries?format=ndjson").text.splitlines()
    assert {"event_source_id": "set-2", "event": "Purchase", "event_id": "e-1", "times": 1} in map(json.loads, lines)


def test_only_the_newest_are_kept_in_full_and_the_counts_stay_whole(start, event):
    client = start(record_limit=3)
    for number in range(5):
        client.track(event(f"e-{number}"))
    assert [record["number"] for record in client.sandbox.events] == [3, 4, 5]
    assert len(client.sandbox.requests) == 3
    assert client.sandbox.stats["accepted_events"] == 5
    assert len(client.sandbox.deliveries) == 5


def test_the_statistics_count_refusals_by_code(client, event):
    client.track(event())
    client.post("event/track/", {})
    client.get("nowhere/")
    client.sandbox.fault("http", times=1)
    client.get("user/info/")
    stats = read(client, "stats")
    assert stats["requests"] == 4
    assert stats["refused_requests"] == {"40002": 1, "http_404": 1, "http_502": 1}


def test_only_requests_that_stored_nothing_count_as_refused(client, event):
    for action in ("accept_then_reset", "truncate", "partial", "reset", "not_json", "hang"):
        client.sandbox.fault(action, times=1)
        with contextlib.suppress(requests.exceptions.RequestException):
            client.track(event())
    stats = client.sandbox.stats
    assert stats["accepted_events"] == 3
    assert stats["refused_requests"] == {"reset": 1, "http_200": 1, "silent": 1}


def test_faults_are_added_listed_and_cleared(client):
    steps = [{"action": "throttle", "times": 1}, {"action": "code", "code": 50002}]
    assert client.post("/_sandbox/faults", steps).status_code == 200
    assert client.get("user/info/").json()["code"] == 40100
    assert read(client, "faults") == [
        {**steps[0], "seen": 1, "acted": 1},
        {**steps[1], "seen": 0, "acted": 0},
    ]
    client.request("DELETE", "/_sandbox/faults")
    assert client.get("user/info/").json()["code"] == 0


def test_one_bad_step_adds_none(client):
    answer = client.post("/_sandbox/faults", [{"action": "throttle"}, {"action": "explode"}])
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("action: must be one of")
    assert read(client, "faults") == []


def test_settings_tokens_and_clock_can_be_turned(client, event):
    assert client.post("/_sandbox/settings", {"strict_hashes": False}).json()["strict_hashes"] is False
    assert client.track(event(user={"email": "clear"}))["code"] == 0
    client.post("/_sandbox/tokens", {"other": {"sources": "*"}})
    assert client.track(event())["code"] == 40105
    before = read(client, "clock")["now"]
    assert client.post("/_sandbox/clock", {"advance_seconds": 3600}).json()["now"] >= before + 3600


def test_reset_brings_back_the_start(start, event):
    client = start(script={"faults": [{"action": "code", "times": 1}], "tokens": {"token-1": {}}})
    assert client.track(event())["code"] == 50000
    assert client.track(event())["code"] == 0
    client.post("/_sandbox/tokens", None, data=b"null")
    client.sandbox.configure(strict_hashes=False)
    client.sandbox.advance(1e6)
    client.post("/_sandbox/reset", {})
    assert read(client, "stats")["requests"] == 0
    assert client.get("user/info/").json()["code"] == 50000
    assert client.get("user/info/", token="other").json()["code"] == 40105
    assert read(client, "settings")["strict_hashes"] is True
    assert client.track(event())["code"] == 0
    assert client.sandbox.stats["duplicates"] == 0


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "faults", b"{"),
        ("POST", "clock", b"[]"),
        ("POST", "clock", b'{"advance_seconds": "1"}'),
        ("POST", "settings", b'{"nothing": 1}'),
        ("POST", "settings", b"5"),
        ("POST", "tokens", b"[]"),
        ("GET", "events?since=x", b""),
    ],
)
def test_a_mistake_at_the_side_channel_is_400_with_words(client, method, path, body):
    answer = client.request(method, f"/_sandbox/{path}", data=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_an_unknown_report_is_404_and_no_request(client):
    assert client.get("/_sandbox/nothing").status_code == 404
    assert client.sandbox.stats["requests"] == 0
