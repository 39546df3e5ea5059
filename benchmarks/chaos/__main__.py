"""`python -m benchmarks.chaos`: exit 0 when nothing is lost and everything is where it belongs, else 1."""

from __future__ import annotations

import json
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.chaos.naive import Naive
from benchmarks.chaos.ours import Ours
from benchmarks.chaos.report import Report, show
from benchmarks.chaos.run import Plan, Run
from benchmarks.chaos.subject import Subject, Surroundings

SUBJECTS: dict[str, Callable[[Surroundings], Subject]] = {
    "ours": Ours,
    "naive-acks-late": partial(Naive, reject_on_worker_lost=False),
    "naive-reject-on-lost": partial(Naive, reject_on_worker_lost=True),
}


@click.command()
@click.option("--events", type=click.IntRange(1), default=100_000, show_default=True)
@click.option("--naive-events", type=click.IntRange(1), help="For the naive subjects; default: a tenth of --events.")
@click.option("--worker-kills", type=click.IntRange(0), default=30, show_default=True)
@click.option("--redis-kills", type=click.IntRange(0), default=10, show_default=True)
@click.option("--seed", type=int, help="Of events, faults and kills; default: a new one.")
@click.option("--subject", type=click.Choice([*SUBJECTS, "all"]), default="ours", show_default=True)
@click.option("--between", type=float, default=4.0, show_default=True, help="Seconds from kill to kill, on average.")
@click.option("--json", "json_path", type=click.Path(dir_okay=False, path_type=Path), help="Write the reports here.")
@click.option("--keep", is_flag=True, help="Keep the folder with the logs; a bad run's is always kept.")
def main(
    events: int,
    naive_events: int | None,
    worker_kills: int,
    redis_kills: int,
    seed: int | None,
    subject: str,
    between: float,
    json_path: Path | None,
    keep: bool,
) -> None:
    """Kill workers and Redis while TikTok fails, and count every event.

    The naive subjects are there to be compared with: only a bad run of `ours` makes this exit with 1.
    """
    # Ended from outside, it ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    console = Console()
    chosen = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    reports = []
    for name in SUBJECTS if subject == "all" else [subject]:
        amount = events if name == "ours" else naive_events or max(1, events // 10)
        plan = Plan(amount, worker_kills, redis_kills, chosen, between_seconds=between)
        report = run(name, plan, console, keep=keep)
        show(report, console)
        reports.append(report)
    if json_path is not None:
        json_path.write_text(json.dumps([report.told() for report in reports], indent=2) + "\n")
    sys.exit(0 if all(report.is_good for report in reports if report.subject == "ours") else 1)


def run(name: str, plan: Plan, console: Console, *, keep: bool) -> Report:
    """Run one subject in a folder of its own, with live progress on a terminal."""
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[now]}"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(name, total=plan.events, now="starting")

        def watch(now: str, settled: int, count: int) -> None:
            progress.update(task, completed=settled, total=count, now=now)

        report = Run(plan, SUBJECTS[name], folder, watch=watch)()
    if keep or (name == "ours" and not report.is_good):
        console.print(f"logs: {folder}")
    else:
        shutil.rmtree(folder)
    return report


if __name__ == "__main__":
    main()
