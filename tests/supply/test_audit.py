"""A known vulnerability fails `make lint`; an index that knows nothing, or is silent, is told and fails nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
LOCK = f"""jmespath==1.0.1 \\
    --hash=sha256:{"0" * 64}
click==8.1.0 \\
    --hash=sha256:{"1" * 64}
"""


class Advisories:
    """An index with advisories on loopback, of the form that OSV has."""

    def __init__(self) -> None:
        self.known: dict[str, list[dict[str, Any]]] = {}
        self.asked: list[str] = []
        here = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                name = query["package"]["name"]
                here.asked.append(name)
                body = json.dumps({"vulns": here.known[name]} if name in here.known else {}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/query"


@pytest.fixture
def advisories() -> Iterator[Advisories]:
    made = Advisories()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def audit(folder: Path, url: str, **environment: str) -> subprocess.CompletedProcess[str]:
    lock = folder / "some.lock"
    lock.write_text(LOCK)
    return subprocess.run(
        [sys.executable, str(ROOT / ".ci" / "audit.py"), "-s", "osv", "--osv-url", url, str(lock)],
        env={**os.environ, "AUDIT_REQUIRED": "", **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_is_locked_is_asked_for_and_found_to_be_well(advisories: Advisories, tmp_path: Path) -> None:
    done = audit(tmp_path, advisories.url)
    assert (done.returncode, done.stdout) == (0, "audit of some.lock: nothing is known against 2 packages\n"), done
    assert sorted(advisories.asked) == ["click", "jmespath"]


def test_a_known_vulnerability_is_a_failure_that_names_it(advisories: Advisories, tmp_path: Path) -> None:
    package = {"name": "jmespath", "ecosystem": "PyPI"}
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.1.0"}]}]
    advisories.known["jmespath"] = [
        {
            "id": "PYSEC-2026-1",
            "modified": "2026-01-01T00:00:00Z",
            "published": "2026-01-01T00:00:00Z",
            "affected": [{"package": package, "ranges": ranges, "versions": ["1.0.1"]}],
        }
    ]
    done = audit(tmp_path, advisories.url)
    assert done.returncode == 1
    assert "jmespath 1.0.1: PYSEC-2026-1, mended in 1.1.0" in done.stderr


@pytest.mark.parametrize(("required", "code"), [("", 0), ("1", 1)])
def test_where_nobody_answers_a_line_says_so(required: str, code: int, tmp_path: Path) -> None:
    done = audit(tmp_path, "http://127.0.0.1:1/", AUDIT_REQUIRED=required)
    assert done.returncode == code
    assert "skipped, no index with advisories answered" in done.stdout + done.stderr


def test_lint_asks_for_the_lock_that_holds_every_package() -> None:
    assert ".ci/audit.py requirements-dev.lock" in (ROOT / "Makefile").read_text()
    locked = [
        {line.split("==")[0] for line in (ROOT / name).read_text().splitlines() if "==" in line and line[0] != " "}
        for name in ("requirements.lock", "requirements-dev.lock")
    ]
    assert locked[0] <= locked[1]
