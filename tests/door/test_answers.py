"""Each answer of the door, and what is in the inbox after it."""

from __future__ import annotations

import gzip
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
import redis as redis_py
from redis.backoff import NoBackoff
from redis.retry import Retry

from tiktok_events import Producer
from tiktok_events.sealing import VARIABLE, is_sealed
from worker.access import AccessTokens
from worker.door import body
from worker.door.problems import KINDS
from worker.logs import JsonFormatter

Make = Callable[..., dict[str, Any]]
NDJSON = "application/x-ndjson"


def lines(*events: Any) -> str:
    return "\n".join(each if isinstance(each, str) else json.dumps(each) for each in events)


def test_one_event_is_taken(door: Any, purchase: Make) -> None:
    answer = door.post(purchase(1))
    assert (answer.status_code, answer.json) == (202, {"accepted": 1, "ids": ["order-1"]})
    (entry,) = door.waiting()
    assert entry[b"id"] == b"order-1"
    assert json.loads(entry[b"event"]) == purchase(1) | {"event_time": json.loads(entry[b"event"])["event_time"]}


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("form", ["application/json", NDJSON, "application/jsonl", "application/json; charset=UTF-8"])
def test_many_events_are_taken_in_their_order(door: Any, purchase: Make, form: str, zipped: bool) -> None:
    events = [purchase(number) for number in range(1_203)]
    sent = (
        json.dumps(events, indent=1) if "application/json" in form and "jsonl" not in form else lines(*events)
    ).encode()
    headers = {"Content_Encoding": "gzip"} if zipped else {}
    answer = door.post(gzip.compress(sent) if zipped else sent, Content_Type=form, **headers)
    assert answer.status_code == 202
    assert answer.json["ids"] == [f"order-{number}" for number in range(1_203)]
    assert [entry[b"id"].decode() for entry in door.waiting()] == answer.json["ids"]


def test_good_ones_are_taken_and_others_named_by_index(door: Any, purchase: Make) -> None:
    events = [purchase(0), purchase(1, value="a lot"), 7, purchase(3), {"event": "Purchase", "event_id": "4"}]
    answer = door.post(events)
    assert answer.status_code == 400
    assert answer.content_type == "application/problem+json"
    assert answer.json["ids"] == ["order-0", None, None, "order-3", None]
    assert (answer.json["code"], answer.json["accepted"]) == ("invalid_events", 2)
    told = {(each["index"], each["reason"], each["field"]) for each in answer.json["errors"]}
    assert (1, "invalid", "properties.value") in told
    assert (2, "undecodable", "$") in told
    assert {index for index, _, _ in told} == {1, 2, 4}
    assert [entry[b"id"] for entry in door.waiting()] == [b"order-0", b"order-3"]
    assert "a lot" not in answer.get_data(as_text=True)


def test_a_request_of_which_something_was_refused_is_logged_with_whose_it_was_and_how_many(
    door: Any, purchase: Make, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="worker.door"):
        door.post([purchase(0)])
        assert not caplog.records
        door.post([purchase(1), purchase(2, value="a lot"), "no event"])
    (record,) = caplog.records
    line = json.loads(JsonFormatter().format(record))
    assert (line["message"], line["destination"], line["caller"]) == ("events taken", "app", "test")
    assert (line["accepted"], line["refused"]) == (1, 2)


def test_all_or_nothing(door: Any, purchase: Make) -> None:
    answer = door.post([purchase(0), purchase(1, value="a lot")], Prefer="respond-async, handling=strict")
    assert (answer.status_code, answer.json["ids"]) == (400, [None, None])
    assert answer.json["detail"] == "1 of 2 events are wrong; none was taken, as handling=strict asks"
    assert door.waiting() == []
    many = [purchase(number) for number in range(1_100)]
    assert door.post(many, Prefer="handling=strict").json["accepted"] == 1_100
    assert len(door.waiting()) == 1_100


@pytest.mark.parametrize("validate", ["shape", "full", None])
def test_how_much_is_checked(door: Any, purchase: Make, validate: str | None) -> None:
    query = f"?validate={validate}" if validate else ""
    answer = door.post(purchase(1, value="a lot"), query=query)
    assert answer.status_code == (202 if validate == "shape" else 400)
    assert door.post(purchase(1, value="a lot"), "lax", query=query).status_code == (400 if validate == "full" else 202)


def test_what_the_worker_would_discard_is_taken(door: Any) -> None:
    event = {"type": "track", "event": "Nothing we know", "messageId": "m-1"}
    assert door.post(event, "quiet").status_code == 202
    assert door.post(event, "hook").json["errors"][0]["reason"] == "unmapped"


def test_too_large_an_event_is_one_of_many(door: Any, purchase: Make) -> None:
    for events, form in (([purchase(0), purchase(1, description="x" * 30_000), purchase(2)], "array"),
                         ([purchase(0), purchase(1, description="x" * 90_000), purchase(2)], "lines")):  # fmt: skip
        sent = {"Content_Type": NDJSON} if form == "lines" else {}
        answer = door.post(lines(*events) if form == "lines" else events, query="?validate=shape", **sent)
        assert (answer.status_code, answer.json["ids"]) == (400, ["order-0", None, "order-2"])


@pytest.mark.parametrize(
    ("sent", "form", "ids"),
    [
        ('[{"event": "A", "event_id": "a"}, {"event": ', "application/json", ["a", None]),
        ('[{"event": "A", "event_id": "a"} {"event": "B"}]', "application/json", ["a", None]),
        ('[{"event": "A", "event_id": "a"}] x', "application/json", ["a", None]),
        ('{"event": "A", "event_id": "a"} {}', "application/json", ["a", None]),
        ('{"event": "A", "event_id": "a"}\n{"event"\n\n{"event": "B", "event_id": "b"}', NDJSON, ["a", None, "b"]),
        ('{"event": NaN}', "application/json", [None]),
        ('{"event": 1e999}', "application/json", [None]),
        ('{"event": "\\ud800"}', "application/json", [None]),
        ('{"event": ' + "9" * 5_000 + "}", "application/json", [None]),
        ('{"a":' * 500 + "1" + "}" * 500, "application/json", [None]),
        ('{"a":' * 5_000 + "1" + "}" * 5_000, "application/json", [None]),
        ("[" * 5_000, "application/json", [None]),
        ("[{}]", NDJSON, [None]),
        ("[]", "application/json", []),
        ("", NDJSON, []),
    ],
)  # fmt: skip
def test_broken_json_is_named_and_what_came_before_is_taken(
    door: Any, sent: str, form: str, ids: list[str | None]
) -> None:
    answer = door.post(sent, query="?validate=shape", Content_Type=form)
    assert answer.json["ids"] == ids
    assert answer.status_code == (400 if None in ids else 202)
    assert [entry[b"id"].decode() for entry in door.waiting()] == [each for each in ids if each]


@pytest.mark.parametrize(
    ("sent", "headers", "code"),
    [
        (b"", {}, "malformed_body"),
        (b"7", {}, "malformed_body"),
        (b"{\xff}", {}, "malformed_body"),
        (b'{"a": 1}', {"Content_Encoding": "gzip"}, "malformed_body"),
        (gzip.compress(b'{"a": 1}')[:-3], {"Content_Encoding": "gzip"}, "malformed_body"),
        (b"{}", {"Content_Encoding": "br"}, "unsupported_media_type"),
        (b"{}", {"Content_Type": "text/plain"}, "unsupported_media_type"),
        (b"{}", {"Content_Type": ""}, "unsupported_media_type"),
        (b"{}", {"Content_Type": "application/json; charset=latin-1"}, "unsupported_media_type"),
        (b"{}", {"query": "?validat=full"}, "malformed_request"),
        (b"{}", {"query": "?validate=some"}, "malformed_request"),
        (b"{}", {"Event_Id": "ada@example.com"}, "malformed_request"),
        (b"[{},{}]", {"Event_Id": "one"}, "malformed_request"),
        (b"{}", {"Idempotency_Key": "x" * 256}, "malformed_request"),
        (b"[1,2" + b" " * body.MAX_BODY_BYTES, {}, "too_large"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_nothing_stored(
    door: Any, sent: bytes, headers: dict[str, str], code: str
) -> None:
    answer = door.post(sent, **headers)
    assert (answer.json["code"], answer.status_code) == (code, KINDS[code].status)
    assert answer.content_type == "application/problem+json"
    assert door.waiting() == []


def test_a_bomb_is_given_up_at_the_bound(door: Any) -> None:
    packed = gzip.compress(b'[{"event": "A"},' + b" " * (body.MAX_UNPACKED_BYTES + 1))
    assert len(packed) < 100_000
    answer = door.post(packed, query="?validate=shape", Content_Encoding="gzip")
    assert (answer.status_code, answer.json["code"]) == (413, "too_large")
    assert (answer.json["accepted"], answer.json["next"]) == (1, 1)


def test_too_many_events_say_where_to_go_on(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.door.taking.MAX_EVENTS", 10)
    events = [{"event": "A", "event_id": str(number)} for number in range(12)]
    answer = door.post(events, query="?validate=shape")
    assert (answer.status_code, answer.json["accepted"], answer.json["next"]) == (413, 10, 10)
    assert len(door.waiting()) == 10
    assert door.post(events, "lax", Prefer="handling=strict").json.get("ids") is None
    assert door.waiting("lax") == []


def test_an_id_of_the_callers(door: Any, purchase: Make) -> None:
    assert door.post(purchase(1), Event_Id="mine-1").json["ids"] == ["mine-1"]
    assert door.waiting()[0][b"id"] == b"mine-1"


def test_who_may(door: Any, redis: redis_py.Redis, purchase: Make) -> None:
    tokens = AccessTokens(redis)
    reader, limited = tokens.create("r", ["read"]).text, tokens.create("l", ["enqueue"], destinations=["app"]).text
    for header, destination, status in (
        ("", "app", 401), ("Basic eDp5", "app", 401), ("Bearer tte_no", "app", 401), (f"Bearer {reader}", "app", 403),
        (f"Bearer {limited}", "lax", 403), (f"Bearer {limited}", "nowhere", 403), (f"bearer {limited}", "app", 202),
    ):  # fmt: skip
        answer = door.post(purchase(1), destination, Authorization=header)
        assert answer.status_code == status, header[:12]
        assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    assert len(door.waiting()) == 1


def test_an_unknown_destination_is_suggested(door: Any, purchase: Make) -> None:
    answer = door.post(purchase(1), "batchs")
    assert (answer.status_code, answer.json["code"]) == (404, "unknown_destination")
    assert "did you mean batches?" in answer.json["detail"]


def test_a_destination_that_no_worker_has_yet(door: Any, redis: redis_py.Redis, purchase: Make) -> None:
    redis.hdel("tiktok-events:destinations", "app")
    assert door.post(purchase(1)).status_code == 404


def test_a_full_inbox_says_where_to_go_on(door: Any, purchase: Make) -> None:
    events = [purchase(0), purchase(1), purchase(2, value="a lot"), purchase(3), purchase(4), purchase(5, value="")]
    answer = door.post(events, "small")
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert (answer.json["ids"], answer.json["next"]) == (["order-0", "order-1", None, "order-3"], 4)
    assert [each["index"] for each in answer.json["errors"]] == [2]


def test_redis_away(make_app: Callable[..., Any], make_door: Any, token: str, purchase: Make) -> None:
    away = redis_py.Redis(port=1, socket_connect_timeout=0.1, retry=Retry(NoBackoff(), 0))
    door = make_door(make_app(client=away), token, away)
    answer = door.post(purchase(1))
    assert (answer.status_code, answer.json["code"]) == (503, "unavailable")
    assert "Retry-After" in answer.headers


def test_the_queue_away(
    make_app: Callable[..., Any], make_door: Any, token: str, redis: redis_py.Redis, purchase: Make
) -> None:
    with Producer("redis://127.0.0.1:1") as lost:
        door = make_door(make_app(store=lost), token, redis)
        answer = door.post([purchase(1), purchase(2)])
        assert (answer.status_code, answer.json["next"]) == (503, 0)
        assert door.post(purchase(1), Event_Id="mine").status_code == 503


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "TRACE", "HEAD"])
def test_only_post_is_taken(door: Any, method: str) -> None:
    answer = door.client.open("/v1/destinations/app/events", method=method, base_url="http://localhost")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_no_length_no_events(door: Any, token: str) -> None:
    answer = door.client.post(
        "/v1/destinations/app/events",
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        base_url="http://localhost",
        environ_overrides={"CONTENT_LENGTH": None},
    )
    assert (answer.status_code, answer.json["code"]) == (411, "length_required")


def test_with_keys_the_door_seals_what_it_takes(
    make_app: Callable[..., Any],
    make_door: Any,
    token: str,
    redis: redis_py.Redis,
    redis_url: str,
    purchase: Callable[..., dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, "k1:" + "A" * 43 + "=")
    with Producer(redis_url) as producer:
        door = make_door(make_app(store=producer), token, redis)
        assert door.post([purchase(1), purchase(2)]).status_code == 202
    assert [is_sealed(fields[b"event"]) for fields in door.waiting()] == [True, True]
