"""What every command needs: the configuration, Redis, and a clear end when there is none."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import wraps
from typing import ParamSpec, TypeVar

import click
from redis import Redis
from redis.exceptions import RedisError

from worker.config import Config, ConfigError, Destination, load
from worker.connection import connect
from worker.keys import UNKNOWN, Keys

_P = ParamSpec("_P")
_R = TypeVar("_R")

as_json = click.option("--json", "as_json", is_flag=True, help="JSON for machines.")
limit = click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Most rows.")
dry_run = click.option("--dry-run", is_flag=True, help="Count and show, change nothing.")
yes = click.option("--yes", is_flag=True, help="Do not ask.")


def config() -> Config:
    """Return the configuration, or end with all its faults."""
    try:
        return load()
    except ConfigError as error:
        raise click.ClickException(str(error)) from None


def redis() -> Redis:
    """Return a client for the events' Redis."""
    return connect()


def destinations(wanted: str | None) -> list[str]:
    """Return the destinations that a command is about: the one named, or all, the pseudo-destination included."""
    known = [*config().destinations, UNKNOWN]
    if wanted is None:
        return known
    if wanted not in known:
        raise click.ClickException(f"there is no such destination; there are: {', '.join(sorted(known))}")
    return [wanted]


def destination(name: str) -> Destination:
    """Return the settings of a destination, or end the command with the names there are."""
    known = config().destinations
    if name not in known:
        raise click.ClickException(f"there is no such destination; there are: {', '.join(sorted(known))}")
    return known[name]


def keys_of(wanted: str | None) -> Iterator[Keys]:
    """Yield the keys of each destination that a command is about."""
    return (Keys(name) for name in destinations(wanted))


def redis_errors(command: Callable[_P, _R]) -> Callable[_P, _R]:
    """End a command in one sentence when Redis cannot be reached."""

    @wraps(command)
    def wrapped(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return command(*args, **kwargs)
        except RedisError as error:
            click.echo(f"Redis does not answer ({type(error).__name__}): check REDIS_URL and the server.", err=True)
            sys.exit(69)  # EX_UNAVAILABLE

    return wrapped


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something that cannot be taken back. Without a terminal, `--yes` is needed."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.ClickException("nobody to ask here: add --yes, or --dry-run to look first")
    click.confirm(question, abort=True)
