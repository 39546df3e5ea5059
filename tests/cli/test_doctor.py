"""`doctor` says of each thing whether it passes, and what to do where it does not."""

from __future__ import annotations

import json
from typing import Any

import redis as redis_py


def test_what_fails_is_red_and_the_exit_code_says_so(redis: redis_py.Redis, shell: Any) -> None:
    redis.config_set("appendonly", "no")
    terminal = shell.terminal("doctor", columns=160)
    text = terminal.finish()
    assert terminal.process.returncode == 1
    assert terminal.style("FAIL") == ("red", True)
    assert terminal.style("PASS")[0] == "green"
    (line,) = [line for line in text.splitlines() if "append-only file" in line]
    assert "set appendonly yes" in line
    assert " 1 fail" in text


def test_faults_of_the_configuration_are_lines_among_the_others(redis: redis_py.Redis, shell: Any) -> None:
    shell.environment["TIKTOK_ACCESS_TOKEN"] = ""
    found = json.loads(shell.run("doctor", "--json", check=False))
    (fault,) = [each for each in found if each["subject"] == "configuration"]
    assert fault["state"] == "fail"
    assert "TIKTOK_ACCESS_TOKEN" in fault["detail"]
    assert any(each["subject"] == "redis version" for each in found)


def test_a_redis_that_is_away_is_told_in_a_line(shell: Any) -> None:
    shell.environment["REDIS_URL"] = "redis://127.0.0.1:1"
    text = shell.run("doctor", check=False)
    assert "does not answer" in text
    assert "Traceback" not in text
    assert "\x1b" not in text
