"""The commands of the pages are run as they stand there, in their order, against real processes.

A page's commands share a folder and an installation that has something of everything: dead letters, retries, a worker.
Servers that a page starts are left running until its end. What stands for something (a REF, a port) is replaced by
what there is; `NOT_RUN` says of every other command why it is not run here.
"""

from __future__ import annotations

import base64
import csv
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import redis as redis_py

from worker.sandbox import Sandbox

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)

# In CI the pages are tried in any case: .ci/run installs a server with its command.
NO_REDIS_CLI = not shutil.which("redis-cli") and not os.environ.get("CI")

NOT_RUN = {
    r"make ": "the Makefile's targets: `make run` in tests/supply/test_run.py, the others are what CI does",
    r"(sudo|docker|kubectl (?!kustomize))": "wants a machine, an engine or a cluster of its own",
    r"python -m benchmarks": "measures for minutes",
    r"opentelemetry-instrument": "the instrumentation is not installed here",
    r"python -m worker (status --watch|forget --phone --external-id)": "wants a terminal: tests/cli has them in one",
}
SERVERS = r"(METRICS_PORT=\S+ )?(celery |python -m worker (web|sandbox)|redis-server )"


def commands(text: str) -> list[str]:
    """The commands of a page: lines after a `$`, or those of a `sh` block, continued ones joined."""
    found = []
    for language, block in FENCE.findall(text):
        if language == "console":
            found += re.findall(r"^\$ (.+)$", block, re.MULTILINE)
        elif language == "sh":
            # A quoted text may go over lines, and so may a command that ends in a backslash.
            whole = re.findall(r"(?:'[^']*'|\\\n|[^'\n])+", block)
            found += [each.strip() for each in whole if each.strip() and not each.startswith("#")]
    return found


PAGES = {
    str(page.relative_to(ROOT)): commands(page.read_text(encoding="utf-8"))
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
}
PAGES = {page: found for page, found in PAGES.items() if any(not re.match("|".join(NOT_RUN), each) for each in found)}

MORE = """
[destinations.app]
kind = "events"
source = "tiktok"
credentials = "main"
event_source_id = "CXAMPLE1234567890PIX"
base_url = "http://127.0.0.1:1/open_api/v1.3/"
[destinations.app.retry]
min_backoff = "10m"
"""


class Installation:
    """A folder, an environment and a Redis with something of everything."""

    def __init__(self, fleet: Any, folder: Path, sandbox: Sandbox) -> None:
        self.fleet, self.folder = fleet, folder
        self.running: list[subprocess.Popen[bytes]] = []
        self.ports = {number: str(_free_port()) for number in ("8000", "9464", "6390")}
        self.ports["8900"] = re.findall(r":(\d+)/", sandbox.url)[0]
        shims = folder / "bin"
        shims.mkdir()
        (shims / "redis-server").symlink_to(str(shutil.which("redis-server")))
        socket_file = fleet.environment["REDIS_URL"].removeprefix("unix://")
        real = shutil.which("redis-cli")
        # Without an address it means the Redis of the pages, which is on a socket here.
        shim = f'#!/bin/sh\ncase " $* " in *" -p "*) exec {real} "$@";; *) exec {real} -s {socket_file} "$@";; esac\n'
        (shims / "redis-cli").write_text(shim)
        (shims / "redis-cli").chmod(0o755)
        self.environment = {
            **fleet.environment,
            "PATH": f"{shims}:{BIN}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            # A person who mends an event.
            "EDITOR": f"cp {folder / 'mended.json'}",
            "LOG_FORMAT": "json",
        }

    def ref(self, key: str) -> str:
        newest = self.fleet.redis.zrange(key, -1, -1)
        assert newest, f"nothing is left in {key}"
        return bytes(newest[0]).decode()

    def job(self) -> str:
        started = self.run("python -m worker dead-letters replay --all --destination stores --rate 1 --detach --yes")
        assert started.returncode == 0, started.stderr
        return self.ref("tiktok-events:{stores}:jobs")

    def meant(self, command: str) -> str:
        """Return what a reader would type in place of `command`."""
        command = command.replace(".venv/bin/", "").replace("--host 0.0.0.0", "--host 127.0.0.1")
        if re.search(r"cancel \d+-\w+$", command):
            return re.sub(r"\d+-\w+$", self.job(), command)
        for number, mine in self.ports.items():
            command = re.sub(rf"(?<!\d){number}(?!\d)", mine, command)
        place = "tiktok-events:{app}:due" if "retries" in command else "tiktok-events:{stores}:dead"
        if re.search(r"\d{13}-0", command):
            command = re.sub(r"\d{13}-0", self.ref(place), command)
        # There is nobody to ask, who would say yes.
        asks = r"(dead-letters (?:replay|discard)(?= --)|retries bury)(?!.*--(?:yes|dry-run))"
        command = re.sub(asks, r"\1 --yes", command)
        return re.sub(r"examples/|docker/", rf"{ROOT}/\g<0>", command)

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def serve(self, command: str) -> None:
        """Start a server, and wait until it listens where the command says."""
        log = self.folder / f"server-{len(self.running)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["bash", "-c", f"exec env {command}"],
                cwd=self.folder,
                # The Procfile's place, where a page names none.
                env={**self.environment, "PORT": self.ports["8000"]},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.running.append(process)
        ports = [port for port in self.ports.values() if re.search(rf"\b{port}\b", command)] or [self.ports["8000"]]
        end = time.monotonic() + 120
        while not _listens(int(ports[0])):
            assert process.poll() is None, f"{command}\n{log.read_text()}"
            assert time.monotonic() < end, f"{command}\n{log.read_text()}"
            time.sleep(0.05)

    def stop(self) -> None:
        for process in self.running:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.running:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.running.clear()


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def installation(
    make_fleet: Callable[..., Any],
    sandbox: Sandbox,
    order_completed: Callable[..., dict[str, Any]],
    tmp_path: Path,
) -> Iterator[Installation]:
    fleet = make_fleet(more=MORE)
    fleet.environment["TIKTOK_EVENTS_ENCRYPTION_KEYS"] = f"k1:{base64.b64encode(bytes(range(32))).decode()}"
    folder = tmp_path / "reader"
    folder.mkdir()
    here = Installation(fleet, folder, sandbox)
    orders = [order_completed(number) for number in range(20)]
    (folder / "events.jsonl").write_bytes(b"\n".join(orjson.dumps(each) for each in orders))
    (folder / "mended.json").write_bytes(orjson.dumps(order_completed(99)))
    with (folder / "orders.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["order_id", "event", "messageId", "product_id"])
        rows.writerows([[number, "Order Completed", f"csv-{number}", "sku"] for number in (1, 1, 2)])
    wrong = [{**each, "context": {}, "messageId": f"wrong-{number}"} for number, each in enumerate(orders)]
    user = {"email": "ada@example.com"}
    late = [{"event": "Lead", "event_id": f"late-{number}", "user": user} for number in range(6)]
    for name, events in (("stores", wrong), ("app", late)):
        given = b"\n".join(orjson.dumps(each) for each in events).decode()
        fleet.run("tiktok_events", "enqueue", "--destination", name, "-", given=given)
    fleet.start()
    fleet.wait(lambda now: now.dead == len(wrong))
    fleet.wait(lambda now: now.scheduled == len(late), destination="app")
    yield here
    here.stop()


@pytest.mark.timeout(900)
@pytest.mark.skipif(NO_REDIS_CLI, reason="redis-cli is not here")
@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_do_what_it_says(page: str, installation: Installation) -> None:
    ran = 0
    for written in PAGES[page]:
        if re.match("|".join(NOT_RUN), written):
            continue
        command = installation.meant(written)
        if re.match(SERVERS, command):
            if not re.search(r"6390|>", written):
                installation.stop()
            installation.serve(command)
        else:
            done = installation.run(command)
            assert done.returncode == 0, f"{written}\n{done.stdout}{done.stderr}"
        ran += 1
    assert ran


@pytest.mark.parametrize("pattern", NOT_RUN)
def test_a_reason_not_to_run_a_command_is_needed(pattern: str) -> None:
    every = [
        each
        for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
        for each in commands(page.read_text(encoding="utf-8"))
    ]
    assert any(re.match(pattern, each) for each in every)


@pytest.mark.skipif(NO_REDIS_CLI, reason="redis-cli is not here")
def test_what_a_backup_holds_is_there_after_the_recovery(installation: Installation) -> None:
    def held(server: redis_py.Redis) -> dict[str, Any]:
        return {
            "dead": server.hgetall("tiktok-events:{stores}:dead:events"),
            "scheduled": server.hgetall("tiktok-events:{app}:scheduled"),
        }

    before = held(installation.fleet.redis)
    assert all(before.values())
    for written in PAGES["docs/deploy.md"]:
        if written.startswith("redis-server"):
            installation.serve(installation.meant(written))
        elif written.startswith("redis-cli"):
            done = installation.run(installation.meant(written))
            assert done.returncode == 0, done.stderr
    with redis_py.Redis(port=int(installation.ports["6390"])) as recovered:
        assert held(recovered) == before
        assert recovered.config_get("appendonly") == {"appendonly": "yes"}
