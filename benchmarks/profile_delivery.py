"""Where does a microsecond go when a worker empties a full inbox?

`python -m benchmarks.profile_delivery [EVENTS] [--docs]` starts a Redis and a sandbox TikTok of its own, fills one
inbox with orders of the example shop and delivers them in this process, by the same loop as a worker's task. It prints
the CPU time of this process for each stage, in µs an event, and the wall time beside it, in which Redis and the sandbox
answer; then what the mapping is made of. With `--docs` both tables go into docs/benchmarks.md.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import orjson
import redis as redis_py

from benchmarks import page, profile_mapping
from examples.shop import order_completed
from schemas import Mapper
from worker import delivery, embedded
from worker.client import TikTokClient
from worker.config.load import build
from worker.connection import connect
from worker.inbox import Inbox, Terms
from worker.keys import Keys
from worker.ledger import Ledger
from worker.runtime import Runtime, spare_the_collector

_EVENTS = 20_000
_KEYS = Keys("stores")
# A stage and the functions that make it up; what one of them calls of another stage counts there.
_STAGES: dict[str, list[tuple[Any, str]]] = {
    "claim": [(Inbox, "take")],
    "decode, check size": [(delivery, "prepare")],
    "map": [(Mapper, "map")],
    "ledger": [(Ledger, "known"), (delivery, "digest")],
    "encode, POST": [(delivery, "request"), (TikTokClient, "post")],
    "decide": [(delivery.Delivery, "_decide")],
    "settle": [(delivery.Delivery, "_settle")],
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
    delivery, inbox = here.of("stores")
    cpu, wall = time.process_time(), time.perf_counter()
    # One batch after the other, where a deliver task has several under way: so that each stage can be told apart.
    while batch := inbox.take("profile", Terms()).batch:
        delivery.deliver(batch)
    return time.process_time() - cpu, time.perf_counter() - wall


def watched(url: str, client: redis_py.Redis, events: list[bytes]) -> list[tuple[str, float, float]]:
    """Return each stage with its CPU and wall time, in µs an event, and at last all of them together.

    The functions stay watched.
    """
    watch = Stopwatch()
    for stage, places in _STAGES.items():
        for holder, name in places:
            setattr(holder, name, watch.around(stage, getattr(holder, name)))
    client.flushall()
    fill(client, events)
    cpu, wall = drain(runtime(url, client))
    rest = (cpu - sum(watch.cpu.values()), wall - sum(watch.wall.values()))
    taken = [(stage, watch.cpu[stage], watch.wall[stage]) for stage in _STAGES]
    scale = 1e6 / len(events)
    return [
        (stage, cpu_seconds * scale, wall_seconds * scale)
        for stage, cpu_seconds, wall_seconds in [*taken, ("the rest", *rest), ("together", cpu, wall)]
    ]


@click.command()
@click.argument("count", metavar="[EVENTS]", type=click.IntRange(min=10), default=_EVENTS)
@click.option("--docs", is_flag=True, help="Write the tables into docs/benchmarks.md.")
def main(*, count: int, docs: bool) -> None:
    """Measure and print: first as it is, then by stage, since watching has a price of its own."""
    with tempfile.TemporaryDirectory() as folder, embedded.running(Path(folder)) as redis_url, sandbox() as url:
        client = connect(redis_url)
        here = runtime(url, client)
        here.warm(here.config.destinations)
        spare_the_collector()
        fill(client, list(orders(count // 10)))
        drain(here)
        client.flushall()
        events = list(orders(count))
        fill(client, events)
        cpu, wall = drain(here)
        told = f"{cpu / count * 1e6:.1f} µs CPU, {wall / count * 1e6:.1f} µs wall an event"
        # Before the stages are watched, since mapping is one of them.
        sender, _ = here.of("stores")
        steps = profile_mapping.measure(sender.mapper, events[: profile_mapping.EVENTS])
        stages = watched(url, client, events)
    print(f"unwatched: {told}")
    print(f"{'stage':<24} {'CPU':>8} {'wall':>8}   µs an event")
    for stage, stage_cpu, stage_wall in stages:
        print(f"{stage:<24} {stage_cpu:>8.1f} {stage_wall:>8.1f}")
    print(f"\n{'decoding and mapping':<24} {'CPU':>8}   µs an event, each step alone")
    for step, taken in steps.items():
        print(f"{step:<24} {taken:>8.1f}")
    if docs:
        page.put({"profile": markdown(told, stages, steps)})


def markdown(told: str, stages: list[tuple[str, float, float]], steps: Mapping[str, float]) -> str:
    """Return both tables; `told` is what an event takes unwatched."""
    lines = [
        f"Unwatched: {told}. Stage by stage, which costs something itself:",
        "",
        "| stage | CPU, µs an event | wall, µs an event |",
        "| --- | --- | --- |",
        *(f"| {stage} | {cpu:.1f} | {wall:.1f} |" for stage, cpu, wall in stages),
        "",
        "What decoding and mapping are made of, each step measured alone over the same orders:",
        "",
        "| step | CPU, µs an event |",
        "| --- | --- |",
        *(f"| {step} | {taken:.1f} |" for step, taken in steps.items()),
        f"| together | {sum(steps.values()):.1f} |",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
