"""The list of parts that `make sbom` writes holds every locked package, with its version and all its hashes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tomllib

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    file = tmp_path_factory.mktemp("sbom") / "sbom.cdx.json"
    (line,) = re.findall(r"^\t\$\(BIN\)/(cyclonedx-py .*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    command, *words = line.split()
    words[words.index("-o") + 1] = str(file)
    subprocess.run([str(Path(sys.executable).parent / command), *words], cwd=ROOT, check=True, capture_output=True)
    read: dict[str, Any] = json.loads(file.read_text())
    return read


def locked() -> dict[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        if match := re.match(r"([\w.-]+)==([^\s;]+)", line):
            here = found[match[1], match[2]] = set()
        here |= set(re.findall(r"--hash=sha256:([0-9a-f]{64})", line))
    return found


def test_every_locked_package_is_in_it_and_no_other(parts: dict[str, Any]) -> None:
    listed = {
        (each["name"], each["version"]): {
            hashed["content"]
            for reference in each["externalReferences"]
            for hashed in reference.get("hashes", [])
            if hashed["alg"] == "SHA-256"
        }
        for each in parts["components"]
    }
    assert listed == locked()
    assert len(listed) > 20
    assert all(listed.values())


def test_it_says_of_what_it_is_and_in_which_form(parts: dict[str, Any]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    whole = parts["metadata"]["component"]
    assert (whole["name"], whole["version"]) == (project["name"], project["version"])
    assert parts["bomFormat"] == "CycloneDX"
