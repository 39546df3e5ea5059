"""`healthcheck`: is a worker here stuck? The probe of a container."""

from __future__ import annotations

import sys
import time

import click

from worker.broker import url_in_redis
from worker.metrics import health
from worker.metrics.state_file import boards


@click.command()
@click.option(
    "--stuck-after",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Longest time without progress. Without it, the workers' own bound.",
)
def healthcheck(*, stuck_after: float | None) -> None:
    """Say whether the workers of this user on this machine, or in this container, are stuck.

    Exits with 1 if one is, or if none runs. An empty queue is no fault, nor is a Redis that does not answer.
    """
    found = [
        health.examined(board, url_in_redis(), now=time.monotonic(), stuck_after_seconds=stuck_after)
        for board in boards()
    ]
    for each in found:
        click.echo(each.text(), nl=False)
    if not found:
        click.echo("no worker runs here (or its state file is elsewhere: TIKTOK_EVENTS_STATE_DIR)")
    if not found or any(each.faults for each in found):
        sys.exit(1)
