"""Each promised way to enqueue ends in a delivery by a real worker; what the door refuses is kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import celery
import orjson
import pytest

from tiktok_events import Producer
from worker.sandbox import Sandbox

MakeOrder = Callable[..., dict[str, Any]]


@pytest.mark.every_server
def test_python_shell_xadd_and_celery_by_name_are_all_delivered(
    make_fleet: Callable[..., Any], order_completed: MakeOrder, sandbox: Sandbox, tmp_path: Any
) -> None:
    fleet = make_fleet()
    fleet.start()
    url = fleet.environment["REDIS_URL"]
    with Producer(url) as producer:
        assert producer.enqueue(order_completed(1), destination="stores") == "message-1"
        assert producer.enqueue_many([order_completed(2), order_completed(3)], destination="stores") == [
            "message-2",
            "message-3",
        ]
    fleet.redis.xadd("tiktok-events:{stores}:inbox", {"event": orjson.dumps(order_completed(4))})
    host = celery.Celery("host", broker=url.replace("unix://", "redis+socket://"), set_as_current=False)
    host.send_task("tiktok_events.enqueue", args=["stores", order_completed(5)], queue="tiktok-events", argsrepr="()")
    lines = tmp_path / "events.jsonl"
    lines.write_bytes(b"\n".join(orjson.dumps(order_completed(number)) for number in (6, 7)))
    fleet.run("tiktok_events", "enqueue", "--destination", "stores", str(lines))
    given = orjson.dumps(order_completed(8)).decode()
    fleet.run("tiktok_events", "enqueue", "--destination", "stores", "-", given=given)
    fleet.wait(lambda now: now.totals.get("delivered", 0) == 8)
    assert sandbox.deliveries == {f"message-{number}": 1 for number in range(1, 9)}


@pytest.mark.covers("amperity/rows/orders")
def test_a_csv_file_of_rows_is_delivered_as_orders_to_the_legacy_endpoints(
    make_fleet: Callable[..., Any], sandbox: Sandbox, tmp_path: Any
) -> None:
    fleet = make_fleet(source="amperity", kind="offline", event_source_id="{{event_set_id}}")
    fleet.start()
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600))
    row = "7000000000000000001,CompletePayment,{order},{now},person{order}@example.com,{product},1.50,2\n"
    (tmp_path / "orders.csv").write_text(
        "event_set_id,event,order_id,timestamp,email,content_id,price,quantity\n"
        + "".join(row.format(order=order, now=now, product=product) for order in range(20) for product in "abc")
    )
    command = ("tiktok_events", "enqueue", "--destination", "stores", "--format", "csv", "--group-by", "order_id")
    told = orjson.loads(fleet.run(*command, "--json", str(tmp_path / "orders.csv")))
    assert (told["enqueued"], told["rejected"], told["last_line"]) == (20, 0, 61)
    fleet.wait(lambda now: now.totals.get("delivered", 0) == 20)
    events = [record["event"] for record in sandbox.events]
    assert {len(event["properties"]["contents"]) for event in events} == {3}
    assert {event["properties"]["value"] for event in events} == {9}
    assert {record["event_source_id"] for record in sandbox.events} == {"7000000000000000001"}


def test_what_celery_brings_and_the_door_refuses_becomes_a_dead_letter(
    make_fleet: Callable[..., Any], order_completed: MakeOrder
) -> None:
    fleet = make_fleet()
    fleet.start()
    fleet.wait(lambda _: fleet.redis.exists("tiktok-events:destinations"))
    broker = fleet.environment["REDIS_URL"].replace("unix://", "redis+socket://")
    host = celery.Celery("host", broker=broker, set_as_current=False)
    for destination, event in (("stores", "not an object"), ("nowhere", order_completed(1)), ("No:Such", {})):
        host.send_task("tiktok_events.enqueue", args=[destination, event], queue="tiktok-events", argsrepr="()")
    fleet.wait(lambda now: now.dead == 1)
    fleet.wait(lambda now: now.dead == 2, destination="_unknown")
    found = fleet.json("dead-letters", "list")
    assert sorted((each["destination"], each["reason"]) for each in found) == [
        ("_unknown", "unknown_destination"),
        ("_unknown", "unknown_destination"),
        ("stores", "undecodable"),
    ]
    assert "person1@example.com" not in fleet.log()


def test_an_event_is_delivered_soon_after_it_came(
    make_fleet: Callable[..., Any], order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    fleet = make_fleet()
    fleet.start()
    with Producer(fleet.environment["REDIS_URL"]) as producer:
        producer.enqueue(order_completed(0), destination="stores")
        fleet.wait(lambda now: now.totals.get("delivered", 0) == 1)
        time.sleep(2)  # the fleet is idle again: nothing but a listener would notice
        producer.enqueue(order_completed(1), destination="stores")
        # Half of what a worker needs that only looks, which an idle one does every thirty seconds.
        fleet.wait(lambda _: len(sandbox.deliveries) == 2, seconds=15)


def test_a_worker_refuses_to_start_where_celery_has_no_broker_it_can_read(make_fleet: Callable[..., Any]) -> None:
    fleet = make_fleet()
    fleet.environment["REDIS_URL"] = "redis+cluster://127.0.0.1:1"
    assert fleet.start().wait(timeout=90) == 78
    assert "set CELERY_BROKER_URL" in fleet.log()


def test_a_worker_refuses_to_start_on_a_bad_configuration_and_says_all_of_it(make_fleet: Callable[..., Any]) -> None:
    fleet = make_fleet('batch_size = 0\nevent_names = "old"')
    process = fleet.start()
    assert process.wait(timeout=90) == 78
    assert "destinations.stores.batch_size" in fleet.log()
    assert "destinations.stores.event_names" in fleet.log()


def test_one_event_goes_to_several_destinations_and_to_several_tiktok_events(
    make_fleet: Callable[..., Any], order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    more = f"""
[destinations.crm]
kind = "events"
source = "segment"
credentials = "main"
event_source_id = "other-set"
base_url = "{sandbox.url}"
[[destinations.crm.mappings]]
when = "event == 'Order Completed'"
event = "Purchase"
[[destinations.crm.mappings]]
when = "properties.value > `10`"
event = "Subscribe"
"""
    fleet = make_fleet(more=more)
    fleet.start()
    with Producer(fleet.environment["REDIS_URL"]) as producer:
        ids = {producer.enqueue(order_completed(1), destination=name) for name in ("stores", "crm")}
    assert ids == {"message-1"}
    for name in ("stores", "crm"):
        fleet.wait(lambda now: now.totals.get("delivered", 0) == 1, destination=name)
    arrived = sorted((each["event_source_id"], each["event"]["event"]) for each in sandbox.events)
    assert arrived == [("7654321098765432109", "Purchase"), ("other-set", "Purchase"), ("other-set", "Subscribe")]
