"""What does the TikTok of a run do wrong, and what does it know afterwards?

Run as a module it is that TikTok: a sandbox that keeps every event and request it got.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from worker.sandbox import serve

POISON_PREFIX = "poison-"

# Share of all requests, by what happens to them: in sum one in five.
TRANSIENT_FAILURES: dict[str, tuple[float, dict[str, Any]]] = {
    "503": (0.06, {"action": "http", "http_status": 503}),
    "50002": (0.03, {"action": "code", "code": 50002}),
    "reset": (0.04, {"action": "reset"}),
    # After these three the events are stored, and the client does not know.
    "reset after accepting": (0.03, {"action": "accept_then_reset"}),
    "answer cut": (0.02, {"action": "truncate", "close": True}),
    "answer too late": (0.02, {"action": "slow", "seconds": 1.5}),
}
ANSWER_LOST = frozenset({"accept_then_reset", "truncate", "slow"})

_INDEX_FORMS = ("documented", "none", "data[N].", "Batch.N.", "out_of_range")
_PAGE = 10_000


def script(seed: int) -> dict[str, Any]:
    """Return the sandbox's script: one request in five fails, poison is always refused."""
    faults: list[dict[str, Any]] = [
        {
            "action": "code",
            "code": 40002,
            "match": {"event_id_prefix": POISON_PREFIX},
            "message": "Invalid value for {index}properties.contents: refused by the chaos run.",
        },
    ]
    left = 1.0
    for share, step in TRANSIENT_FAILURES.values():
        # Each step is asked only about what those before it let pass.
        faults.append({**step, "match": {"path": "event/track/", "probability": share / left}})
        left -= share
    return {"seed": seed, "faults": faults}


class TikTok:
    """The sandbox in a process of its own, for the length of a `with`."""

    def __init__(self, folder: Path, *, seed: int) -> None:
        self._script = folder / "tiktok.json"
        self._script.write_text(json.dumps(script(seed)))
        self._process: subprocess.Popen[str] | None = None
        self._session = requests.Session()
        self._session.trust_env = False
        self.url = ""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "benchmarks.chaos.tiktok", str(self._script)]
        self._process = subprocess.Popen(
            command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        if not self.url:
            raise RuntimeError("the sandbox did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    def stats(self) -> dict[str, Any]:
        """Return the sandbox's counts."""
        return dict(self._get("stats"))

    def deliveries(self) -> dict[str, int]:
        """Return event id to times accepted."""
        return dict(self._get("deliveries"))

    def turn(self, chance: random.Random) -> None:
        """Name the event at fault in another way from now on: TikTok promises none."""
        self._post("settings", {"index_form": chance.choice(_INDEX_FORMS)})

    def throttle(self, requests_: int) -> None:
        """Throttle the next few requests."""
        self._post("faults", {"action": "throttle", "match": {"path": "event/track/"}, "times": requests_})

    def repeats(self) -> tuple[int, int]:
        """Return how many arrivals were repeats: (after an answer that was lost on its way, for another reason)."""
        lost = {record["number"] for record in self._pages("requests") if record["fault"] in ANSWER_LOST}
        before: dict[str, int] = {}
        after_lost = others = 0
        for record in self._pages("events"):
            event_id = record["event"]["event_id"]
            if event_id in before:
                if before[event_id] in lost:
                    after_lost += 1
                else:
                    others += 1
            before[event_id] = record["request"]
        return after_lost, others

    def _pages(self, name: str) -> Iterator[dict[str, Any]]:
        since = 0
        # Requests are kept in the order of their answers: a page could cut between them, so these come whole.
        limit = {"limit": _PAGE} if name == "events" else {}
        while page := self._get(name, since=since, **limit):
            yield from page
            if not limit:
                return
            since = page[-1]["number"]

    def _get(self, name: str, **query: int) -> Any:
        answer = self._session.get(self._side_channel(name), params=query, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def _post(self, name: str, body: dict[str, Any]) -> None:
        self._session.post(self._side_channel(name), json=body, timeout=60).raise_for_status()

    def _side_channel(self, name: str) -> str:
        return self.url.partition("/open_api/")[0] + f"/_sandbox/{name}"


if __name__ == "__main__":
    serve("127.0.0.1", 0, sys.argv[1], record_limit=None, announce=lambda url: print(url, flush=True))
