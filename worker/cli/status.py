"""`status` and `workers`: what waits, what fails and why, for each destination; who works on it."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import click
import orjson
from redis import Redis
from redis.exceptions import RedisError
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from tiktok_events.keys import REGISTRY
from worker.cli import context
from worker.cli.board import Scene, board, workers_table
from worker.cli.figures import span
from worker.cli.output import console, print_json, print_table
from worker.config import Destination
from worker.keys import UNKNOWN
from worker.overview import look_at
from worker.retention import Kept, look_at_retention
from worker.workers import workers as all_workers


@click.command()
@click.option("--watch", is_flag=True, help="Show it again and again, until Ctrl-C.")
@click.option("--every", type=click.FloatRange(0.2), default=2.0, show_default=True, help="Seconds, with --watch.")
@click.option("--retention", is_flag=True, help="Show what is kept where, in which form, and for how long.")
@context.as_json
@context.redis_errors
def status(*, watch: bool, every: float, retention: bool, as_json: bool) -> None:
    """Show each destination: backlog, oldest age, in flight, retries, rates, dead letters, what is stopped and why.

    With --watch and --json each look is one line.
    """
    redis, settings = context.redis(), context.config().destinations
    if retention:
        if watch:
            raise click.UsageError("--retention is not watched")
        _show_retention(look_at_retention(redis, settings, now=time.time()), as_json=as_json)
    elif watch:
        _Watch(redis, settings, as_json=as_json, every=every).run()
    elif as_json:
        print_json([one.told() for one in see(redis, settings).destinations])
    else:
        where = console()
        where.print(board(see(redis, settings), width=where.width), soft_wrap=not where.is_terminal)


def _show_retention(kept: Sequence[Kept], *, as_json: bool) -> None:
    if as_json:
        print_json([one.told() for one in kept])
        return
    columns = ("destination", "place", "form", "kept for", "how many", "oldest")
    print_table(columns, [(*one.row(), "" if one.oldest_seconds is None else span(one.oldest_seconds)) for one in kept])


@click.command()
@context.limit
@context.as_json
@context.redis_errors
def workers(*, limit: int, as_json: bool) -> None:
    """List the workers heard of in the last hour: slots, last sign of life, version."""
    found = all_workers(context.redis())[:limit]
    if as_json:
        print_json([seen.told() for seen in found])
    else:
        console().print(workers_table(found, now=time.time()))


def see(redis: Redis, settings: Mapping[str, Destination]) -> Scene:
    """Look at everything: the configured destinations, and others as far as they hold something."""
    registered: Any = redis.hkeys(REGISTRY)
    others = [*sorted({name.decode() for name in registered} - set(settings)), UNKNOWN]
    now = time.time()
    found = look_at(redis, [*settings, *others], now=now, settings=settings)
    shown = [one for one in found if one.destination in settings or one.waiting or one.in_flight or one.dead]
    unread = [one.destination for one in shown if one.destination not in (*settings, UNKNOWN)]
    return Scene(shown, all_workers(redis), unread, now)


class _Watch:
    """The same look again and again; a Redis that does not answer for a while is told, and ends nothing."""

    def __init__(self, redis: Redis, settings: Mapping[str, Destination], *, as_json: bool, every: float) -> None:
        self._redis = redis
        self._settings = settings
        self._as_json = as_json
        self._every = every
        self._last: Scene | None = None
        self._delivered: tuple[float, int] | None = None
        self._away_since: datetime | None = None

    def run(self) -> None:
        # Ended from outside, too, it gives the terminal back as it was.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        where = console()
        try:
            if self._as_json or not where.is_terminal:
                while True:
                    self._print(where)
                    time.sleep(self._every)
            with Live(console=where, screen=True, auto_refresh=False, redirect_stdout=False) as live:
                while True:
                    live.update(self._rendered(where), refresh=True)
                    time.sleep(self._every)
        except KeyboardInterrupt:
            return

    def _print(self, where: Console) -> None:
        if not self._as_json:
            where.print(self._rendered(where), soft_wrap=True)
            where.print()
            return
        scene = see(self._redis, self._settings)
        click.echo(orjson.dumps([one.told() for one in scene.destinations]).decode())

    def _rendered(self, where: Console) -> RenderableType:
        try:
            self._last, self._away_since = see(self._redis, self._settings), None
        except RedisError as error:
            self._away_since = self._away_since or datetime.now().astimezone()
            told = f"Redis does not answer ({type(error).__name__}) since {self._away_since:%H:%M:%S}"
            trouble = Text(f"{told}: check REDIS_URL and the server", style="bold red")
            return Group(trouble, self._board(self._last, where, None)) if self._last else trouble
        return self._board(self._last, where, self._a_second(self._last))

    def _board(self, scene: Scene, where: Console, a_second: float | None) -> RenderableType:
        height = where.height if where.is_terminal else None
        return board(scene, width=where.width, height=height, a_second=a_second)

    def _a_second(self, scene: Scene) -> float | None:
        delivered = sum(one.totals.get("delivered", 0) for one in scene.destinations)
        before, self._delivered = self._delivered, (scene.now, delivered)
        if before is None or scene.now <= before[0]:
            return None
        return max(0, delivered - before[1]) / (scene.now - before[0])
