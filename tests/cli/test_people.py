"""Asked on a terminal, who is meant is not shown."""

from __future__ import annotations

import json
import time
from typing import Any

import redis as redis_py

from worker.dead_letters import Changes, DeadLetter
from worker.envelope import Envelope
from worker.keys import Keys


def test_an_address_is_asked_for_without_being_shown(shell: Any) -> None:
    terminal = shell.terminal("forget", "--email", "--dry-run")
    terminal.wait_for("E-mail address:")
    terminal.type("ada@example.com")
    screen = terminal.finish()
    assert "0 would be removed" in screen
    assert b"ada@" not in terminal.raw


def test_removal_is_asked_about(shell: Any) -> None:
    terminal = shell.terminal("forget", "--external-id")
    terminal.wait_for("External id:")
    terminal.type("17")
    terminal.wait_for("0 events will be removed for good. Go on?")
    terminal.type("n")
    assert "Aborted" in terminal.finish()
    assert "forget" not in shell.run("audit")


def test_a_request_is_one_line_of_the_audit_and_one_more_for_each_destination_that_had_something(
    redis: redis_py.Redis, shell: Any
) -> None:
    envelope = Envelope("1-0", "id", b'{"context": {"traits": {"email": "ada@example.com"}}}', 1)
    Changes(redis, Keys("app")).add(DeadLetter("app", "rejected", "no", envelope, time.time()))
    for command in ("export-person", "forget", "forget"):
        shell.run(command, "--external-id", "nobody-of-ours", "--email", "ada@example.com", "--yes")
    told = [(each["action"], each["destination"]) for each in json.loads(shell.run("audit", "--json"))]
    assert told == [("forget", ""), ("forget", ""), ("forget", "app"), ("export-person", ""), ("export-person", "app")]
    again, whole, part = json.loads(shell.run("audit", "--json"))[:3]
    assert (whole["details"]["dead letters"], whole["details"]["destinations"]) == (1, 3)
    assert whole["details"]["request"] == part["details"]["request"]
    assert "dead letters" not in again["details"]


def test_retention_is_listed(shell: Any) -> None:
    listed = shell.run("status", "--retention")
    assert "index of people" in listed
    assert "90 d, at most 1,000,000" in listed
