"""What a log line looks like, and that no other field than those of the list is ever in one."""

from __future__ import annotations

import ast
import io
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import redis as redis_py

from tiktok_events.trace import message_id
from worker import logs
from worker.calls import Calls
from worker.keys import Keys
from worker.log_fields import ALWAYS, FIELDS, LINES
from worker.runtime import Runtime
from worker.sampling import Sampler
from worker.sandbox import Sandbox
from worker.schedule import Lease
from worker.serving import Slice

ROOT = Path(__file__).parents[2]
KEYS = Keys("stores")
MakeRuntime = Callable[..., Runtime]
MakeOrder = Callable[..., dict[str, Any]]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What is written from here on, as a worker writes it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.delenv("LOG_LEVEL", raising=False)
    stream = io.StringIO()
    logs.start(stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:], root.level = handlers, level


def deliver(here: Runtime) -> None:
    Slice(here, Calls(here.redis, print)).run([Lease("stores", "t")], listen=False)


def test_a_delivered_batch_is_one_line_with_tiktoks_request_id(
    lines: Callable[[], list[dict[str, Any]]],
    redis: redis_py.Redis,
    make_runtime: MakeRuntime,
    order_completed: MakeOrder,
) -> None:
    for number in range(20):
        redis.xadd(KEYS.inbox, {"event": orjson.dumps(order_completed(number))})
    deliver(make_runtime())
    (line,) = lines()
    assert tuple(line) == (*ALWAYS, *LINES["batch settled"])
    assert (line["message"], line["level"], line["entries"], line["delivered"]) == ("batch settled", "info", 20, 20)
    assert len(line["request_ids"]) == line["requests"] == 1


def test_an_event_that_was_not_delivered_is_a_line_that_joins_all_ids(
    lines: Callable[[], list[dict[str, Any]]],
    redis: redis_py.Redis,
    make_runtime: MakeRuntime,
    order_completed: MakeOrder,
    sandbox: Sandbox,
) -> None:
    sandbox.fault("code", code=40002, message="no", match={"event_id": "message-1"})
    fields: Any = {"event": orjson.dumps(order_completed(1)), "traceparent": f"00-{'a' * 32}-{'b' * 16}-00"}
    ref: Any = redis.xadd(KEYS.inbox, fields)
    deliver(make_runtime())
    event, batch = lines()
    assert tuple(event) == (*ALWAYS, *LINES["event not delivered"])
    assert event["level"] == "warning"
    assert event["batch"] == batch["batch"]
    assert (event["ref"], event["id_digest"], event["trace_id"]) == (ref.decode(), message_id("message-1"), "a" * 32)
    assert (event["outcome"], event["reason"], event["code"]) == ("dead", "rejected", 40002)
    assert event["request_id"] in batch["request_ids"]


def test_a_retry_is_told_with_its_wait(
    lines: Callable[[], list[dict[str, Any]]],
    redis: redis_py.Redis,
    make_runtime: MakeRuntime,
    order_completed: MakeOrder,
    sandbox: Sandbox,
) -> None:
    sandbox.fault("code", code=50000)
    redis.xadd(KEYS.inbox, {"event": orjson.dumps(order_completed(1))})
    deliver(make_runtime())
    event, _ = lines()
    assert (event["level"], event["outcome"], event["reason"], event["code"]) == (
        "info",
        "retried",
        "unavailable",
        50000,
    )
    assert event["wait_seconds"] > 0


def test_repeated_lines_are_sampled_and_the_batch_still_counts_all(
    lines: Callable[[], list[dict[str, Any]]], redis: redis_py.Redis, make_runtime: MakeRuntime
) -> None:
    for _ in range(500):
        redis.xadd(KEYS.inbox, {"event": b"not json"})
    deliver(make_runtime(guard={"max_dead_share": 1}))
    told = lines()
    assert [line["message"] for line in told].count("event not delivered") == 10
    assert told[-1]["dead"] == 500


def test_at_debug_every_event_is_a_line(
    lines: Callable[[], list[dict[str, Any]]],
    redis: redis_py.Redis,
    make_runtime: MakeRuntime,
    order_completed: MakeOrder,
) -> None:
    logging.getLogger().setLevel("DEBUG")
    for number in range(30):
        redis.xadd(KEYS.inbox, {"event": orjson.dumps(order_completed(number))})
    deliver(make_runtime())
    told = [line for line in lines() if line["logger"] == "worker.outcomes"]
    events = [line for line in told if line["message"] == "event delivered"]
    assert len(events) == 30
    assert {line["request_id"] for line in events} == set(told[-1]["request_ids"])


def test_a_sampler_lets_the_first_through_and_counts_the_rest() -> None:
    now = [0.0]
    sampler = Sampler(most=2, seconds=10.0, clock=lambda: now[0])
    assert [sampler.ask("a") for _ in range(5)] == [0, 0, None, None, None]
    assert sampler.ask("b") == 0
    now[0] = 10.0
    assert [sampler.ask("a") for _ in range(3)] == [3, 0, None]


def test_a_field_that_is_not_in_the_list_is_not_written(lines: Callable[[], list[dict[str, Any]]]) -> None:
    logging.getLogger("somebody").warning("x", extra={"data": {"args": "ada@example.com"}, "email": "ada@example.com"})
    (line,) = lines()
    assert tuple(line) == ALWAYS


def test_every_field_that_our_code_adds_is_in_the_list() -> None:
    added, elsewhere = set(), set()
    for package in ("worker", "tasks"):
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.keyword) and node.arg == "extra" and isinstance(node.value, ast.Dict):
                    added |= {key.value for key in node.value.keys if isinstance(key, ast.Constant)}
                elif isinstance(node, ast.keyword) and node.arg == "extra":
                    elsewhere.add(file.name)
    assert elsewhere == {"outcomes.py"}, "write the fields where they are logged, so that this test sees them"
    assert added
    assert added <= set(FIELDS), "add it to worker/log_fields.py, with its meaning"


def test_an_exception_is_told_by_type_and_place(lines: Callable[[], list[dict[str, Any]]]) -> None:
    try:
        raise ValueError("ada@example.com")
    except ValueError:
        logging.getLogger("worker.x").exception("failed")
    (line,) = lines()
    assert line["exception"] == "ValueError"
    assert "test_logs.py" in line["at"]
    assert "ada@" not in json.dumps(line)


@pytest.mark.parametrize(("form", "starts"), [("json", "{"), ("auto", "{"), ("text", "")])
def test_the_form_is_json_unless_a_person_reads(form: str, starts: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_FORMAT", form)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.start(stream=stream)
    logging.getLogger("worker.x").warning("hello", extra={"destination": "stores", "dead": 0, "code": None})
    root.handlers[:], root.level = handlers, level
    line = stream.getvalue()
    assert line.startswith(starts)
    if form == "text":
        assert line.rstrip().endswith("WARNING hello destination=stores")


@pytest.mark.parametrize(("variable", "value"), [("LOG_FORMAT", "xml"), ("LOG_LEVEL", "loud")])
def test_a_variable_that_says_nothing_known_is_refused(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValueError, match=variable):
        logs.start(stream=io.StringIO())
