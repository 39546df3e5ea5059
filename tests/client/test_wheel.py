"""The wheel holds the door alone, and lives beside a host that has its own `tasks`, `worker` and `schemas`."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: The first Python that the wheel may be installed on.
_OLDEST = (3, 10)


def _pythons() -> list[str]:
    """This Python, and the others to be had on this machine."""
    found = {sys.version_info[:2]: sys.executable}
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for minor in range(10, 15):
        kept = [str(path) for path in pyenv.glob(f"versions/3.{minor}.*/bin/python3")]
        for path in filter(None, (shutil.which(f"python3.{minor}"), *kept)):
            asked = [path, "-c", f"import sys, venv; print(sys.version_info >= {_OLDEST})"]
            told = subprocess.run(asked, capture_output=True, check=False).stdout.strip()
            if told == b"True":
                found.setdefault((3, minor), path)
    return list(found.values())


def run(*line: str | Path, folder: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "REDIS"))}
    done = subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build it from a copy, as the build writes beside its sources."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("tiktok_events", "worker", "tasks", "schemas"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    run(*pip, "wheel", ".", "--no-deps", "--no-build-isolation", "--wheel-dir", "built", folder=folder)
    (built,) = (folder / "built").glob("*.whl")
    return built


def link_installed(name: str, into: Path, done: set[str]) -> None:
    """Lend a distribution of this environment, with what it requires, to another one."""
    if name.lower() in done:
        return
    done.add(name.lower())
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:  # for another platform or Python
        return
    for file in distribution.files or ():
        top = file.parts[0]
        if top not in ("..", "__pycache__") and not (into / top).exists():
            (into / top).symlink_to(Path(str(distribution.locate_file(top))))
    for requirement in distribution.requires or ():
        if "extra ==" not in requirement:
            link_installed(re.split(r"[^\w.-]", requirement, maxsplit=1)[0], into, done)


def new_environment(folder: Path, python: str, wheel: Path, *lent: str) -> Path:
    """Make an environment that has the wheel and these distributions, and return its Python."""
    run(python, "-m", "venv", "--without-pip", "environment", folder=folder)
    own = folder / "environment" / "bin" / "python"
    (packages,) = (folder / "environment" / "lib").glob("python3*/site-packages")
    done: set[str] = set()
    for name in lent:
        link_installed(name, packages, done)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "--python", own]
    run(*pip, "install", "--no-index", wheel, folder=folder)
    return own


def test_the_wheel_holds_the_client_only(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top.partition("-")[0] for top in tops} == {"tiktok_events"}
    sources = {f"tiktok_events/{path.name}" for path in (ROOT / "tiktok_events").iterdir() if path.is_file()}
    assert {name for name in names if name.startswith("tiktok_events/")} == sources
    assert {"tiktok_events/py.typed", "tiktok_events/enqueue.lua"} <= sources


HOST = {
    "schemas.py": "owner = 'host'\n",
    "worker.py": "owner = 'host'\n",
    "tasks.py": (
        "from celery import Celery, shared_task\n"
        "from tiktok_events import enqueue\n"
        "app = Celery('shop', broker='memory://', set_as_current=True)\n"
        "app.conf.task_always_eager = True\n"
        "@shared_task\n"
        "def paid(number):\n"
        "    return enqueue({'event': 'Order Completed', 'messageId': number}, destination='stores')\n"
    ),
    "check.py": (
        "import celery, schemas, tasks, worker\n"
        "import tiktok_events\n"
        "from tiktok_events.testing import capture\n"
        "assert schemas.owner == worker.owner == 'host'\n"
        "with capture('stores') as captured:\n"
        "    assert tasks.paid.delay('order-1').get() == 'order-1'\n"
        "    with tiktok_events.Producer('redis://127.0.0.1:1', wake=True) as producer:\n"
        "        producer.enqueue({}, destination='stores')\n"
        "assert [each.id for each in captured][0] == 'order-1'\n"
        "assert celery.current_app._get_current_object() is tasks.app\n"
        "assert not [name for name in tasks.app.tasks if name.startswith('tiktok')]\n"
        "print(tiktok_events.__file__)\n"
    ),
}


def test_it_lives_beside_a_host_with_a_celery_app_and_modules_of_those_names(wheel: Path, tmp_path: Path) -> None:
    python = new_environment(tmp_path, sys.executable, wheel, "redis", "celery")
    host = tmp_path / "host"
    host.mkdir()
    for name, content in HOST.items():
        (host / name).write_text(content)
    printed = run(python, "-W", "error", "check.py", folder=host)
    assert Path(printed.strip()).is_relative_to(tmp_path / "environment")


@pytest.mark.parametrize("python", _pythons())
def test_redis_with_what_that_requires_is_all_it_needs_on_every_python_here(
    wheel: Path, tmp_path: Path, python: str
) -> None:
    own = new_environment(tmp_path, python, wheel, "redis")
    script = (
        "import asyncio, tiktok_events as t\n"
        "from tiktok_events.testing import capture\n"
        "async def app():\n"
        "    async with t.AsyncProducer() as producer:\n"
        "        await producer.enqueue_many([{'messageId': str(n)} for n in range(300)], destination='stores')\n"
        "with capture() as captured:\n"
        "    t.enqueue({'email': 'ada'}, destination='stores')\n"
        "    asyncio.run(app())\n"
        "print(len(captured))\n"
        "try: t.Producer('redis://127.0.0.1:1').enqueue({}, destination='stores')\n"
        "except t.EnqueueError as error: print(type(error).__name__)\n"
    )
    assert run(own, "-W", "error", "-c", script, folder=tmp_path).split() == ["301", "Unavailable"]
    assert "enqueue" in run(own, "-m", "tiktok_events", "--help", folder=tmp_path)
