"""The release that Sentry is told is the project's."""

from __future__ import annotations

from pathlib import Path

import tomllib

from worker.release import VERSION


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["version"] == VERSION
