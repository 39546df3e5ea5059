"""`reencrypt`: put everything under the first key, and say which keys are still needed."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any

import click
from redis import Redis
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tiktok_events.keys import REGISTRY
from tiktok_events.sealing import VARIABLE, Keyring, read_keyring
from worker import audit, reencryption
from worker.cli import context
from worker.cli.output import print_json, print_table
from worker.reencryption import Use


@click.command()
@click.option("--destination", "-d", help="Of this destination, and no tokens; default: everything.")
@context.dry_run
@context.yes
@context.as_json
@context.redis_errors
def reencrypt(*, destination: str | None, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Seal retries, dead letters, edits and tokens with the first key; count what uses which key.

    Workers and producers go on meanwhile. It may be interrupted and run again. A key that nothing uses any more may be
    taken away.
    """
    redis, names = context.redis(), context.destinations(destination)
    keyring = read_keyring()
    if keyring is None:
        raise click.ClickException(f"there are no keys: set {VARIABLE}")
    credentials: list[str] = []
    if destination is None:
        credentials = [name for name, each in context.config().credentials.items() if each.refresh is not None]
        # One that a former configuration had may still hold something.
        names = sorted({*names, *_registered(redis)})
    before = reencryption.uses(redis, names, credentials)
    others = sum(use.payloads for use in before if not use.drains and use.key != keyring.current)
    if dry_run:
        _show(before, keyring, as_json=as_json)
        click.echo(f"{others} would be sealed with {keyring.current}", err=True)
        return
    if others:
        context.confirm(f"{others} will be sealed with {keyring.current}. Go on?", yes=yes)
        _run(redis, keyring, names, credentials)
    after = reencryption.uses(redis, names, credentials) if others else before
    _show(after, keyring, as_json=as_json)
    unused = [key for key in keyring.ids[1:] if all(use.key != key for use in after)]
    if unused and destination is None:
        click.echo(f"no longer used in Redis: {', '.join(unused)}", err=True)


def _registered(redis: Redis) -> list[str]:
    found: Any = redis.hkeys(REGISTRY)
    return [name.decode() for name in found]


def _run(redis: Redis, keyring: Keyring, names: list[str], credentials: list[str]) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    done = reencryption.Progress()
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("sealing", total=reencryption.size(redis, names))
        for done in reencryption.reencrypt(redis, keyring, names, credentials):
            bar.update(task, completed=done.seen)
    details = {"key": keyring.current, "count": done.resealed, "locked": done.locked}
    audit.record(redis, "reencrypt", destination=names[0] if len(names) == 1 else "", details=details)
    click.echo(f"{done.resealed} sealed with {keyring.current}, {done.locked} do not open and stay", err=True)


def _show(uses: list[Use], keyring: Keyring, *, as_json: bool) -> None:
    if as_json:
        print_json([asdict(use) for use in uses])
    else:
        rows = [(use.destination, use.place, use.key or "(clear)", use.payloads, _next(use, keyring)) for use in uses]
        print_table(("destination", "place", "key", "payloads", ""), rows)


def _next(use: Use, keyring: Keyring) -> str:
    if use.key == keyring.current:
        return ""
    if use.drains:
        return "drains by itself"
    return "its key is not here" if use.key and use.key not in keyring.ids else "another run seals it"
