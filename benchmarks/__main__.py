"""`python -m benchmarks`: measure, print the table, write JSON, chart and pages."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import click
from redis.exceptions import RedisError
from requests import RequestException
from rich.console import Console

from benchmarks import backlog, dead_letters, destinations, distance, enqueueing, light_load, page, throughput
from benchmarks.figures import Missing, Row
from benchmarks.ground import Ground, UnfinishedError
from benchmarks.plan import FULL, QUICK, Plan
from benchmarks.report import circumstances, print_table, told

PARTS: dict[str, ModuleType] = {
    "throughput": throughput,
    "enqueueing": enqueueing,
    "light-load": light_load,
    "backlog": backlog,
    "distance": distance,
    "destinations": destinations,
    "dead-letters": dead_letters,
}


@click.command()
@click.option("--quick", is_flag=True, help="About a minute instead of ten: smaller, with more spread.")
@click.option("--only", type=click.Choice([*PARTS]), multiple=True, help="Measure these parts alone.")
@click.option("--json", "json_path", type=click.Path(dir_okay=False, path_type=Path), help="Write the result here.")
@click.option("--docs", is_flag=True, help="Write the result into docs/.")
def main(*, quick: bool, only: tuple[str, ...], json_path: Path | None, docs: bool) -> None:
    """Measure this project next to what one would write without it and to what the machine can do.

    A target that is missed is shown as missed; it does not change the exit code.
    """
    if docs and only:
        raise click.UsageError("--docs wants the whole result")
    # Ended from outside, it ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    console = Console()
    began, load = time.time(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Ground(Path(folder)) as ground:
        with console.status("") as status:
            rows = list(measured(ground, QUICK if quick else FULL, only or tuple(PARTS), status.update))
        conditions = circumstances(ground.redis, began=began, load=load)
    print_table(rows, console)
    if json_path is not None:
        json_path.write_text(json.dumps(told(rows, conditions), indent=1) + "\n", encoding="utf-8")
    if docs:
        page.write(rows, conditions)


def measured(ground: Ground, plan: Plan, names: tuple[str, ...], tell: Callable[[str], None]) -> Iterator[Row]:
    """Yield the rows of the parts; one that fails says so in its place and does not end the others."""
    for name in names:
        try:
            yield from PARTS[name].measure(ground, plan, tell)
        except (UnfinishedError, RedisError, RequestException) as error:
            yield Missing(name, f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
