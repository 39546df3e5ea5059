"""Does a locked dependency have a known vulnerability? `make lint` asks; no index that answers is no failure.

    python .ci/audit.py [options of pip-audit] LOCKFILE...

Only names, versions and hashes of the lock files are asked for. Exits with 1 if something is found, or, with
AUDIT_REQUIRED set, if nobody answered. pip-audit itself exits with 0 when it knows none of the packages, which is what
a mirror without advisories looks like: here that counts as no answer.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

SECONDS = 120
"""Longest wait for one lock file."""


def main(arguments: list[str]) -> int:
    files = [Path(each) for each in arguments if each.endswith(".lock")]
    options = [each for each in arguments if not each.endswith(".lock")]
    worst = 0
    for file in files:
        found, told = judged(report(file, options))
        print(f"audit of {file.name}: {told}", file=sys.stderr if found else sys.stdout)
        worst = max(worst, found)
    return worst


def report(file: Path, options: list[str]) -> dict[str, Any] | None:
    """Return what pip-audit tells of one lock file, None if it got no answer."""
    line = [sys.executable, "-m", "pip_audit", "--requirement", str(file), "--disable-pip", "--require-hashes"]
    line += ["--format", "json", "--progress-spinner", "off", "--timeout", "5", *options]
    try:
        done = subprocess.run(line, capture_output=True, text=True, timeout=SECONDS, check=False)
        told: dict[str, Any] = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, json.JSONDecodeError):
        return None
    return told


def judged(told: dict[str, Any] | None) -> tuple[int, str]:
    """Return the exit code and a sentence for a report."""
    packages = told["dependencies"] if told else []
    asked = [each for each in packages if "vulns" in each]
    faults = [
        f"{each['name']} {each['version']}: {fault['id']}, mended in {', '.join(fault['fix_versions']) or 'no version'}"
        for each in asked
        for fault in each["vulns"]
    ]
    if faults:
        return 1, "\n  ".join([f"{len(faults)} known vulnerabilities", *faults])
    if not asked:
        return int(bool(os.environ.get("AUDIT_REQUIRED"))), "skipped, no index with advisories answered"
    unknown = f", {len(packages) - len(asked)} are unknown to it" if len(asked) < len(packages) else ""
    return 0, f"nothing is known against {len(asked)} packages{unknown}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
