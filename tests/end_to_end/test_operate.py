"""What a person on call does, with the commands they have."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from tiktok_events import Producer
from worker.sandbox import Sandbox

MakeOrder = Callable[..., dict[str, Any]]


def test_see_mend_replay(make_fleet: Callable[..., Any], order_completed: MakeOrder, sandbox: Sandbox) -> None:
    fleet = make_fleet()
    with Producer(fleet.environment["REDIS_URL"]) as producer:
        producer.enqueue(order_completed(1, value="a lot", currency="dollars"), destination="stores")
        producer.enqueue(order_completed(2), destination="stores")
    fleet.start()
    fleet.wait(lambda now: now.dead == 1 and now.totals.get("delivered") == 1)

    (status,) = fleet.json("status")
    assert (status["dead_by_reason"], status["waiting"]) == ({"invalid": 1}, 0)
    assert "invalid 1" in fleet.run("worker", "status")

    (listed,) = fleet.json("dead-letters", "list", "--reason", "invalid")
    assert {field["path"] for field in listed["fields"]} == {"properties.value", "properties.currency"}
    assert fleet.json("dead-letters", "list", "--reason", "expired") == []
    ref = listed["ref"]

    hidden = fleet.run("worker", "dead-letters", "show", ref)
    assert "properties.value" in hidden
    assert "person1@example.com" not in hidden
    assert "2025550123" not in hidden
    shown = fleet.json("dead-letters", "show", ref, "--reveal")
    assert shown["payload"]["context"]["traits"]["email"] == "person1@example.com"
    assert any(record[b"action"] == b"reveal" for _, record in fleet.redis.xrange("tiktok-events:audit"))

    event = shown["payload"]
    event["properties"]["value"] = 12.5
    refused = fleet.run("worker", "dead-letters", "edit", ref, "--file", "-", given=json.dumps(event), check=False)
    assert "properties.currency" in refused
    event["properties"]["currency"] = "USD"
    fleet.run("worker", "dead-letters", "edit", ref, "--file", "-", given=json.dumps(event))
    assert "1 would be replayed" in fleet.run("worker", "dead-letters", "replay", ref, "--dry-run")
    assert fleet.look().dead == 1
    fleet.run("worker", "dead-letters", "replay", ref)
    fleet.wait(lambda now: now.totals.get("delivered") == 2 and now.dead == 0)
    assert set(sandbox.deliveries) == {"message-1", "message-2"}


def test_pause_and_resume(make_fleet: Callable[..., Any], order_completed: MakeOrder, sandbox: Sandbox) -> None:
    fleet = make_fleet()
    fleet.run("worker", "pause", "stores", "--reason", "moving shops")
    fleet.start()
    with Producer(fleet.environment["REDIS_URL"]) as producer:
        producer.enqueue(order_completed(1), destination="stores")
    fleet.wait(lambda _: bool(fleet.redis.exists("tiktok-events:{fleet}:leader")))
    assert "PAUSED command: moving shops" in fleet.run("worker", "status")
    assert not sandbox.requests
    fleet.run("worker", "resume", "stores")
    fleet.wait(lambda now: now.totals.get("delivered") == 1)


def test_many_are_replayed_by_filter_only_with_consent(
    make_fleet: Callable[..., Any], order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    fleet = make_fleet("guard = { max_dead_share = 1 }")
    sandbox.fault("code", code=40002, match={"event_id_prefix": "message-"}, times=30)
    with Producer(fleet.environment["REDIS_URL"]) as producer:
        producer.enqueue_many((order_completed(number) for number in range(5)), destination="stores")
    fleet.start()
    now = fleet.wait(lambda now: now.dead + now.totals.get("delivered", 0) == 5)
    assert now.dead > 1
    sandbox.clear_faults()
    assert "nobody to ask" in fleet.run("worker", "dead-letters", "replay", "--reason", "rejected", check=False)
    assert "say which" in fleet.run("worker", "dead-letters", "replay", check=False)
    (plan,) = json.loads(fleet.run("worker", "dead-letters", "replay", "--reason", "rejected", "--dry-run", "--json"))
    assert (plan["dead_letters"], plan["by_reason"], plan["expired_now"]) == (now.dead, {"rejected": now.dead}, 0)
    (job,) = json.loads(fleet.run("worker", "dead-letters", "replay", "--reason", "rejected", "--yes", "--json"))
    assert (job["state"], job["replayed"]) == ("done", now.dead)
    fleet.wait(lambda now: now.totals.get("delivered") == 5 and now.dead == 0)
    assert [each["id"] for each in fleet.json("dead-letters", "jobs")] == [job["id"]]


def test_a_detached_replay_is_done_by_the_workers(
    make_fleet: Callable[..., Any], order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    fleet = make_fleet("guard = { max_dead_share = 1 }")
    sandbox.fault("code", code=40002, match={"event_id": "message-1"}, times=1)
    with Producer(fleet.environment["REDIS_URL"]) as producer:
        producer.enqueue(order_completed(1), destination="stores")
    fleet.start()
    fleet.wait(lambda now: now.dead == 1)
    fleet.run("worker", "dead-letters", "replay", "--all", "--yes", "--detach")
    fleet.wait(lambda now: now.totals.get("delivered") == 1 and now.dead == 0)


def test_export_and_import_bring_a_dead_letter_back_whole(
    make_fleet: Callable[..., Any], order_completed: MakeOrder, tmp_path: Any
) -> None:
    fleet = make_fleet()
    with Producer(fleet.environment["REDIS_URL"]) as producer:
        producer.enqueue(order_completed(1, value="x"), destination="stores")
    fleet.start()
    fleet.wait(lambda now: now.dead == 1)
    assert "person1@example.com" not in fleet.run("worker", "dead-letters", "export")
    path = tmp_path / "dead.jsonl"
    fleet.run("worker", "dead-letters", "export", "--reveal", "--output", str(path))
    before = fleet.json("dead-letters", "show", fleet.json("dead-letters", "list")[0]["ref"], "--reveal")
    fleet.run("worker", "dead-letters", "discard", "--all", "--yes")
    assert fleet.look().dead == 0
    assert "1 imported" in fleet.run("worker", "dead-letters", "import", str(path))
    assert "0 imported, 1 there already" in fleet.run("worker", "dead-letters", "import", str(path))
    after = fleet.json("dead-letters", "show", before["ref"], "--reveal")
    assert {**after, "dead_at": None} == {**before, "dead_at": None}
    assert "is not a line" in fleet.run("worker", "dead-letters", "import", "-", given="{}", check=False)


def test_retries_are_visible_tried_at_once_and_given_up(
    make_fleet: Callable[..., Any], order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    fleet = make_fleet('retry = { min_backoff = "1m" }')
    sandbox.fault("code", code=50000)
    with Producer(fleet.environment["REDIS_URL"]) as producer:
        producer.enqueue(order_completed(1), destination="stores")
    fleet.start()
    fleet.wait(lambda now: now.scheduled == 1)
    (listed,) = fleet.json("retries", "list")
    assert (listed["id"], listed["attempts"], listed["code"]) == ("message-1", 1, 50000)
    assert "message-1" not in fleet.run("worker", "retries", "list", "--destination", "_unknown")

    ref, requests = listed["ref"], len(sandbox.requests)
    assert "say which" in fleet.run("worker", "retries", "now", check=False)
    assert "1 would be tried now" in fleet.run("worker", "retries", "now", "--all", "--dry-run")
    assert "1 will be tried now" in fleet.run("worker", "retries", "now", ref)
    fleet.wait(lambda now: now.scheduled == 1 and len(sandbox.requests) > requests)
    assert "nobody to ask" in fleet.run("worker", "retries", "bury", ref, check=False)
    assert "1 became dead letters" in fleet.run("worker", "retries", "bury", ref, "--yes")
    assert (fleet.look().scheduled, fleet.look().dead_by_reason) == (0, {"given_up": 1})
    assert "there is no scheduled event" in fleet.run("worker", "retries", "now", ref, check=False)


def test_preview_shows_requests_notes_and_refusals_without_sending(
    make_fleet: Callable[..., Any], order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    fleet = make_fleet('partner_name = "acme"')
    good = order_completed(1, value="46,50", currency="usd")
    good["context"]["traits"]["phone"] = "12"
    lines = "\n".join(json.dumps(event) for event in (good, order_completed(2, value="x"), "no object"))
    told = json.loads(fleet.run("worker", "preview", "-", "--destination", "stores", given=lines))
    ((url, body),) = [(request["url"], request["body"]) for request in told["requests"]]
    assert url == f"{sandbox.url}event/track/"
    assert (body["partner_name"], len(body["data"])) == ("acme", 1)
    (event,) = told["events"]
    assert (event["line"], event["events"]) == (1, ["Purchase"])
    assert {note["path"]: note["rule"] for note in event["notes"]} == {
        "properties.value": "was text and is sent as a number",
        "properties.currency": "is sent in upper case",
        "context.traits.phone": "is not a possible phone number",
    }
    assert [(each["line"], each["reason"]) for each in told["refused"]] == [(2, "invalid"), (3, "undecodable")]
    assert told["refused"][0]["fields"] == [{"path": "properties.value", "rule": "must be a number"}]
    assert "person1@example.com" not in json.dumps(told)
    assert "answers" not in told
    assert not sandbox.requests


def test_preview_sends_test_events_on_request_only_with_their_code(
    make_fleet: Callable[..., Any], order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    fleet = make_fleet()
    command = ("worker", "preview", "-", "--destination", "stores", "--send")
    lines = json.dumps(order_completed(1))
    assert "--send needs --test-event-code" in fleet.run(*command, given=lines, check=False)
    assert not sandbox.requests
    told = json.loads(fleet.run(*command, "--test-event-code", "TEST1", given=lines))
    assert [(answer["outcome"], answer["code"]) for answer in told["answers"]] == [("delivered", 0)]
    assert [record["test_event_code"] for record in sandbox.events] == ["TEST1"]


def test_preview_reads_rows_and_the_legacy_kind(make_fleet: Callable[..., Any], sandbox: Sandbox) -> None:
    fleet = make_fleet(source="amperity", kind="offline")
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86400))
    columns = "event,order_id,timestamp,email,price,quantity\n"
    lines = "".join(f"CompletePayment,1,{day},person1@example.com,{price},2\n" for price in (1.5, 2))
    command = ("worker", "preview", "-", "-d", "stores", "--format", "csv", "--group-by", "order_id")
    told = json.loads(fleet.run(*command, given=columns + lines))
    ((url, body),) = [(request["url"], request["body"]) for request in told["requests"]]
    assert url == f"{sandbox.url}offline/track/"
    assert [content["price"] for content in body["properties"]["contents"]] == [1.5, 2]
    assert body["properties"]["value"] == 7
    assert "no test events" in fleet.run(*command, "--test-event-code", "T", given=columns + lines, check=False)
    assert "there is no column" in fleet.run(*command, given="event\nContact\n", check=False)


def test_a_redis_that_is_not_there_ends_a_command_in_one_sentence(make_fleet: Callable[..., Any]) -> None:
    fleet = make_fleet()
    fleet.environment["REDIS_URL"] = "redis://127.0.0.1:1"
    told = fleet.run("worker", "status", check=False)
    assert "Redis does not answer" in told
    assert "Traceback" not in told
