"""What do more workers bring? `python -m benchmarks.scale`: 1, 2, 4 and 8 of them on one Redis, 5 ms from TikTok.

Each worker is a Celery worker with one process. Every run keeps account: each event must arrive exactly once.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console

from benchmarks import page
from benchmarks.chaos.fleet import ROOT
from benchmarks.ground import DESTINATION, Ground, UnfinishedError, wait
from benchmarks.order import orders
from benchmarks.report import circumstances, sentence
from benchmarks.turnover import Turnover, turnover
from benchmarks.workforce import Workforce
from tiktok_events import Producer
from worker.keys import Keys

WORKERS = (1, 2, 4, 8)
_TIKTOK_SECONDS = 0.005
_SLOW_SECONDS = 0.5
_PATIENCE_SECONDS = 180.0
_SETTLED_SECONDS = 1.0
"""The first second of a rate is left out: the limit lets a burst of a tenth of a second through."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What is measured at every size: name, settings of the destination, TikTok's delay, events for each worker."""

    name: str
    settings: str
    delay_seconds: float
    events: int
    events_a_worker: int
    requests_per_second: int = 0


FULL = (
    Setting("as fast as they can", "", _TIKTOK_SECONDS, 40_000, 0),
    Setting("an endpoint that takes half a second", "batch_size = 10\n", _SLOW_SECONDS, 500, 2_500),
    Setting(
        "a shared limit of 40 requests a second",
        "batch_size = 10\n[destinations.stores.rate_limit]\nrequests_per_second = 40\nrequests_per_minute = 2400\n",
        _TIKTOK_SECONDS,
        4_800,
        0,
        requests_per_second=40,
    ),
)


@dataclass(frozen=True, slots=True)
class Run:
    """One setting at one size: events and requests a second."""

    setting: Setting
    workers: int
    events_per_second: float
    requests_per_second: float


def measure(ground: Ground, settings: Sequence[Setting], tell: Callable[[str], None], share: float) -> Iterator[Run]:
    """Yield a run of every setting at every size.

    Raises:
        UnfinishedError: an event did not arrive, or arrived twice.
    """
    for setting in settings:
        for count in WORKERS:
            tell(f"{setting.name}: {count} worker(s)")
            yield _run(ground, setting, count, int((setting.events + setting.events_a_worker * count) * share))


def _run(ground: Ground, setting: Setting, count: int, events: int) -> Run:
    ground.write_configuration(DESTINATION, settings=setting.settings)
    ground.clear(delay_seconds=setting.delay_seconds)
    # Started on an empty inbox, so that the start of eight workers is not part of it.
    with Workforce(ground.environment(), ground.folder / "scale.log", count=count) as workforce:
        wait(lambda: workforce.are_ready(ground.redis), seconds=90, what=f"start of {count} workers")
        with Producer(ground.redis_url, max_inbox=events) as producer:
            producer.enqueue_many(orders(events), destination=DESTINATION)
        wait(lambda: _delivered(ground) >= events, seconds=_PATIENCE_SECONDS, what=f"{setting.name}, {count} workers")
        time.sleep(0.5)  # a second delivery would come now
    arrivals: list[tuple[float, int]] = [(at, amount) for at, amount in ground.record()["arrivals"]]
    arrived = sum(amount for _, amount in arrivals)
    if (arrived, _delivered(ground)) != (events, events):
        raise UnfinishedError(f"{setting.name}: {arrived} arrivals, {_delivered(ground)} delivered, of {events}")
    return Run(setting, count, *_rates(arrivals, settled=bool(setting.requests_per_second)))


def _rates(arrivals: list[tuple[float, int]], *, settled: bool) -> tuple[float, float]:
    """Return events and requests a second between the first tenth and the last of the arrivals, or once `settled`."""
    began, ended = arrivals[0][0], arrivals[-1][0]
    first = began + (_SETTLED_SECONDS if settled else 0.1 * (ended - began))
    last = ended if settled else began + 0.9 * (ended - began)
    between = [amount for at, amount in arrivals if first <= at < last]
    return sum(between) / (last - first), len(between) / (last - first)


def _delivered(ground: Ground) -> int:
    told = ground.redis.hget(Keys(DESTINATION).totals, "delivered")
    return int(told or 0)  # type: ignore[arg-type] # redis-py's union of sync and async


def table(runs: Sequence[Run], turned: Turnover) -> str:
    """Return everything in Markdown."""
    lines = ["| | " + " | ".join(f"{count} worker{'s' * (count > 1)}" for count in WORKERS) + " |"]
    lines.append("| --- |" + " ---: |" * len(WORKERS))
    for name in dict.fromkeys(run.setting.name for run in runs):
        of_name = [run for run in runs if run.setting.name == name]
        limit = of_name[0].setting.requests_per_second
        if limit:
            cells = [f"{run.requests_per_second:.1f} ({run.requests_per_second / limit - 1:+.1%})" for run in of_name]
            lines.append(f"| {name}: requests a second | " + " | ".join(cells) + " |")
            continue
        one = of_name[0].events_per_second
        cells = [f"{run.events_per_second:,.0f} ({run.events_per_second / one:.1f} ×)" for run in of_name]
        lines.append(f"| {name}: events a second | " + " | ".join(cells) + " |")
        cells = [f"{run.events_per_second / run.workers:,.0f}" for run in of_name]
        lines.append("| each worker | " + " | ".join(cells) + " |")
    lines += ["", turned.told()]
    return "\n".join(lines)


@click.command()
@click.option("--quick", is_flag=True, help="A third of the events: about two minutes instead of five.")
@click.option("--docs", is_flag=True, help="Write the result into docs/scale.md.")
def main(*, quick: bool, docs: bool) -> None:
    """Measure 1, 2, 4 and 8 workers; exit 1 where an event is lost or the shared limit is missed by more than 5 %."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    console = Console()
    began, load = time.time(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="scale-") as folder, Ground(Path(folder)) as ground:
        with console.status("") as status:
            runs = list(measure(ground, FULL, status.update, 1 / 3 if quick else 1.0))
            status.update("workers that join and leave")
            turned = turnover(ground, 6_000 if quick else 15_000)
        conditions = circumstances(ground.redis, began=began, load=load)
    told = table(runs, turned)
    console.print(told, markup=False)
    if docs:
        page.put({"scale": f"{sentence(conditions)}\n\n{told}"}, ROOT / "docs" / "scale.md")
    limited = [run for run in runs if run.setting.requests_per_second]
    missed = [run for run in limited if abs(run.requests_per_second / run.setting.requests_per_second - 1) > 0.05]
    if missed or turned.lost:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
