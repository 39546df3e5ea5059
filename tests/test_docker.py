"""What holds of the image without an engine: its user, its command, its Redis, and what compose takes from it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import redis as redis_py
import yaml

from worker.checkup import of_redis
from worker.cli.main import main as commands
from worker.config.schema import DestinationSchema

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())
BIN = Path(sys.executable).parent


def test_every_file_that_is_copied_exists_and_every_package_is() -> None:
    copied = {source for source, _ in re.findall(r"^COPY (?!--from)(\S+) (\S+)$", DOCKERFILE, re.MULTILINE)}
    assert {name for name in copied if not (ROOT / name).exists()} == set()
    assert copied >= {"tiktok_events", "schemas", "worker", "tasks", "requirements.lock"}


def test_it_runs_what_the_procfile_names_and_not_as_root() -> None:
    command = json.loads(re.findall(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE)[0])
    (worker,) = re.findall(r"^worker: (.*)$", (ROOT / "Procfile").read_text(), re.MULTILINE)
    assert " ".join(command) == worker
    (user,) = re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)
    assert user.isdecimal()
    assert int(user) > 0
    assert f"--uid {user} " in DOCKERFILE


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
    assert command in commands.list_commands(click.Context(commands))


def test_what_its_python_may_not_compile_later_is_compiled_in_it() -> None:
    copied = re.findall(r"^COPY (?!--from)(\w+) \1$", DOCKERFILE, re.MULTILINE)
    (line,) = re.findall(r"^RUN python -m compileall -q (.*)$", DOCKERFILE, re.MULTILINE)
    assert "PYTHONDONTWRITEBYTECODE=1" in DOCKERFILE
    assert sorted(line.split()) == sorted(copied)
    assert DOCKERFILE.index(line) < DOCKERFILE.index("\nUSER ")


@pytest.mark.skipif(not (BIN / "hadolint").exists(), reason="hadolint has no binary for this machine")
def test_hadolint_finds_no_fault() -> None:
    done = subprocess.run([BIN / "hadolint", ROOT / "docker" / "Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_compose_file_keeps_to_its_schema() -> None:
    line = [BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", ROOT / "docker" / "compose.yaml"]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_every_service_is_without_root_rights_and_writes_to_memory_only(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all("noexec" in each for each in service["tmpfs"])
    assert not {"privileged", "cap_add", "pid", "ipc", "devices"} & set(service)
    assert service["image"] == "tiktok-events-worker" or service["user"] == "redis"
    writable = [each for each in service.get("volumes", []) if not each.endswith(":ro")]
    assert writable == (["redis-data:/data"] if name == "redis" else [])


def test_redis_is_reached_by_nobody_outside_and_the_pages_by_this_machine_only() -> None:
    services = COMPOSE["services"]
    assert services["redis"]["networks"] == ["data"]
    assert COMPOSE["networks"]["data"] == {"internal": True}
    ports = {name: service.get("ports", []) for name, service in services.items()}
    assert ports.pop("web") == ["127.0.0.1:8000:8000"]
    assert not any(ports.values())


@pytest.mark.parametrize("name", ["web", "sandbox"])
def test_the_commands_of_the_services_are_ones_that_exist(name: str) -> None:
    python, dash, module, command, *options = shlex.split(COMPOSE["services"][name]["command"])
    assert (python, dash, module) == ("python", "-m", "worker")
    found = commands.get_command(click.Context(commands), command)
    assert found is not None
    with found.make_context(command, options):
        pass


def test_a_worker_has_the_time_to_settle_what_it_sends() -> None:
    grace = re.fullmatch(r"(\d+)s", COMPOSE["services"]["worker"]["stop_grace_period"])
    assert grace is not None
    defaults = DestinationSchema().fields
    needed = defaults["take_back_after_seconds"].load_default / 2 + defaults["timeout_seconds"].load_default
    assert int(grace[1]) > needed
