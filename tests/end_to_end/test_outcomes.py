"""What a real worker tells of outcomes: every line is of the list, and its spans join the producers' traces."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import orjson

from tiktok_events import Producer
from worker.log_fields import ALWAYS, FIELDS, LINES
from worker.sandbox import Sandbox

_TYPES = {
    "text": str,
    "integer": int,
    "number": (int, float),
    "list of text": list,
}


def test_every_line_of_a_worker_has_the_fields_of_the_list_and_joins_its_spans(
    make_fleet: Callable[..., Any],
    sandbox: Sandbox,
    receiver: Any,
    order_completed: Callable[..., dict[str, Any]],
) -> None:
    fleet = make_fleet('retry = { min_backoff = "100ms" }\nguard = { max_dead_share = 1 }')
    fleet.environment |= {"SENTRY_DSN": receiver.dsn, "LOG_LEVEL": "DEBUG", "SENTRY_RELEASE": "shop@7"}
    sandbox.fault("code", code=50000, times=1)
    with Producer(fleet.environment["REDIS_URL"]) as producer:
        producer.enqueue_many(map(order_completed, range(30)), destination="stores")
        producer.enqueue(order_completed(99, currency="dollars"), destination="stores")
    traces = [f"{number:032x}" for number in range(1, 4)]
    for number, trace in enumerate(traces):
        fields = {"event": orjson.dumps(order_completed(100 + number)), "traceparent": f"00-{trace}-{'b' * 16}-01"}
        fleet.redis.xadd("tiktok-events:{stores}:inbox", fields)
    process = fleet.start()
    fleet.wait(lambda now: now.totals.get("delivered", 0) == 33 and now.dead == 1)
    process.terminate()
    process.wait(timeout=90)

    lines = [json.loads(line) for line in fleet.log().splitlines() if line.startswith("{")]
    for line in lines:
        assert tuple(line)[: len(ALWAYS)] == ALWAYS
        for name, value in line.items():
            assert value is None or isinstance(value, _TYPES[FIELDS[name][0]]), name
        if line["message"] in LINES:
            assert tuple(line) == (*ALWAYS, *LINES[line["message"]])
    told = [line for line in lines if line["message"] in ("event delivered", "event not delivered")]
    assert sorted(line["outcome"] for line in told).count("delivered") == 33
    assert {line["trace_id"] for line in told if line["outcome"] == "delivered"} == {None, *traces}

    end = time.monotonic() + 60
    while time.monotonic() < end and len(_transactions(receiver)) < len(traces):
        time.sleep(0.05)
    joined = {}
    for transaction in _transactions(receiver):
        context = transaction["contexts"]["trace"]
        assert transaction["release"] == "shop@7"
        assert context["parent_span_id"] == "b" * 16
        joined.setdefault(context["trace_id"], []).append(context["data"])
    assert set(joined) == set(traces)
    batches = {line["batch"] for line in lines if line["message"] == "batch settled"}
    for datas in joined.values():
        assert {data["tiktok_events.batch"] for data in datas} <= batches
        assert datas[-1]["tiktok_events.outcome"] == "delivered"


def _transactions(receiver: Any) -> list[dict[str, Any]]:
    return [each for each in receiver.items("transaction") if each["contexts"]["trace"]["op"] == "queue.process"]


def test_a_variable_that_is_wrong_stops_the_worker_with_its_name(make_fleet: Callable[..., Any]) -> None:
    for name, value in (("LOG_FORMAT", "xml"), ("SENTRY_TRACES_SAMPLE_RATE", "7")):
        fleet = make_fleet()
        fleet.environment |= {"SENTRY_DSN": "http://key@127.0.0.1:1/1", name: value}
        process = fleet.start()
        assert process.wait(timeout=90) == 78
        assert name in fleet.log()
