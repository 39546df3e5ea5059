"""What holds of the image without an engine: its files exist, its command is the Procfile's, its Redis is safe."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import redis as redis_py

from worker.checkup import of_redis
from worker.cli.main import main as commands

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text()


def test_every_file_that_is_copied_exists_and_every_package_is() -> None:
    copied = {source for source, _ in re.findall(r"^COPY (?!--from)(\S+) (\S+)$", DOCKERFILE, re.MULTILINE)}
    assert {name for name in copied if not (ROOT / name).exists()} == set()
    assert copied >= {"tiktok_events", "schemas", "worker", "tasks", "requirements.lock"}


def test_it_runs_what_the_procfile_names_and_not_as_root() -> None:
    command = json.loads(re.findall(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE)[0])
    procfile = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
    assert " ".join(command) == procfile["worker"]
    assert re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE) == ["worker"]


def test_its_redis_settings_pass_the_doctor(own_server: Any) -> None:
    own_server.kill()
    settings = [
        line.split(" ", 1)
        for line in (ROOT / "docker" / "redis.conf").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    own_server.start(*(part for name, value in settings for part in (f"--{name}", value.strip('"'))))
    with redis_py.Redis.from_url(own_server.url) as client:
        states = {finding.subject: finding.state for finding in of_redis(client)}
        assert client.config_get("maxmemory")["maxmemory"] == "2147483648"
    assert set(states.values()) == {"pass"}


def test_its_health_check_is_a_command_that_exists() -> None:
    (line,) = re.findall(r"^HEALTHCHECK .*CMD (.*)$", DOCKERFILE, re.MULTILINE)
    python, *module, command = json.loads(line)
    assert (python, module) == ("python", ["-m", "worker"])
    assert command in commands.commands
