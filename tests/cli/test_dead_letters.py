"""The tables of dead letters and replays in the look of all: plain in a pipe, in colour on a terminal."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import redis as redis_py

from worker.dead_letters import Changes, DeadLetter
from worker.envelope import Envelope
from worker.keys import UNKNOWN, Keys

KEYS = Keys("stores")


@pytest.fixture
def letters(redis: redis_py.Redis) -> redis_py.Redis:
    for number in range(30):
        envelope = Envelope(f"{number:02d}-0", f"id-{number}", b"{}", 1)
        old = number >= 25
        event_time = int(time.time()) - 86400 * (30 if old else 1)
        letter = DeadLetter(
            "stores", "rejected", "no\x1b[31m red", envelope, time.time() - 1, code=40002, event_time=event_time
        )
        Changes(redis, KEYS).add(letter)
    return redis


def test_a_list_fits_its_terminal_and_obeys_nothing_in_it(letters: redis_py.Redis, shell: Any) -> None:
    terminal = shell.terminal("dead-letters", "list", "--limit", "3", columns=80)
    text = terminal.finish()
    assert "29-0" in text
    assert "�[31m" in text
    assert terminal.style("29-0")[0] == "default"


def test_a_plan_says_how_many_by_what_and_how_many_would_stay(letters: redis_py.Redis, shell: Any) -> None:
    text = shell.run("dead-letters", "replay", "--all", "--dry-run")
    assert "stores: 30 would be replayed (rejected 30)" in text
    assert any(line.split()[-1] == "5" for line in text.splitlines() if "too old by now, would stay" in line)
    assert "\x1b" not in text


def test_a_replay_shows_its_progress_and_is_listed_as_done(letters: redis_py.Redis, shell: Any) -> None:
    terminal = shell.terminal("dead-letters", "replay", "--all", "--yes", "--rate", "40")
    terminal.wait_for("/30")
    assert "25 replayed, 5 too old" in terminal.finish()
    listed = shell.terminal("dead-letters", "jobs", columns=160)
    assert "done" in listed.finish()
    assert listed.style("done")[0] == "green"
    (job,) = json.loads(shell.run("dead-letters", "jobs", "--json"))
    assert (job["state"], job["replayed"], job["expired"]) == ("done", 25, 5)
    assert "place" not in job


def test_what_named_no_destination_is_moved_to_one_and_looked_at_first(redis: redis_py.Redis, shell: Any) -> None:
    for number, named in enumerate(("shop", "shop", "else")):
        message = f"there is no destination '{named}': did you mean 'stores'?"
        envelope = Envelope(f"{number}-c0", f"id-{number}", b"{}", 1)
        Changes(redis, Keys(UNKNOWN)).add(DeadLetter(UNKNOWN, "unknown_destination", message, envelope, time.time()))
    assert "first `dead-letters move` it" in shell.run("dead-letters", "replay", "0-c0", check=False)
    assert "say which: REFs, --text, or --all" in shell.run("dead-letters", "move", "--to", "stores", check=False)
    assert "there are: app, stores" in shell.run("dead-letters", "move", "--to", "nowhere", "--all", check=False)
    dry = shell.run("dead-letters", "move", "--to", "stores", "--text", "'shop'", "--dry-run")
    assert dry.strip() == "2 would be moved to stores; a replay would find them unmapped 2"
    assert "1 moved" in shell.run("dead-letters", "move", "0-c0", "--to", "stores", "--yes")
    assert json.loads(shell.run("dead-letters", "move", "--all", "--to", "stores", "--yes", "--json")) == {"moved": 2}
    assert redis.zcard(KEYS.dead) == 3
    assert json.loads(shell.run("audit", "--json"))[0]["details"] == {"to": "stores", "count": 2}
