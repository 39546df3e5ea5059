"""What another version of the worker wrote is read where it can be, left alone where not, and never lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
import redis as redis_py
import tomllib

from worker.config import ConfigError
from worker.config.load import build
from worker.envelope import VERSION, Attempt, Envelope, opened, unpacked
from worker.inbox import Inbox, Terms
from worker.keys import Keys
from worker.runtime import Runtime
from worker.sandbox import Sandbox

KEYS = Keys("stores")
NEWER = {"v": VERSION + 1, "ref": "1-0", "id": "m-1", "enqueued_at": 1_000, "tries": [{"when": 1}], "attempts": "three"}


def test_fields_that_are_new_are_overlooked() -> None:
    told = orjson.loads(Envelope("1-0", "m-1", b"{}", 1_000, history=(Attempt(1.0, "unavailable"),)).meta())
    told["colour"], told["history"][0]["colour"] = "red", "red"
    assert opened(told, b"{}") == Envelope("1-0", "m-1", b"{}", 1_000, history=(Attempt(1.0, "unavailable"),))


def test_fields_that_were_not_there_yet_have_defaults() -> None:
    told = {"v": 1, "ref": "1-0", "id": "m-1", "enqueued_at": 1_000, "attempts": 2, "history": []}
    assert opened(told, b"{}") == Envelope("1-0", "m-1", b"{}", 1_000, attempts=2)


def test_a_newer_envelope_goes_back_word_by_word() -> None:
    meta = orjson.dumps(NEWER)
    assert unpacked(opened(meta, b"{}").packed()).packed() == meta + b"\n{}"


def test_an_event_that_only_a_newer_worker_can_read_is_put_back_for_it(
    redis: redis_py.Redis,
    make_runtime: Callable[..., Runtime],
    serve: Callable[..., bool],
    sandbox: Sandbox,
    order_completed: Callable[..., dict[str, Any]],
) -> None:
    meta, payload = orjson.dumps(NEWER), orjson.dumps(order_completed(1))
    redis.xadd(KEYS.retry, {"event": payload, "meta": meta})
    redis.xadd(KEYS.inbox, {"event": orjson.dumps(order_completed(2))})
    serve(make_runtime())
    assert set(sandbox.deliveries) == {"message-2"}  # it holds up nobody
    assert redis.hgetall(KEYS.scheduled) == {b"1-0": meta + b"\n" + payload}
    assert redis.zcard(KEYS.due) == 1
    assert (redis.xlen(KEYS.retry), redis.xlen(KEYS.inbox), redis.zcard(KEYS.dead)) == (0, 0, 0)


@pytest.mark.parametrize("meta", [b"not JSON", b"[]", b'{"v": 1}', b'{"v": "x"}', b'{"v": 1, "history": 3}', b"null"])
def test_a_meta_by_another_hand_holds_up_nobody(redis: redis_py.Redis, meta: bytes) -> None:
    entry_id: Any = redis.xadd(KEYS.retry, {"event": b"{}", "meta": meta})
    (claimed,) = Inbox(redis, KEYS, consumer="a").take("t", Terms(silence_seconds=3600)).batch
    assert (claimed.envelope.ref, claimed.envelope.payload) == (entry_id.decode(), b"{}")


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("", None),
        ("version = 1", None),
        ("version = 2", "version: this release reads version 1: upgrade the workers before the file"),
        ('version = "1"', "version: Not a valid integer"),
    ],
)
def test_a_configuration_may_say_its_version(line: str, rule: str | None) -> None:
    text = f"""
{line}
[credentials.main]
access_token = "${{TOKEN}}"
[destinations.stores]
kind = "events"
source = "segment"
credentials = "main"
event_source_id = "1"
"""
    if rule is None:
        assert list(build(tomllib.loads(text), {"TOKEN": "t"}, source="test").destinations) == ["stores"]
        return
    with pytest.raises(ConfigError) as caught:
        build(tomllib.loads(text), {"TOKEN": "t"}, source="test")
    assert caught.value.faults == [rule]
