"""`status` shows on any terminal what is stuck, why and since when; without one it is plain."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from typing import Any

import pytest
import redis as redis_py

from tiktok_events.keys import REGISTRY
from worker.dead_letters import Changes, DeadLetter
from worker.envelope import Envelope
from worker.keys import UNKNOWN, WORKERS, Keys
from worker.pauses import Pauses
from worker.workers import Heartbeat

KEYS = Keys("stores")
ESCAPE = "\x1b"


@pytest.fixture
def scene(redis: redis_py.Redis) -> redis_py.Redis:
    """A shop at work with a few dead letters, and an app that is paused."""
    now = time.time()
    for ago in range(1, 31):
        redis.hset(KEYS.minute(int(now // 60) - ago), mapping={"delivered": ago, "retried": 4 if ago == 3 else 0})
    for _ in range(1203):
        redis.xadd(KEYS.inbox, {"event": b"{}"})
    for number in range(7):
        envelope = Envelope(f"{number}-0", f"id-{number}", b"{}", 1)
        reason = "invalid" if number < 5 else "rejected"
        Changes(redis, KEYS).add(DeadLetter("stores", reason, "why", envelope, now))
    Pauses(redis, Keys("app")).pause("unauthorized", detail="40105", by="w1", credential="c", now=now - 720)
    Heartbeat("w1@shop", slots=4).beat(redis)
    # Heard of until an hour from now: a command may take a busy machine longer than a worker may be silent.
    redis.zincrby(WORKERS, 3_600_000, redis.zrange(WORKERS, 0, 0)[0])
    return redis


@pytest.mark.parametrize("columns", [80, 100, 132, 200])
def test_a_person_sees_what_is_stuck_why_and_since_when(scene: redis_py.Redis, shell: Any, columns: int) -> None:
    terminal = shell.terminal("status", columns=columns)
    text = terminal.finish()
    lines = text.splitlines()
    app = next(number for number, line in enumerate(lines) if line.startswith("app "))
    assert "PAUSED" in lines[app]
    assert lines[app + 1].startswith("stores "), "what is stopped comes first"
    assert "1,203" in lines[app + 1]
    told = " ".join(text.split())
    assert re.search(r"app: PAUSED unauthorized: 40105 \(for 1[23] min, by w1\)", told)
    assert "invalid 5, rejected 2" in told
    assert "w1@shop" in told
    assert terminal.process.returncode == 0
    assert terminal.style("PAUSED") == ("red", True)


def test_the_course_of_the_last_minutes_is_drawn_where_there_is_room(scene: redis_py.Redis, shell: Any) -> None:
    wide = shell.terminal("status", columns=200).finish()
    assert "last 30 min" in wide
    (row,) = [line for line in wide.splitlines() if line.startswith("stores ")]
    assert row.rstrip().endswith("▁")
    assert "█" in row
    assert "█" not in shell.terminal("status", columns=80).finish()


def test_no_color_leaves_out_colours(scene: redis_py.Redis, shell: Any) -> None:
    terminal = shell.terminal("status", NO_COLOR="1")
    terminal.finish()
    assert terminal.style("PAUSED")[0] == "default"
    assert terminal.style("ok ")[0] == "default"


def test_a_pipe_gets_plain_lines_however_long(scene: redis_py.Redis, shell: Any) -> None:
    Pauses(scene, Keys("app")).resume(now=0)
    Pauses(scene, Keys("app")).pause("command", detail="x" * 300, by="w1", credential="c", now=time.time())
    text = shell.run("status")
    assert ESCAPE not in text
    assert any("x" * 300 in line for line in text.splitlines())


def test_an_event_or_a_person_cannot_steer_the_terminal(scene: redis_py.Redis, shell: Any) -> None:
    Pauses(scene, KEYS).pause("command", detail="a\x1b[2Jb[red]c", by="w1", credential="c", now=time.time())
    terminal = shell.terminal("status")
    assert "�[2Jb[red]c" in terminal.finish()


def test_json_has_every_figure(scene: redis_py.Redis, shell: Any) -> None:
    stores, app = json.loads(shell.run("status", "--json"))
    assert (stores["destination"], stores["waiting"], stores["dead"]) == ("stores", 1203, 7)
    # A minute may have ended since the scene was set, in which nothing was delivered.
    passed = 30 - stores["delivered_by_minute"][0]
    assert passed in (0, 1)
    assert stores["delivered_by_minute"] == list(range(30 - passed, -passed, -1))
    assert stores["failed_by_minute"][-3 - passed] == 4
    assert stores["limit_in_force"] == 1.0
    assert app["pause"]["reason"] == "unauthorized"
    (worker,) = json.loads(shell.run("workers", "--json"))
    assert (worker["name"], worker["slots"], worker["silent"]) == ("w1@shop", 4, False)


def test_an_open_breaker_says_since_when_and_what_tiktok_answered(scene: redis_py.Redis, shell: Any) -> None:
    now = time.time()
    told = {"open_until": (now + 60) * 1000, "opened_at": (now - 400) * 1000, "why": "no answer: ConnectTimeout"}
    scene.hset(KEYS.breaker, mapping=told)
    assert "stores: breaker open for 7 min: no answer: ConnectTimeout" in shell.run("status")
    assert "breaker open: no answer: ConnectTimeout" in shell.run("doctor", check=False)


def test_what_no_configuration_reads_is_shown_while_it_holds_something(redis: redis_py.Redis, shell: Any) -> None:
    redis.hset(REGISTRY, "former", "{}")
    redis.hset(REGISTRY, "empty", "{}")
    redis.xadd(Keys("former").inbox, {"event": b"{}"})
    envelope = Envelope("1-0", "id", b"{}", 1)
    Changes(redis, Keys(UNKNOWN)).add(DeadLetter(UNKNOWN, "unknown_destination", "why", envelope, time.time()))
    text = shell.run("status")
    assert "former: no configuration here reads it" in text
    assert "_unknown: unknown_destination 1" in text
    assert "empty" not in text


def test_a_worker_that_is_silent_and_a_fleet_that_is_gone_are_told(redis: redis_py.Redis, shell: Any) -> None:
    assert "no worker was heard of" in shell.run("status")
    Heartbeat("w1@shop", slots=4).beat(redis)
    ((said, score),) = redis.zrange(WORKERS, 0, -1, withscores=True)
    redis.zadd(WORKERS, {said: score - 300_000})
    text = shell.run("status")
    assert re.search(r"w1@shop: silent for [56] min", text)
    assert "workers: none is alive" in text


def test_watch_follows_and_ends_with_ctrl_c_leaving_the_terminal_as_it_was(scene: redis_py.Redis, shell: Any) -> None:
    terminal = shell.terminal("status", "--watch", "--every", "0.2", columns=150)
    assert "█" in terminal.wait_for("w1@shop")
    assert "1,203" in terminal.text
    scene.delete(KEYS.inbox)
    terminal.wait_for("0 waiting")
    scene.hincrby(KEYS.totals, "delivered", 50)
    terminal.wait_for("delivered a second")
    terminal.interrupt()
    terminal.finish()
    assert terminal.process.returncode == 0
    assert b"\x1b[?1049l" in terminal.raw, "back from the alternate screen"
    assert b"\x1b[?25h" in terminal.raw, "with its cursor"


def test_watch_goes_on_while_redis_is_away(own_server: Any, shell: Any) -> None:
    terminal = shell.terminal("status", "--watch", "--every", "0.2", columns=150, REDIS_URL=own_server.url)
    terminal.wait_for("2 destinations")
    own_server.kill()
    terminal.wait_for("Redis does not answer")
    terminal.wait_for("2 destinations")  # the last that was seen
    own_server.start()
    end = time.monotonic() + 90
    while "Redis does not answer" in terminal.text:
        assert time.monotonic() < end
        terminal.read(0.1)


def test_watch_shows_what_is_stopped_when_there_are_more_destinations_than_lines(
    redis: redis_py.Redis, shell: Any
) -> None:
    shell.configure(*(f"shop-{number:03d}" for number in range(200)))
    Pauses(redis, Keys("shop-150")).pause("command", detail="", by="w", credential="c", now=time.time())
    Heartbeat("w1@shop", slots=4).beat(redis)
    terminal = shell.terminal("status", "--watch", "--every", "0.2", rows=24)
    text = terminal.wait_for("w1@shop")
    assert "shop-150: PAUSED" in text
    assert re.search(r"and 18\d more", text)
    terminal.interrupt()
    terminal.finish()


def test_watch_into_a_pipe_is_one_line_of_json_a_look(scene: redis_py.Redis, shell: Any) -> None:
    command = [sys.executable, "-m", "worker", "status", "--watch", "--json", "--every", "0.2"]
    with subprocess.Popen(command, env=shell.environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first, second = json.loads(process.stdout.readline()), json.loads(process.stdout.readline())
        process.terminate()
    assert [one["destination"] for one in first] == [one["destination"] for one in second] == ["stores", "app"]
    assert process.returncode == 0
