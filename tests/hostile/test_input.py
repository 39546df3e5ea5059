"""Whatever bytes lie in a stream, the events beside them are delivered, and each bad one is a dead letter."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import orjson
import pytest
import redis as redis_py
from click.testing import CliRunner

from schemas import Mapped, Mapper, MappingSettings, Refused
from worker.cli.main import main
from worker.cli.output import print_json
from worker.dead_letters import Filter, Queries
from worker.keys import Keys
from worker.runtime import Runtime
from worker.sandbox import Sandbox

KEYS = Keys("stores")
MakeRuntime = Callable[..., Runtime]
Order = Callable[..., dict[str, Any]]

PAYLOADS = {
    "nested too deep": b'{"a":' * 5000 + b"1" + b"}" * 5000,
    "half a bomb": b"[" * 200_000,
    "number beyond doubles": b'{"a": 1e400}',
    "number of 5000 digits": b'{"a": ' + b"1" * 5000 + b"}",
    "lone surrogate": b'{"a": "\\ud800"}',
    "not UTF-8": b'{"a": "\xff\xfe"}',
    "NaN": b'{"a": NaN}',
    "NUL": b"\x00",
    "nothing": b"",
    "a list": b"[1]",
    "two objects": b"{}{}",
}


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_what_cannot_be_read_is_a_dead_letter_and_holds_up_nobody(
    payload: bytes,
    redis: redis_py.Redis,
    make_runtime: MakeRuntime,
    serve: Callable[..., bool],
    sandbox: Sandbox,
    order_completed: Order,
) -> None:
    redis.xadd(KEYS.inbox, {"event": payload})
    redis.xadd(KEYS.inbox, {"event": orjson.dumps(order_completed(1))})
    serve(make_runtime(guard={"max_dead_share": 1}))
    (letter,) = Queries(redis, KEYS).scan(Filter())
    assert letter.reason == "undecodable"
    assert list(sandbox.deliveries) == ["message-1"]


@pytest.mark.parametrize(
    "fields",
    [
        {"no event": "x"},
        {"event": b"{}", "meta": b"{"},
        {"event": b"{}", "meta": b'{"ref": 1, "forced": "yes", "attempts": "many"}'},
        {"event": b"{}", "id": b"\xff" * 5000, "enqueued_at": b"9" * 400, "traceparent": b"\xff" * 10_000},
        {"event": b"{}", "enqueued_at": b"-1"},
        {"event": b"{}", "__proto__": b"x", "constructor": b"x"},
    ],
)
def test_fields_that_anybody_wrote_stop_no_claim(
    fields: dict[Any, Any],
    redis: redis_py.Redis,
    make_runtime: MakeRuntime,
    serve: Callable[..., bool],
    sandbox: Sandbox,
    order_completed: Order,
) -> None:
    redis.xadd(KEYS.inbox, fields)
    redis.xadd(KEYS.inbox, {"event": orjson.dumps(order_completed(1))})
    serve(make_runtime(guard={"max_dead_share": 1}))
    assert list(sandbox.deliveries) == ["message-1"]
    assert Queries(redis, KEYS).count() == 1


HOSTILE = [
    "{{user.email}}",
    "{{7*7}}",
    "{{ config }}",
    "${TOKEN}",
    "{% raw %}",
    "`1`",
    "__class__",
    "%s%n",
    "=1+1",
    "\x1b[2J",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_template_in_an_event_is_a_text_like_any_other(text: str) -> None:
    mapper = Mapper(MappingSettings(source="segment", event_source_id="{{properties.store}}"))
    event = {
        "type": "track",
        "event": "Order Completed",
        "timestamp": "2026-09-21T14:00:00Z",
        "context": {"traits": {"email": "a@example.com"}},
        "properties": {"store": text, "order_id": text, "value": 1, "currency": "USD", "products": []},
    }
    found = mapper.map(event, event_id="e", received_at=1_790_000_000.0, now=1_790_000_000.0)
    if isinstance(found, Refused):
        assert all("49" not in fault.rule and "a@example" not in fault.rule for fault in found.faults)
        return
    assert [item.key.event_source_id for item in found.items] == [text.strip()]
    assert found.items[0].body["properties"]["order_id"] == text


@pytest.mark.parametrize(
    "key", ["__proto__", "constructor", "__class__", "__dict__", "prototype", "toString", "items", "get"]
)
def test_a_key_like_a_prototype_is_a_key_like_any_other(key: str) -> None:
    event = {
        "type": "track",
        "event": "Order Completed",
        "timestamp": "2026-09-21T14:00:00Z",
        "context": {"traits": {"email": "a@example.com", key: {"admin": True}}},
        "properties": {"value": 1, "currency": "USD", "products": [{key: 1, "product_id": "a"}], key: {key: 1}},
        key: {"event": "x"},
    }
    plain = json.loads(json.dumps(event).replace(f'"{key}"', '"harmless"'))
    mapper = Mapper(MappingSettings(source="segment", event_source_id="1"))
    given: dict[str, Any] = {"event_id": "e", "received_at": 1_790_000_000.0, "now": 1_790_000_000.0}
    found, usual = mapper.map(event, **given), mapper.map(plain, **given)
    assert isinstance(found, Mapped)
    assert isinstance(usual, Mapped)
    assert [item.body for item in found.items] == [item.body for item in usual.items]
    reading = Mapper(MappingSettings(source="segment", event_source_id=f"{{{{properties.x.{key}.y}}}}"))
    assert isinstance(reading.map(event, **given), Refused)


ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp\x7f\r\x08\u2066x"


def obeyed(text: str) -> set[str]:
    """The characters of an output that a terminal would do something about."""
    return {char for char in text if not char.isprintable() and char != "\n"}


def test_json_for_a_terminal_spells_out_what_a_terminal_would_obey(capsys: pytest.CaptureFixture[str]) -> None:
    given = {ESCAPES: [ESCAPES, "Zoë 東京 🙂", "\U000e0041"]}
    print_json(given)
    told = capsys.readouterr().out
    assert obeyed(told) == set()
    assert json.loads(told) == given
    assert "Zoë 東京 🙂" in told


@pytest.fixture
def environment(redis_url: str, sandbox: Sandbox, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "destinations.toml"
    config.write_text(
        f"""
[credentials.main]
access_token = "${{TIKTOK_ACCESS_TOKEN}}"
[destinations.stores]
kind = "events"
source = "segment"
credentials = "main"
event_source_id = "7654321098765432109"
base_url = "{sandbox.url}"
"""
    )
    monkeypatch.setenv("TIKTOK_EVENTS_CONFIG", str(config))
    monkeypatch.setenv("TIKTOK_ACCESS_TOKEN", "x")
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("CELERY_BROKER_URL", "")


@pytest.mark.usefixtures("environment")
def test_no_command_hands_a_terminal_what_it_would_obey(
    redis: redis_py.Redis,
    make_runtime: MakeRuntime,
    serve: Callable[..., bool],
    sandbox: Sandbox,
    order_completed: Order,
    tmp_path: Any,
) -> None:
    sandbox.fault("code", code=40002, message=f"bad {ESCAPES}", match={"event_id": "message-3"})
    hostile = {ESCAPES: ESCAPES, "messageId": f"id{ESCAPES}"}
    for event in (
        order_completed(1, value=ESCAPES, **{ESCAPES: ESCAPES}) | hostile,
        order_completed(2) | {"event": ESCAPES},
        order_completed(3, currency="USD"),
    ):
        redis.xadd(
            KEYS.inbox,
            {"event": orjson.dumps(event), "id": f"id{ESCAPES}"[:30] if event["event"] == ESCAPES else "message-3"},
        )
    serve(make_runtime(guard={"max_dead_share": 1}))
    letters = list(Queries(redis, KEYS).scan(Filter()))
    assert len(letters) >= 2
    lines = [
        json.dumps(order_completed(4, value=ESCAPES) | hostile),
        ESCAPES,
        json.dumps({"event": ESCAPES, "type": "track"}),
    ]
    file = tmp_path / "events.jsonl"
    file.write_text("\n".join(lines))
    commands = [
        *(["dead-letters", "show", letter.ref, *more] for letter in letters for more in ([], ["--json"], ["--reveal"])),
        *(line.split() for line in ("dead-letters list", "dead-letters list --json", "dead-letters export", "audit")),
        *(
            line.split()
            for line in ("dead-letters export --reveal", "status", "status --json", "retries list", "workers")
        ),
        ["preview", str(file), "-d", "stores"],
        ["pause", "stores"],
        ["dead-letters", "show", ESCAPES],
    ]
    for words in commands:
        done = CliRunner().invoke(main, words)
        assert obeyed(done.output) == set(), words


@pytest.mark.usefixtures("environment")
def test_an_export_is_json_lines_in_which_no_spreadsheet_finds_a_formula(
    redis: redis_py.Redis, make_runtime: MakeRuntime, serve: Callable[..., bool], order_completed: Order
) -> None:
    for number, mark in enumerate(("=", "+", "-", "@", "\t", "\r")):
        event = order_completed(number, value=f"{mark}cmd|' /C calc'!A0")
        redis.xadd(KEYS.inbox, {"event": orjson.dumps(event)})
    serve(make_runtime(guard={"max_dead_share": 1}))
    told = CliRunner().invoke(main, ["dead-letters", "export", "--reveal"]).stdout
    rows = [line for line in told.splitlines() if line]
    assert len(rows) == 6
    assert all(row.startswith('{"') and json.loads(row) for row in rows)
