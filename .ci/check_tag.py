"""Is this tag the version of pyproject.toml and of the worker, and does the changelog have a section for it?

python .ci/check_tag.py v1.2.3
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import tomllib

ROOT = Path(__file__).parents[1]


def faults(tag: str) -> list[str]:
    """Return what keeps `tag` from being released."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    changes = (ROOT / "CHANGELOG.md").read_text()
    found = []
    if tag != f"v{version}":
        found.append(f"pyproject.toml says {version}")
    if f'VERSION = "{version}"' not in (ROOT / "worker" / "release.py").read_text():
        found.append("worker/release.py says another version")
    if not re.search(rf"^## {re.escape(version)} - \d{{4}}-\d\d-\d\d$", changes, re.MULTILINE):
        found.append(f"CHANGELOG.md has no section «{version} - YYYY-MM-DD»")
    return found


if __name__ == "__main__":
    sys.exit("\n".join(faults(sys.argv[1])))
