"""The tables of dead letters and replays in the look of all: plain in a pipe, in colour on a terminal."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import redis as redis_py

from worker.dead_letters import Changes, DeadLetter
from worker.envelope import Attempt, Envelope
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


@pytest.mark.parametrize("columns", [80, 100, 160])
def test_what_a_person_copies_is_whole_at_any_width_and_the_reason_stands_below_where_there_is_no_room(
    redis: redis_py.Redis, shell: Any, columns: int
) -> None:
    ref, why = "1795800371801-1-12", "there is a rule for this field; " * 4
    envelope = Envelope(ref, "id", b"{}", 1, history=(Attempt(1.0, "rejected", 40002, why, "REQUEST" * 5),))
    letter = DeadLetter("stores", "rejected", why, envelope, time.time() - 400, code=40002, event="Purchase")
    Changes(redis, KEYS).add(letter)
    text = shell.terminal("dead-letters", "list", columns=columns).finish()
    row = next(line for line in text.splitlines() if ref in line).split()
    assert row[:4] == [ref, "stores", "rejected", "40002"]
    assert "7 min ago" in " ".join(row)
    assert ("there" in row) is (columns == 160)
    shown = shell.terminal("dead-letters", "show", ref, columns=columns, rows=60).finish()
    assert "1970-01-01T00:00:01Z  rejected  40002" in shown
    assert "REQUEST" * 5 in shown


def test_the_newest_of_all_destinations_come_first_and_the_next_page_goes_on_behind(
    redis: redis_py.Redis, shell: Any
) -> None:
    for number in range(6):
        name = ("stores", "app", UNKNOWN)[number % 3]
        envelope = Envelope(f"{number}-0", f"id-{number}", b"{}", 1)
        Changes(redis, Keys(name)).add(DeadLetter(name, "rejected", "no", envelope, time.time() - 100 + number))
    listed = json.loads(shell.run("dead-letters", "list", "--limit", "4", "--json"))
    assert [each["ref"] for each in listed] == ["5-0", "4-0", "3-0", "2-0"]
    rest = json.loads(shell.run("dead-letters", "list", "--start-after", "2-0", "--json"))
    assert [each["ref"] for each in rest] == ["1-0", "0-0"]
    assert "it is gone; start anew" in shell.run("dead-letters", "list", "--start-after", "9-9", check=False)


def test_where_there_is_nothing_a_person_reads_so(redis: redis_py.Redis, shell: Any) -> None:
    assert "There are no such dead letters" in shell.terminal("dead-letters", "list").finish()
    assert "Nothing is scheduled" in shell.terminal("retries", "list").finish()
    assert shell.run("dead-letters", "list").split()[:2] == ["ref", "destination"]


def test_an_editor_is_a_look_in_clear_and_stands_in_the_audit_saved_or_not(letters: redis_py.Redis, shell: Any) -> None:
    shell.environment["EDITOR"] = "true"
    assert "nothing changed" in shell.run("dead-letters", "edit", "03-0", check=False)
    (told,) = json.loads(shell.run("audit", "--json"))
    assert (told["action"], told["details"]) == ("reveal", {"ref": "03-0", "for": "editing"})


def test_a_plan_says_how_many_by_what_and_how_many_would_stay(letters: redis_py.Redis, shell: Any) -> None:
    text = shell.run("dead-letters", "replay", "--all", "--dry-run")
    assert "stores: 30 would be replayed (rejected 30)" in text
    assert "app" not in text
    assert "nothing matches" in shell.run("dead-letters", "replay", "--reason", "partial", "--dry-run")
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
