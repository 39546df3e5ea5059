"""The image's own steps, taken outside an engine: install from the lock, copy, become its user, run its commands."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from worker.sandbox import Sandbox

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text()
USER = int(re.findall(r"^USER (\d+)$", DOCKERFILE, re.MULTILINE)[0])


def _python_and_user() -> tuple[str, dict[str, Any]]:
    """Return a Python that the image's user may run, and how to become that user.

    Only root can, and root's own Python may lie where nobody else may look. Then it is run as who we are.
    """
    ours = str(Path(sys.base_prefix) / "bin" / "python3")
    if os.geteuid() != 0:
        return ours, {}
    user = {"user": USER, "group": USER, "extra_groups": []}
    for python in (ours, "/usr/bin/python3"):
        line = [python, "-c", "import sys, ensurepip; sys.exit(sys.version_info < (3, 11))"]
        try:
            if subprocess.run(line, cwd="/", capture_output=True, check=False, **user).returncode == 0:
                return python, user
        except OSError:
            continue
    return ours, {}


class Image:
    """A folder with /venv and /app as the image has them, and processes that run as its user in it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.app, self.venv = folder, folder / "app", folder / "venv"
        self.running: list[subprocess.Popen[str]] = []
        self.python, self.user = _python_and_user()

    def install(self) -> None:
        subprocess.run([self.python, "-m", "venv", self.venv], check=True)
        (options,) = re.findall(r"/venv/bin/pip install (.*) -r \S+$", DOCKERFILE, re.MULTILINE)
        # What was fetched for this environment already is not fetched again; an engine would.
        words = [each for each in shlex.split(options) if each != "--no-cache-dir"]
        line = [self.venv / "bin" / "pip", "install", "-qq", *words, "-r", ROOT / "requirements.lock"]
        subprocess.run(line, check=True, timeout=250, stderr=subprocess.DEVNULL)

    def copy(self) -> None:
        self.app.mkdir()
        for source, target in re.findall(r"^COPY (?!--from)(\S+) (?!/)(\S+)$", DOCKERFILE, re.MULTILINE):
            shutil.copytree(ROOT / source, self.app / target, ignore=shutil.ignore_patterns("__pycache__"))
        (self.folder / "tmp").mkdir()
        (self.folder / "tmp").chmod(0o777)

    def environment(self) -> dict[str, str]:
        (line,) = re.findall(r"^ENV (.*)$", DOCKERFILE, re.MULTILINE)
        settings = dict(each.split("=", 1) for each in shlex.split(line))
        settings["PATH"] = settings["PATH"].replace("/venv", str(self.venv)).replace("$PATH", os.defpath)
        return {**settings, "HOME": str(self.app), "TMPDIR": str(self.folder / "tmp")}

    def start(self, line: list[str], **environment: str) -> subprocess.Popen[str]:
        settings = {**self.environment(), **environment}
        process = subprocess.Popen(
            [shutil.which(line[0], path=settings["PATH"]) or line[0], *line[1:]],
            cwd=self.app,
            env=settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **self.user,
        )
        self.running.append(process)
        return process

    def files(self) -> set[str]:
        return {str(path.relative_to(self.app)) for path in self.app.rglob("*")}


@pytest.fixture
def image() -> Iterator[Image]:
    # Not below pytest's folder, which nobody but its user may enter.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        made = Image(Path(folder))
        yield made
        for process in made.running:
            if process.poll() is None:
                process.kill()
            process.communicate()


def _line(instruction: str) -> list[str]:
    words: list[str] = json.loads(re.findall(rf"^{instruction} .*?(\[.*\])$", DOCKERFILE, re.MULTILINE)[0])
    return words


@pytest.mark.timeout(600)
def test_worker_pages_and_health_check_run_as_its_user_and_write_nothing_beside_temporary_files(
    image: Image, own_server: Any, sandbox: Sandbox, order_completed: Callable[..., dict[str, Any]]
) -> None:
    image.install()
    image.copy()
    config = (ROOT / "examples" / "destinations.toml").read_text()
    (image.app / "destinations.toml").write_text(config.replace("http://127.0.0.1:8900/open_api/v1.3/", sandbox.url))
    server = type(own_server)(own_server.binary, image.folder / "redis")
    server.folder.mkdir()
    server.start("--unixsocketperm", "777")
    try:
        before = image.files()
        environment = {"REDIS_URL": server.url, "TIKTOK_ACCESS_TOKEN": "token-of-the-test"}
        worker = image.start(_line("CMD"), **environment)
        web = image.start(["python", "-m", "worker", "web", "--port", "0"], **environment)
        enqueue = ["python", "-m", "tiktok_events", "enqueue", "--destination", "stores", "-"]
        lines = json.dumps(order_completed(1))
        done = subprocess.run(
            enqueue,
            cwd=image.app,
            env={**os.environ, **image.environment(), **environment},
            input=lines,
            text=True,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        _until(lambda: sandbox.deliveries == {"message-1": 1}, worker)
        assert web.stdout is not None
        url = re.findall(r"http://\S+", web.stdout.readline())[0]
        assert requests.get(f"{url}readyz", timeout=30).status_code == 200
        health = image.start(_line("HEALTHCHECK"), **environment)
        assert health.communicate(timeout=90) == ("healthy\n", None)
        assert health.returncode == 0
        for process in (worker, web):
            process.send_signal(signal.SIGTERM)
            assert process.wait(90) == 0
        assert image.files() == before
    finally:
        server.kill()


def _until(done: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 120
    while not done():
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            raise AssertionError(process.communicate()[0][-4000:])
        time.sleep(0.05)
