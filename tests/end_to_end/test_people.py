"""What a person may ask for, with real workers and the commands as they are typed."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from tiktok_events import Producer
from worker.sandbox import Sandbox

MakeOrder = Callable[..., dict[str, Any]]
EMAIL = "Person1@Example.com"
CANARIES = ("person1@", "Person1@", "2025550123", "555-0123", "user-1")


def test_export_and_forget(
    make_fleet: Callable[..., Any], order_completed: MakeOrder, sandbox: Sandbox, tmp_path: Path
) -> None:
    fleet = make_fleet('retry = { min_backoff = "5m", max_backoff = "10m" }')
    sandbox.fault("code", code=50000)
    with Producer(fleet.environment["REDIS_URL"]) as producer:
        producer.enqueue_many((order_completed(number) for number in (1, 2)), destination="stores")
        producer.enqueue_many((order_completed(number, value="x") for number in (1, 2)), destination="stores")
    worker = fleet.start()
    fleet.wait(lambda now: (now.scheduled, now.dead) == (2, 2))
    fleet.kill(worker)
    with Producer(fleet.environment["REDIS_URL"]) as producer:
        producer.enqueue_many((order_completed(number) for number in range(1, 9)), destination="stores")

    said = fleet.run("worker", "forget", "--email", "-", "--dry-run", given=f"{EMAIL}\n")
    assert "3 would be removed" in said
    quick = fleet.run("worker", "export-person", "--email", "-", "--dry-run", "--quick", given=EMAIL)
    assert "3 would be exported" in quick
    refused = fleet.run("worker", "forget", "--email", "-", given=EMAIL, check=False)
    assert "nobody to ask" in refused

    path = tmp_path / "person.json"
    told = fleet.run("worker", "export-person", "--email", "-", "--yes", "--output", str(path), given=EMAIL)
    assert "3 events exported" in told
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    exported = json.loads(path.read_text())["events"]
    assert {(each["place"], each["id"]) for each in exported} == {
        ("bulk", "message-1"),
        ("schedule", "message-1"),
        ("dead letters", "message-1"),
    }
    assert {each["event"]["context"]["traits"]["email"] for each in exported} == {"person1@example.com"}

    forgotten = fleet.run("worker", "forget", "--email", "-", "--yes", given=EMAIL)
    assert "3 removed" in forgotten
    assert "0 removed" in fleet.run("worker", "forget", "--email", "-", "--yes", given=EMAIL)
    now = fleet.look()
    assert (now.waiting, now.scheduled, now.dead) == (7, 1, 1)
    audit = fleet.run("worker", "audit", "--json")
    assert {"forget", "export-person"} <= {record["action"] for record in json.loads(audit)}
    warned = fleet.run("worker", "forget", "--external-id", "user-2", "--yes", "-d", "stores", check=False)
    assert "shell's history" in warned
    for output in (said, quick, refused, told, forgotten, audit, fleet.log()):
        assert not any(canary in output for canary in CANARIES)

    sandbox.clear_faults()
    fleet.start()
    fleet.wait(lambda now: now.totals.get("delivered") == 6 and not now.waiting)
    assert set(sandbox.deliveries) == {f"message-{number}" for number in range(3, 9)}


def test_who_is_asked_for_has_to_be_said(make_fleet: Callable[..., Any]) -> None:
    fleet = make_fleet()
    assert "say who" in fleet.run("worker", "forget", "--yes", check=False)
    for given in ("nobody", "   "):
        told = fleet.run("worker", "forget", "--email", "-", "--yes", given=given, check=False)
        assert "--email: " in told
        assert "nobody" not in told
    several = ("forget", "--phone", "-", "--email", "-", "--dry-run")
    assert "0 would be removed" in fleet.run("worker", *several, given="+12025550123\nada@example.com\n")
    assert "write it to standard input" in fleet.run("worker", "forget", "--phone", "--yes", check=False)
    assert "no such destination" in fleet.run("worker", "forget", "--email", "-", "-d", "x", given=EMAIL, check=False)


def test_consent_is_asked_and_previewed(
    make_fleet: Callable[..., Any], order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    gate = "[destinations.stores.consent]\nrequire = \"context.consent_categories contains 'advertising'\""
    fleet = make_fleet(more=gate)
    yes, no = order_completed(1), order_completed(2)
    yes["context"]["consent_categories"] = ["advertising"]
    lines = "\n".join(json.dumps(event) for event in (yes, no))
    told = json.loads(fleet.run("worker", "preview", "-", "-d", "stores", given=lines))
    assert [(each["line"], each["reason"]) for each in told["refused"]] == [(2, "no_consent")]
    fleet.run("tiktok_events", "enqueue", "-", "--destination", "stores", given=lines)
    fleet.start()
    now = fleet.wait(lambda now: now.totals.get("consent_refused") == 1 and now.totals.get("delivered") == 1)
    assert (now.dead, set(sandbox.deliveries)) == (0, {"message-1"})
    (status,) = fleet.json("status")
    assert status["totals"]["consent_refused"] == 1


def test_no_identifier_in_clear_is_ever_stored(
    make_fleet: Callable[..., Any], order_completed: MakeOrder, sandbox: Sandbox, own_server: Any
) -> None:
    fleet = make_fleet("hash_at_door = true")
    worker = fleet.start()
    fleet.wait(lambda _: bool(fleet.redis.hexists("tiktok-events:destinations", "stores")))
    sandbox.fault("code", code=50000, times=1)
    with Producer(fleet.environment["REDIS_URL"]) as producer:
        producer.enqueue_many((order_completed(number) for number in range(1, 7)), destination="stores")
        producer.enqueue(order_completed(7, value="x"), destination="stores")
    fleet.wait(lambda now: now.totals.get("delivered") == 6 and now.dead == 1)
    fleet.kill(worker)
    files = b"".join(path.read_bytes() for path in own_server.folder.rglob("*") if path.is_file())
    assert b"message-7" in files, "the appendonly file is among them"
    for canary in (b"@example.com", b"2025550123", b"user-1"):
        assert canary not in files
    emails = {email for record in sandbox.events for email in record["event"]["user"]["email"]}
    assert emails == {sha256(f"person{number}@example.com".encode()).hexdigest() for number in range(1, 7)}
    told = fleet.run("worker", "forget", "--email", "-", "--yes", given="person7@example.com")
    assert "1 removed" in told
