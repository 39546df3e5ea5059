"""How destinations and workers look at a glance: what is stuck comes first, with why and what to do."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.text import Text

from worker.cli.figures import amount, bars, span
from worker.cli.output import printable, table, when
from worker.keys import UNKNOWN
from worker.overview import MINUTES, Overview
from worker.workers import Seen

_WITHOUT_BARS = 90
"""How wide the table is without the course of the last minutes."""
_FEWEST_BARS = 8
_OLD_SECONDS = 60.0
"""From this age on, what waits is shown before the rest."""
_HEADS = 6
"""Lines of a board beside its rows: headline, heads of two tables, what was left out, a blank one."""
_FEWEST_ROWS = 3
_COLUMNS = ("destination", "state", "waiting", "oldest", "in flight", "retries", "ok/min", "bad/min", "dead")


@dataclass(frozen=True, slots=True)
class Scene:
    """What there is to be seen at one moment, Unix seconds."""

    destinations: Sequence[Overview]
    workers: Sequence[Seen]
    unread: Collection[str]
    """names of destinations that no configuration here reads"""
    now: float


def board(scene: Scene, *, width: int, height: int | None = None, a_second: float | None = None) -> RenderableType:
    """Return the whole, `width` columns wide and about `height` lines high; `a_second` are delivered right now."""
    ranked = sorted(scene.destinations, key=lambda one: _rank(one, scene))
    sections: list[RenderableType] = []
    for heading, lines in (("Needs a look", list(_troubles(scene, ranked))), ("Dead letters", list(_dead(ranked)))):
        if lines:
            sections += [Text(), Text(heading, style="bold"), *_cut(lines, None if height is None else height // 5)]
    beside = len(sections) + _HEADS + max(1, len(scene.workers))
    shown = ranked if height is None else ranked[: max(_FEWEST_ROWS, height - beside)]
    parts = [_headline(scene, a_second), _table(scene, shown, width)]
    if len(shown) < len(ranked):
        parts.append(Text(f"and {len(ranked) - len(shown)} more", style="dim"))
    return Group(*parts, *sections, Text(), workers_table(scene.workers, now=scene.now))


def _cut(lines: list[Text], most: int | None) -> list[Text]:
    if most is None or len(lines) <= most:
        return lines
    return [*lines[: most - 1], Text(f"and {len(lines) - most + 1} more", style="dim")]


def _rank(one: Overview, scene: Scene) -> tuple[int, str]:
    if one.is_stopped or one.destination in scene.unread:
        return 0, one.destination
    return (1 if one.oldest_seconds > _OLD_SECONDS else 2), one.destination


def _headline(scene: Scene, a_second: float | None) -> Text:
    stopped = sum(one.is_stopped for one in scene.destinations)
    lively = [seen for seen in scene.workers if not seen.is_silent]
    parts = [
        _plural(len(scene.destinations), "destination"),
        f"{stopped} stopped",
        f"{amount(sum(one.waiting for one in scene.destinations))} waiting",
        f"{amount(sum(one.scheduled for one in scene.destinations))} to be retried",
        _plural(sum(one.dead for one in scene.destinations), "dead letter"),
        f"{_plural(len(lively), 'worker')} with {_plural(sum(seen.worker.slots for seen in lively), 'slot')}",
    ]
    if a_second is not None:
        parts.append(f"{amount(round(a_second))} delivered a second")
    return Text(f"{when(scene.now)}  {', '.join(parts)}", style="bold red" if stopped or not lively else "bold green")


def _plural(count: int, noun: str) -> str:
    return f"{amount(count)} {noun}{'' if count == 1 else 's'}"


def _table(scene: Scene, shown: Sequence[Overview], width: int) -> RenderableType:
    room = min(MINUTES, width - _WITHOUT_BARS)
    course = room if room >= _FEWEST_BARS else 0
    columns = [*_COLUMNS, f"last {course} min"] if course else _COLUMNS
    rows = []
    for one in shown:
        row: list[object] = [
            printable(one.destination),
            _state(one, scene),
            one.waiting,
            Text(span(one.oldest_seconds) if one.waiting + one.in_flight else "", justify="right"),
            one.in_flight,
            _retries(one),
            one.delivered_by_minute[-1] if one.delivered_by_minute else 0,
            one.failed_by_minute[-1] if one.failed_by_minute else 0,
            one.dead,
        ]
        rows.append([*row, _course(one, course)] if course else row)
    return table(columns, rows, gap=2 if course else 1)


def _retries(one: Overview) -> str:
    if one.next_retry_seconds is None:
        return amount(one.scheduled)
    return f"{amount(one.scheduled)}, next {span(one.next_retry_seconds)}"


def _course(one: Overview, minutes: int) -> Text:
    """Return deliveries minute by minute, those minutes in red in which something failed."""
    delivered, failed = one.delivered_by_minute[-minutes:], one.failed_by_minute[-minutes:]
    told = Text()
    for bar, wrong in zip(bars(delivered), failed, strict=True):
        told.append("!" if bar == " " and wrong else bar, style="red" if wrong else "green")
    return told


def _state(one: Overview, scene: Scene) -> Text:
    lowered = one.limit_in_force is not None and one.limit_in_force < 1
    for holds, word, style in (
        (bool(one.fault), "REFUSED", "bold red"),
        (one.destination in scene.unread, "UNREAD", "bold red"),
        (one.pause is not None, "PAUSED", "bold red"),
        (one.breaker == "open", "BREAKER", "bold red"),
        (one.breaker == "half-open", "probing", "yellow"),
        (one.blocked_seconds > 0, "waits", "yellow"),
        (lowered, f"at {one.limit_in_force or 0:.0%}", "yellow"),
    ):
        if holds:
            return Text(word, style=style)
    return Text("ok" if one.destination != UNKNOWN else "", style="green")


def _troubles(scene: Scene, shown: Sequence[Overview]) -> Iterator[Text]:
    """Yield a line for everything that is not as it should be: what, since when, and what to do."""
    for one in shown:
        name = printable(one.destination)
        if one.fault:
            yield _line(
                name, f"Redis refuses its keys ({one.fault})", "see which key is of another type: docs/redis.md"
            )
        if one.destination in scene.unread:
            yield _line(name, "no configuration here reads it", "add the destination, or mend the producer")
        if one.pause:
            since = f"for {span(scene.now - one.pause.since)}, by {one.pause.by}"
            what = f"PAUSED {one.pause.reason}: {one.pause.detail}".rstrip(": ")
            yield _line(name, f"{what} ({since})", f"docs/runbook.md#pause-{one.pause.reason}; worker resume {name}")
        if one.breaker != "closed":
            since = "" if one.breaker_since is None else f" for {span(scene.now - one.breaker_since)}"
            what = f"breaker {one.breaker}{since}: {one.breaker_why or 'TikTok fails too often'}"
            yield _line(name, what, "docs/runbook.md#alert-breaker_open")
        if one.blocked_seconds:
            yield _line(name, f"waits for {span(one.blocked_seconds)}: TikTok throttles, or a token is renewed", "")
        if one.limit_in_force is not None and one.limit_in_force < 1:
            yield _line(name, f"rate limit at {one.limit_in_force:.0%} after throttling; it grows back by itself", "")
    if not any(not seen.is_silent for seen in scene.workers):
        yield _line("workers", "none is alive: events wait", "start one: celery -A worker worker")
    for seen in scene.workers:
        if seen.is_silent:
            what = f"silent for {span(seen.seconds_ago)}: killed, standing still or cut off"
            yield _line(printable(seen.worker.name), what, "what it held is taken back by another")


def _line(name: str, what: str, advice: str) -> Text:
    line = Text.assemble((name, "bold"), ": ", (printable(what), "red"))
    return line.append(f" -> {advice}", style="default") if advice else line


def _dead(shown: Sequence[Overview]) -> Iterator[Text]:
    for one in shown:
        if one.dead:
            reasons = ", ".join(f"{reason} {amount(count)}" for reason, count in one.dead_by_reason.items())
            yield Text.assemble((printable(one.destination), "bold"), f": {reasons or amount(one.dead)}")


def workers_table(workers: Sequence[Seen], *, now: float) -> RenderableType:
    """Return the workers with their slots and last sign of life."""
    if not workers:
        return Text("no worker was heard of in the last hour", style="bold red")
    rows = [
        (
            seen.worker.name,
            f"{seen.worker.host}:{seen.worker.pid}",
            seen.worker.slots,
            "silent" if seen.is_silent else "ok",
            f"{span(seen.seconds_ago)} ago",
            f"{span(now - seen.worker.started_at)} ago",
            seen.worker.version,
        )
        for seen in workers
    ]
    return table(("worker", "process", "slots", "state", "last sign", "started", "version"), rows)
