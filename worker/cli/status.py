"""`status`: what waits, what fails and why, for each destination."""

from __future__ import annotations

import time

import click

from worker.cli import context
from worker.cli.output import print_json, print_table
from worker.overview import Overview, look


@click.command()
@context.as_json
@context.redis_errors
def status(*, as_json: bool) -> None:
    """Show each destination: backlog, oldest age, in flight, retries, dead letters by reason, breaker, pause."""
    redis, now = context.redis(), time.time()
    found = [look(redis, name, now=now) for name in context.config().destinations]
    if as_json:
        print_json([overview.told() for overview in found])
        return
    print_table(
        ("destination", "waiting", "oldest", "in flight", "retries", "delivered", "dead", "state"),
        [_row(overview) for overview in found],
    )


def _row(one: Overview) -> tuple[object, ...]:
    reasons = ", ".join(f"{reason} {count}" for reason, count in one.dead_by_reason.items())
    next_retry = f" (next in {max(0.0, one.next_retry_seconds):.0f} s)" if one.next_retry_seconds is not None else ""
    return (
        one.destination,
        one.waiting,
        f"{one.oldest_seconds:.0f} s",
        one.in_flight,
        f"{one.scheduled}{next_retry}",
        one.totals.get("delivered", 0),
        f"{one.dead} ({reasons})" if reasons else one.dead,
        f"PAUSED {one.pause.reason}: {one.pause.detail}" if one.pause else f"breaker {one.breaker}",
    )
