"""Asked on a terminal, who is meant is not shown."""

from __future__ import annotations

from typing import Any


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


def test_retention_is_listed(shell: Any) -> None:
    listed = shell.run("status", "--retention")
    assert "index of people" in listed
    assert "90 d, at most 1,000,000" in listed
