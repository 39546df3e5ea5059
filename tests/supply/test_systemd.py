"""The units of systemd run the Procfile's commands, grant time to settle, and take away what is not needed."""

from __future__ import annotations

import re
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docker" / "systemd"
UNITS = {name: FOLDER / f"tiktok-events-{name}.service" for name in ("worker", "web")}


def section(name: str) -> dict[str, str]:
    parser = ConfigParser(strict=True, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(UNITS[name], encoding="utf-8")
    return dict(parser["Service"])


@pytest.mark.parametrize("name", UNITS)
def test_it_runs_the_procfiles_command_as_a_user_of_its_own(name: str) -> None:
    (line,) = re.findall(rf"^{name}: (.*)$", (ROOT / "Procfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert section(name)["ExecStart"] == f"/opt/tiktok-events/.venv/bin/{line}"
    assert section(name)["User"] == "tiktok-events"
    # Settled is what was claimed, before systemd loses patience; a wrong configuration is not tried again.
    assert int(section(name)["TimeoutStopSec"]) >= (60 if name == "worker" else 30)
    assert section(name)["RestartPreventExitStatus"] == "78"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not here")
@pytest.mark.parametrize("name", UNITS)
def test_systemd_understands_it_and_calls_it_little_exposed(name: str) -> None:
    line = ["systemd-analyze", "verify", "--man=no", UNITS[name]]
    told = subprocess.run(line, capture_output=True, text=True, check=False).stderr
    faults = [each for each in told.splitlines() if UNITS[name].name in each and "is not executable" not in each]
    assert faults == []
    line = ["systemd-analyze", "security", "--offline=true", "--threshold=50", UNITS[name]]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-300:]
