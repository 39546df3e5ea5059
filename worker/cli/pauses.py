"""`pause` and `resume`: stop a destination as a whole, and let it go on."""

from __future__ import annotations

import time

import click

from worker import audit
from worker.cli import context
from worker.keys import Keys
from worker.pauses import Pauses


@click.command()
@click.argument("destination")
@click.option("--reason", default="", help="What the next person should know; no personal data.")
@context.redis_errors
def pause(destination: str, reason: str) -> None:
    """Claim no more events of DESTINATION. They wait; none uses up an attempt."""
    settings = context.destination(destination)
    redis = context.redis()
    fresh = Pauses(redis, Keys(destination)).pause(
        "command",
        detail=reason,
        by="command",
        credential=settings.credentials.fingerprint(),
        now=time.time(),
    )
    if fresh:
        audit.record(redis, "pause", destination=destination, details={"reason": reason})
    click.echo(f"{destination}: {'paused' if fresh else 'was paused already'}")


@click.command()
@click.argument("destination")
@context.redis_errors
def resume(destination: str) -> None:
    """Let DESTINATION go on. Breaker and blocks are lifted; the dead-letter guard is off for ten minutes."""
    context.destinations(destination)
    redis = context.redis()
    was = Pauses(redis, Keys(destination)).resume(now=time.time())
    if was:
        audit.record(redis, "resume", destination=destination, details={})
    click.echo(f"{destination}: {'resumed' if was else 'was not paused'}")
