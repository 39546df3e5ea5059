"""`make run` starts a sandbox, a worker and the pages from one command; an event arrives and a page answers."""

from __future__ import annotations

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
import requests

ROOT = Path(__file__).parents[2]
PROCFILES = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("Procfile", "examples/Procfile")}


def processes(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w-]+): *(.+)$", PROCFILES[name], re.MULTILINE))


def test_the_procfile_has_what_a_platform_starts_and_the_example_a_tiktok_beside_it() -> None:
    assert set(processes("Procfile")) == {"worker", "web"}
    assert set(processes("examples/Procfile")) == {"sandbox", "worker", "web"}
    for name, line in processes("Procfile").items():
        assert processes("examples/Procfile")[name].startswith(line)


def test_any_procfile_runner_reads_it() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "honcho", "check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "worker, web" in done.stdout + done.stderr


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A `.venv` as `make setup` leaves it, of what this environment has."""
    folder = tmp_path / "venv"
    folder.mkdir()
    for name in ("bin", "lib", "include", "pyvenv.cfg"):
        (folder / name).symlink_to(Path(sys.prefix) / name)
    for stamp in (".worker", ".dev"):
        (folder / stamp).touch()
    return folder


@pytest.fixture
def running(installed: Path, tmp_path: Path) -> Iterator[dict[str, Any]]:
    ports = {"SANDBOX_PORT": str(free_port()), "WEB_PORT": str(free_port())}
    config = tmp_path / "destinations.toml"
    example = (ROOT / "examples" / "destinations.toml").read_text(encoding="utf-8")
    config.write_text(example.replace("127.0.0.1:8900", f"127.0.0.1:{ports['SANDBOX_PORT']}"))
    state = Path("/tmp") / f"run-{os.getpid()}"
    environment = {**os.environ, **ports, "XDG_STATE_HOME": str(state), "TMPDIR": str(tmp_path)}
    environment |= {"REDIS_URL": "redis://127.0.0.1:1", "CELERY_BROKER_URL": "redis://127.0.0.1:1"}
    output = tmp_path / "output"
    with output.open("wb") as log:
        process = subprocess.Popen(
            ["make", "--no-print-directory", "run", f"VENV={installed}", f"CONFIG={config}"],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    del environment["REDIS_URL"], environment["CELERY_BROKER_URL"]
    yield {"process": process, "output": output, "environment": environment, **ports}
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    shutil.rmtree(state, ignore_errors=True)


def test_an_event_is_delivered_a_page_answers_and_ctrl_c_ends_it_all(
    running: dict[str, Any], order_completed: Callable[..., dict[str, Any]]
) -> None:
    def until(done: Callable[[], bool]) -> None:
        end = time.monotonic() + 120
        while not done():
            assert running["process"].poll() is None, running["output"].read_text()[-4000:]
            assert time.monotonic() < end, running["output"].read_text()[-4000:]
            time.sleep(0.1)

    def page() -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{running['WEB_PORT']}/readyz", timeout=30).ok
        except requests.ConnectionError:
            return False

    until(page)
    enqueue = [sys.executable, "-m", "tiktok_events", "enqueue", "--destination", "stores", "-"]
    done = subprocess.run(
        enqueue,
        input=orjson.dumps(order_completed(1)),
        cwd=ROOT,
        env=running["environment"],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = f"http://127.0.0.1:{running['SANDBOX_PORT']}/_sandbox/stats"
    until(lambda: requests.get(told, timeout=30).json()["unique_events"] == 1)
    front = requests.get(f"http://127.0.0.1:{running['WEB_PORT']}/", headers={"Accept": "text/html"}, timeout=30)
    assert front.status_code == 200
    assert "stores" in front.text
    os.killpg(running["process"].pid, signal.SIGINT)
    running["process"].wait(90)
