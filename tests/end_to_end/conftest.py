"""Real Celery workers on a Redis of their own, and a sandbox TikTok: what a user would run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from worker.connection import connect
from worker.overview import Overview, look
from worker.sandbox import Sandbox

ROOT = Path(__file__).parents[2]


class Fleet:
    """Worker processes, the commands of a person, and what can be seen of both."""

    def __init__(self, url: str, config: Path, folder: Path, *, broker_url: str = "") -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "REDIS_URL": url,
            "CELERY_BROKER_URL": broker_url,
            "TIKTOK_EVENTS_CONFIG": str(config),
            "TIKTOK_ACCESS_TOKEN": "token-of-the-test",
            "SENTRY_DSN": "",
        }
        self.redis = connect(url)
        self.workers: list[subprocess.Popen[bytes]] = []

    def start(self, *, concurrency: int = 2, pool: str = "prefork", root: Path = ROOT) -> subprocess.Popen[bytes]:
        log = (self.folder / f"worker-{len(self.workers)}.log").open("wb")
        command = [
            sys.executable,
            "-m",
            "celery",
            "-A",
            "worker",
            "worker",
            "--pool",
            pool,
            "-n",
            f"w{len(self.workers)}@test",
        ]
        command += ["--concurrency", str(concurrency), "--without-gossip", "--without-mingle"]
        # A group of its own, so that a kill takes the children, too, as a machine's death would.
        process = subprocess.Popen(
            command, cwd=root, env=self.environment, stdout=log, stderr=log, start_new_session=True
        )
        log.close()
        self.workers.append(process)
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def log(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self.folder.glob("worker-*.log")))

    def run(self, *arguments: str, given: str | None = None, check: bool = True) -> str:
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, done.stderr
        return done.stdout if check else done.stdout + done.stderr

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run("worker", *arguments, "--json"))

    def look(self, destination: str = "stores") -> Overview:
        return look(self.redis, destination, now=time.time())

    def wait(self, done: Callable[[Overview], bool], *, seconds: float = 120, destination: str = "stores") -> Overview:
        end = time.monotonic() + seconds
        now: Overview | None = None
        while True:
            # On a busy machine Sentinels may take a master for dead that only stood still, and know none for a moment.
            with suppress(RedisConnectionError):
                if done(now := self.look(destination)):
                    return now
            assert time.monotonic() < end, f"{now}\n{self.log()[-4000:]}"
            time.sleep(0.05)

    def stop(self) -> None:
        for process in self.workers:
            if process.poll() is None:
                self.kill(process)
        self.redis.close()


MakeFleet = Callable[..., Fleet]


@pytest.fixture
def make_fleet(own_server: Any, sandbox: Sandbox, tmp_path: Path) -> Iterator[MakeFleet]:
    made: list[Fleet] = []

    def make(
        settings: str = "",
        *,
        source: str = "segment",
        kind: str = "events",
        event_source_id: str = "7654321098765432109",
        more: str = "",
        url: str | None = None,
        redis_url: str | None = None,
        broker_url: str = "",
    ) -> Fleet:
        config = tmp_path / "destinations.toml"
        config.write_text(
            f"""
[credentials.main]
access_token = "${{TIKTOK_ACCESS_TOKEN}}"
[destinations.stores]
kind = "{kind}"
source = "{source}"
credentials = "main"
event_source_id = "{event_source_id}"
base_url = "{url or sandbox.url}"
default_region = "US"
{settings}
{more}
"""
        )
        fleet = Fleet(redis_url or own_server.url, config, tmp_path, broker_url=broker_url)
        made.append(fleet)
        return fleet

    yield make
    for fleet in made:
        fleet.stop()
