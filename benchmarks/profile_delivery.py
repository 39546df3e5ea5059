"""Where does a microsecond go when a worker empties a full inbox?

`python -m benchmarks.profile_delivery [EVENTS]` starts a Redis and a sandbox TikTok of its own, fills one inbox with
orders of the example shop and delivers them in this process, by the same loop as a worker's task. It prints the CPU
time of this process for each stage, in µs an event, and the wall time beside it, in which Redis and the sandbox answer.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import redis as redis_py

from examples.shop import order_completed
from schemas import Mapper
from tasks import deliver
from worker import delivery, embedded
from worker.client import TikTokClient
from worker.config.load import build
from worker.connection import connect
from worker.inbox import Inbox
from worker.keys import Keys
from worker.ledger import Ledger
from worker.runtime import Runtime

_EVENTS = 20_000
_KEYS = Keys("stores")
# A stage and the functions that make it up; what one of them calls of another stage counts there.
_STAGES: dict[str, list[tuple[Any, str]]] = {
    "claim": [(Inbox, "claim"), (Inbox, "take_back")],
    "decode, check size": [(delivery, "prepare")],
    "map": [(Mapper, "map")],
    "ledger": [(Ledger, "known"), (delivery, "digest")],
    "encode, POST": [(delivery, "body"), (TikTokClient, "post")],
    "decide": [(delivery.Delivery, "_decide")],
    "settle": [(delivery, "write")],
}


class Stopwatch:
    """Adds up what each stage takes, without what it calls of another one."""

    def __init__(self) -> None:
        self.cpu: dict[str, float] = {}
        self.wall: dict[str, float] = {}
        self._inside: list[list[float]] = []

    def around(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return `function`, measured."""

        def measured(*args: Any, **kwargs: Any) -> Any:
            self._inside.append([0.0, 0.0])
            cpu, wall = time.process_time(), time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
                below_cpu, below_wall = self._inside.pop()
                self.cpu[stage] = self.cpu.get(stage, 0.0) + cpu - below_cpu
                self.wall[stage] = self.wall.get(stage, 0.0) + wall - below_wall
                if self._inside:
                    self._inside[-1][0] += cpu
                    self._inside[-1][1] += wall

        return measured


def orders(count: int) -> Iterator[bytes]:
    """Yield orders with three products each, as JSON."""
    chance = random.Random(7)
    number = 0
    while number < count:
        call = order_completed(chance, number, time.time() - 60)
        if len(call["properties"]["products"]) == 3:
            number += 1
            yield orjson.dumps(call)


def fill(client: redis_py.Redis, events: list[bytes]) -> None:
    """Put events into the inbox, as the door does."""
    now = int(time.time() * 1000)
    pipe = client.pipeline(transaction=False)
    for number, event in enumerate(events):
        pipe.xadd(_KEYS.inbox, {"event": event, "id": f"order-{number}", "enqueued_at": now})
    pipe.execute()


@contextmanager
def sandbox() -> Iterator[str]:
    """Run a sandbox in a process of its own while the block lasts; yield its URL."""
    program = "from worker.sandbox.process import serve; serve('127.0.0.1', 0, record_limit=1)"
    line = [sys.executable, "-u", "-c", program]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def runtime(url: str, client: redis_py.Redis) -> Runtime:
    """Return a worker's collaborators for one destination with every default."""
    settings = {
        "kind": "events",
        "source": "segment",
        "credentials": "main",
        "event_source_id": "7654321098765432109",
        "base_url": url,
        "default_region": "US",
    }
    raw = {"credentials": {"main": {"access_token": "${TOKEN}"}}, "destinations": {"stores": settings}}
    return Runtime(build(raw, {"TOKEN": "token-of-the-profile"}, source="profile"), connect=lambda: client)


def drain(here: Runtime) -> tuple[float, float]:
    """Deliver until nothing waits; return the CPU and the wall seconds."""
    sender, inbox = here.of("stores")
    cpu, wall = time.process_time(), time.perf_counter()
    while deliver.deliver_slice(sender, inbox, token="profile"):
        pass
    return time.process_time() - cpu, time.perf_counter() - wall


def main(count: int) -> None:
    """Measure and print: first as it is, then by stage, since watching has a price of its own."""
    with tempfile.TemporaryDirectory() as folder, embedded.running(Path(folder)) as redis_url, sandbox() as url:
        client = connect(redis_url)
        here = runtime(url, client)
        fill(client, list(orders(count // 10)))
        drain(here)
        client.flushall()
        fill(client, list(orders(count)))
        cpu, wall = drain(here)
        print(f"unwatched: {cpu / count * 1e6:.1f} µs CPU, {wall / count * 1e6:.1f} µs wall an event")
        client.flushall()
        watch = Stopwatch()
        for stage, places in _STAGES.items():
            for holder, name in places:
                setattr(holder, name, watch.around(stage, getattr(holder, name)))
        fill(client, list(orders(count)))
        cpu, wall = drain(here)
        print(f"{'stage':<20} {'CPU':>8} {'wall':>8}   µs an event")
        for stage in _STAGES:
            print(f"{stage:<20} {watch.cpu[stage] / count * 1e6:>8.1f} {watch.wall[stage] / count * 1e6:>8.1f}")
        rest = (cpu - sum(watch.cpu.values()), wall - sum(watch.wall.values()))
        print(f"{'the rest':<20} {rest[0] / count * 1e6:>8.1f} {rest[1] / count * 1e6:>8.1f}")
        print(f"{'together':<20} {cpu / count * 1e6:>8.1f} {wall / count * 1e6:>8.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else _EVENTS)
