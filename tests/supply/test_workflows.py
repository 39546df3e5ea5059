"""What forges and hooks run is well-formed, safe, and names targets, files, versions and commands that exist."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomllib
import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github"
BIN = Path(sys.executable).parent
FILES = sorted((FOLDER / "workflows").glob("*.yml"))
WORKFLOWS: dict[str, Any] = {file.stem: yaml.safe_load(file.read_text(encoding="utf-8")) for file in FILES}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def run(*line: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    settings = {**os.environ, **environment}
    return subprocess.run(line, cwd=ROOT, env=settings, capture_output=True, text=True, check=False)


def _jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for workflow in WORKFLOWS.values():
        yield from workflow["jobs"].items()


def _steps() -> Iterator[dict[str, Any]]:
    for _, job in _jobs():
        yield from job.get("steps", ())


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("github-workflows", FILES),
        ("dependabot", [FOLDER / "dependabot.yml"]),
        ("github-issue-forms", [FOLDER / "ISSUE_TEMPLATE" / name for name in ("fault.yml", "wish.yml")]),
        ("github-issue-config", [FOLDER / "ISSUE_TEMPLATE" / "config.yml"]),
    ],
)
def test_it_keeps_to_its_schema(schema: str, files: list[Path]) -> None:
    assert files
    done = run(BIN / "check-jsonschema", "--builtin-schema", f"vendor.{schema}", *files)
    assert done.returncode == 0, done.stdout


def test_zizmor_finds_nothing_unsafe() -> None:
    done = run(BIN / "zizmor", "--offline", "--no-progress", "--quiet", ".github", ".pre-commit-config.yaml")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_actions_are_pinned_by_commit_with_their_version_beside(file: Path) -> None:
    used = re.findall(r"uses: (\S+)(.*)", file.read_text(encoding="utf-8"))
    assert used
    for name, comment in used:
        if not name.startswith("./"):
            assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", name)
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment)


def test_nothing_has_rights_that_its_job_does_not_name_and_none_runs_for_ever() -> None:
    assert all(workflow["permissions"] == {} for workflow in WORKFLOWS.values())
    for name, job in _jobs():
        assert job["permissions"], name
        assert "uses" in job or job["timeout-minutes"] <= 90, name


def test_only_a_tag_can_write_and_only_after_everything_has_passed() -> None:
    assert WORKFLOWS["release"][True] == {"push": {"tags": ["v[0-9]*"]}}
    assert not any(
        right == "write" for job in WORKFLOWS["ci"]["jobs"].values() for right in job["permissions"].values()
    )
    needs = {name: job.get("needs") for name, job in WORKFLOWS["release"]["jobs"].items()}
    assert needs == {"ci": None, "build": "ci", "pypi": "build", "image": "build", "publish": ["pypi", "image"]}


def test_what_is_built_is_attested() -> None:
    for name in ("build", "image"):
        job = WORKFLOWS["release"]["jobs"][name]
        assert {"id-token", "attestations"} <= set(job["permissions"])
        assert any("attest-build-provenance" in step.get("uses", "") for step in job["steps"])


def test_every_python_that_is_promised_is_tried() -> None:
    matrix = {name: WORKFLOWS["ci"]["jobs"][name]["strategy"]["matrix"] for name in ("test", "client")}
    assert matrix["test"]["python"] == ["3.11", "3.12", "3.13"]
    assert matrix["client"]["python"] == ["3.10", "3.11", "3.12", "3.13", "3.14"]
    assert PROJECT["requires-python"] == f">={matrix['client']['python'][0]}"


@pytest.mark.parametrize("job", ["test", "client"])
def test_the_oldest_and_the_newest_servers_are_tried(job: str) -> None:
    matrix = WORKFLOWS["ci"]["jobs"][job]["strategy"]["matrix"]
    tried = {*matrix["server"], *(each["server"] for each in matrix["include"])}
    assert {each.partition(":")[0] for each in tried} == {"redis", "valkey/valkey"}
    assert {each.split(":")[1].split(".")[0] for each in tried if each.startswith("redis")} == {"6", "7", "8"}


def test_the_commands_of_steps_name_what_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for step in _steps():
        for line in step.get("run", "").splitlines():
            words = line.split()
            if words[:1] == ["make"]:
                assert {word for word in words[1:] if "=" not in word} <= targets, line
            for path in re.findall(r"(?<!\S)(?:\.ci|docker|examples)/[\w./-]+", line):
                assert (ROOT / path).exists(), path


def test_a_releases_tools_are_locked() -> None:
    locked = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8")
    for name in ("build", "wheel", "setuptools"):
        assert re.search(rf"^{name}==", locked, re.MULTILINE)


@pytest.mark.usefixtures("redis")
def test_the_client_is_tried_by_storing_events_in_every_way(redis_url: str) -> None:
    done = run(sys.executable, "-W", "error", ".ci/try_client.py", PYTHONPATH=str(ROOT), REDIS_URL=redis_url)
    assert done.returncode == 0, done.stderr
    assert "602 events stored by Python" in done.stdout


@pytest.mark.parametrize(
    ("tag", "version", "changes", "expected"),
    [
        ("v0.1.0", "0.1.0", "## 0.1.0 - 2026-11-30\n", 0),
        ("v0.1.0", "0.1.0", "## Unreleased (0.1.0)\n", 1),
        ("v0.2.0", "0.1.0", "## 0.2.0 - 2026-11-30\n", 2),
        ("v0.2.0", "0.2.0", "", 2),
    ],
)
def test_a_tag_is_released_only_if_every_place_says_the_same(
    tag: str, version: str, changes: str, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "worker").mkdir()
    (tmp_path / "pyproject.toml").write_text(f'[project]\nversion = "{version}"\n')
    (tmp_path / "worker" / "release.py").write_text('VERSION = "0.1.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(changes)
    spec = importlib.util.spec_from_file_location("check_tag", ROOT / ".ci" / "check_tag.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    assert len(module.faults(tag)) == expected


def test_hooks_run_the_locked_tools() -> None:
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert repository["repo"] == "local"
    for hook in repository["hooks"]:
        tool = hook["entry"].split()[0]
        assert tool.startswith(".venv/bin/")
        assert (BIN / Path(tool).name).exists()
        assert hook["language"] == "system"
