"""The users of docs/secure.md: each can do what it is for, and nothing that it does not do."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py
import requests

from tiktok_events import EnqueueError, Producer
from worker.connection import connect
from worker.runtime import Runtime
from worker.sandbox import Sandbox

ROOT = Path(__file__).parents[2]
LINES = re.findall(r"^ACL SETUSER .+$", (ROOT / "docs" / "secure.md").read_text(encoding="utf-8"), re.MULTILINE)
SHOP, WAKING, WORKER, OPERATOR = LINES

OF_KOMBU = {"watch", "unwatch"}
"""Called when it puts back the messages of a worker that died."""


def commands(*lines: str) -> set[str]:
    """The commands that lines allow."""
    return {word[1:] for line in lines for word in line.split() if word[0] == "+"}


def written(*folders: str) -> set[str]:
    """The commands that stand in the code, for paths that no test happens to take."""
    found: set[str] = set()
    for folder in folders:
        for path in (ROOT / folder).rglob("*"):
            if path.suffix == ".lua":
                found |= set(re.findall(r"redis\.p?call\('([A-Z]+(?:', '[A-Z]+)?)", path.read_text(encoding="utf-8")))
            if path.suffix == ".py":
                found |= set(re.findall(r"(?:redis|pipe)\.([a-z]+)\(", path.read_text(encoding="utf-8")))
    return {name.lower().replace("', '", "|") for name in found}


def called(server: Any) -> set[str]:
    """The commands that were called since the last look, as `ACL SETUSER` spells them."""
    stats = server.admin.info("commandstats")
    server.admin.config_resetstat()
    return {name.removeprefix("cmdstat_") for name in stats}


def allow(server: Any, *lines: str) -> None:
    for line in lines:
        server.admin.execute_command(*line.split())


OF_CELERY = {"shop: command client|setinfo", "shop: command client"}
"""What a producer that wakes workers asks for, new servers and old ones, and does without: docs/secure.md."""


def refused(server: Any, *, waking: bool = False) -> list[str]:
    told = (f"{each['username']}: {each['reason']} {each['object']}" for each in server.admin.acl_log())
    return [each for each in told if not (waking and each in OF_CELERY)]


Events = Callable[..., dict[str, Any]]


def produce(url: str, event: Events, *, first: int = 0, wake: bool = False) -> None:
    """All that a producer does: one event, a pack, the rest of a pack that has no room."""
    with Producer(url, wake=wake) as producer:
        producer.enqueue(event(first), destination="stores")
        producer.enqueue_many([event(first + number) for number in range(1, 150)], destination="stores")


@pytest.fixture
def server(guarded_redis: Callable[..., Any]) -> Any:
    made = guarded_redis()
    limits = {"max_event_bytes": 262144, "max_inbox": 1000000, "pack": 100}
    made.admin.hset("tiktok-events:destinations", "stores", json.dumps(limits))
    return made


@pytest.mark.every_server
def test_a_producer_adds_and_reads_nothing(server: Any, order_completed: Events) -> None:
    allow(server, SHOP)
    server.admin.config_resetstat()
    produce(server.url("shop"), order_completed)
    assert refused(server) == []
    # A pack that Redis refuses half-way is counted back, by a script's path that is rare.
    assert commands(SHOP) <= called(server) | {"eval", "decrby"}
    assert server.admin.xlen("tiktok-events:{stores}:inbox") + server.admin.xlen("tiktok-events:{stores}:bulk") > 1
    with redis_py.Redis.from_url(server.url("shop")) as thief:
        for command in (
            *("XRANGE tiktok-events:{stores}:inbox - +", "XREAD STREAMS tiktok-events:{stores}:bulk 0", "KEYS *"),
            *("HGETALL tiktok-events:{stores}:dead:events", "DEL tiktok-events:{stores}:inbox", "FLUSHALL", "MONITOR"),
            *("CONFIG GET *", "ACL LIST", "GET tiktok-events:{credential:main}", "SUBSCRIBE x"),
        ):
            with pytest.raises(redis_py.exceptions.NoPermissionError):
                thief.execute_command(*command.split())


@pytest.mark.parametrize("missing", sorted(commands(SHOP) - {"eval", "decrby"}))
def test_a_producer_with_one_command_fewer_fails(server: Any, order_completed: Events, missing: str) -> None:
    allow(server, SHOP, f"ACL SETUSER shop -{missing}")
    with pytest.raises(EnqueueError) as caught:
        produce(server.url("shop"), order_completed)
    assert "PASSWORD" not in str(caught.value)


@pytest.mark.parametrize("missing", re.findall(r"~\S+", SHOP))
def test_a_producer_with_one_key_fewer_fails(server: Any, order_completed: Events, missing: str) -> None:
    allow(server, SHOP.replace(f" {missing} ", " "))
    with pytest.raises(EnqueueError):
        produce(server.url("shop"), order_completed)


@pytest.mark.every_server
def test_a_producer_that_wakes_workers_needs_no_more_of_the_broker(server: Any, order_completed: Events) -> None:
    allow(server, SHOP, WAKING)
    server.admin.config_resetstat()
    with Producer(server.url("shop"), wake=True) as producer:
        producer.enqueue(order_completed(1), destination="stores")
    assert refused(server, waking=True) == []
    assert server.admin.llen("tiktok-events") == 1
    assert commands(WAKING) <= called(server)


def test_workers_and_operators_do_their_work_as_users_of_their_own(
    server: Any,
    start_worker: Any,
    sandbox: Sandbox,
    order_completed: Events,
    wait: Callable[..., None],
    tmp_path: Path,
) -> None:
    allow(server, *LINES)
    log = tmp_path / "worker.log"
    server.admin.config_resetstat()
    worker = start_worker(server.url("worker"))
    sandbox.fault("code", code=50000, times=1)

    def told() -> str:
        return "\n".join([*refused(server, waking=True), log.read_text()[-3000:]])

    wait(lambda: server.admin.exists("tiktok-events:workers"), told=told)
    by_worker = called(server)

    produce(server.url("shop"), order_completed, wake=True)
    with Producer(server.url("shop")) as producer:
        producer.enqueue(order_completed(500, value="much"), destination="stores")
    dead = "tiktok-events:{stores}:dead"
    wait(lambda: len(sandbox.deliveries) == 150 and server.admin.zcard(dead) == 1, told=told)

    def unused() -> set[str]:
        nonlocal by_worker
        by_worker |= called(server)
        return commands(WORKER) - by_worker - written("worker", "tasks", "tiktok_events") - OF_KOMBU

    # A leader's rounds, and Celery's heartbeats, take a while. The last one comes when a worker leaves.
    wait(lambda: unused() <= {"punsubscribe"}, told=lambda: f"allowed, and not called: {unused()}")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0
    assert unused() == set(), "the worker's line allows what no worker does"
    assert refused(server, waking=True) == [], log.read_text()

    run = _runner(start_worker.environment(server.url("operator")))
    for line in ("status", "doctor", "workers", "retries list", "dead-letters list", "audit", "tokens list"):
        run(*line.split())
    (letter,) = json.loads(run("dead-letters", "list", "--json"))
    exported = str(tmp_path / "letters.jsonl")
    mended = tmp_path / "mended.json"
    mended.write_text(json.dumps(order_completed(500)))
    for line in (
        f"dead-letters show {letter['ref']} --reveal",
        f"dead-letters export --reveal -o {exported}",
        f"dead-letters edit {letter['ref']} --file {mended}",
        "dead-letters replay --all --yes",
        f"dead-letters import {exported}",
        "status --retention",
        "forget --external-id nobody --dry-run",
        "forget --external-id user-500 --quick --yes --wait 1",
        "dead-letters purge --older-than 30 --yes",
        "dead-letters discard --all --yes",
        "retries now --all --yes",
        "pause stores",
        "resume stores",
    ):
        run(*line.split())
    token = run("tokens", "create", "--name", "anna", "--scope", "enqueue", "--scope", "read").strip()
    _browse(start_worker.environment(server.url("operator")), token, order_completed(900))
    run("tokens", "revoke", json.loads(run("tokens", "list", "--json"))[0]["id"], "--yes")
    assert refused(server, waking=True) == []
    # A script that the server does not know yet is sent whole, with EVAL.
    beyond = commands(OPERATOR) - called(server) - written("worker", "tiktok_events") - {"eval"}
    assert beyond == set(), "the operator's line allows what no operator does"


@pytest.mark.every_server
def test_a_worker_with_its_commands_settles_everything(
    server: Any, configure: Callable[..., Any], serve: Callable[..., bool], order_completed: Events
) -> None:
    allow(server, SHOP, WORKER)
    produce(server.url("shop"), order_completed)
    with connect(server.url("worker")) as client:
        serve(Runtime(configure(), connect=lambda: client))
    assert int(server.admin.hget("tiktok-events:{stores}:totals", "delivered")) == 150
    assert refused(server) == []


# Not on Redis 6.2, which cannot take back one subcommand.
@pytest.mark.parametrize(
    "missing", ["xreadgroup", "xack", "xdel", "hincrby", "time", "evalsha", "xgroup|create", "hmget"]
)
def test_a_worker_with_one_command_fewer_settles_nothing(
    server: Any,
    configure: Callable[..., Any],
    serve: Callable[..., bool],
    order_completed: Events,
    missing: str,
) -> None:
    allow(server, SHOP, WORKER, f"ACL SETUSER worker -{missing}")
    produce(server.url("shop"), order_completed)
    with connect(server.url("worker")) as client:
        here = Runtime(configure(), connect=lambda: client)
        # Some refusals end the slice, others the batch; either way nothing is settled.
        with suppress(redis_py.ResponseError):
            serve(here)
    assert not server.admin.hget("tiktok-events:{stores}:totals", "delivered")
    assert refused(server)


def _runner(environment: dict[str, str]) -> Callable[..., str]:
    def run(*words: str) -> str:
        line = [sys.executable, "-m", "worker", *words]
        done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or words == ("doctor",), f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    return run


def _browse(environment: dict[str, str], token: str, event: dict[str, Any]) -> None:
    """Open pages and send an event to the door."""
    line = [sys.executable, "-m", "worker", "web", "--door", "--port", "0"]
    web = subprocess.Popen(line, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert web.stdout is not None
        url = web.stdout.readline().split()[-1]
        told = {"Authorization": f"Bearer {token}"}
        for path in ("overview.json", "dead-letters", "retries", "audit", "metrics", "readyz", "sign-in"):
            assert requests.get(f"{url}{path}", headers=told, timeout=30).status_code == 200, path
        assert requests.post(f"{url}sign-in", data={"token": "wrong"}, timeout=30).status_code in (400, 401, 403)
        sent = requests.post(
            f"{url}v1/destinations/stores/events",
            json=event,
            headers={**told, "Idempotency-Key": "0123456789abcdef"},
            timeout=30,
        )
        assert sent.status_code == 202, sent.text
    finally:
        web.terminate()
        web.communicate()
