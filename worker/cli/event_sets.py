"""`event-sets`: see, make, change and remove the event sets of an advertiser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import click

from worker import audit
from worker.cli import context
from worker.cli.access import access, management
from worker.cli.output import print_json, print_table
from worker.event_sets import KINDS, EventSet, EventSets
from worker.management import ManagementError
from worker.permissions import advice

_P = ParamSpec("_P")
_R = TypeVar("_R")

_advertiser = click.option("--advertiser", required=True, help="The advertiser's id.")
_kind = click.option("--kind", type=click.Choice(sorted(KINDS)), default="offline", show_default=True)
_tracking = click.option(
    "--auto-tracking/--no-auto-tracking", default=None, help="Use it for ad tracking and attribution."
)
_COLUMNS = ("event_set_id", "name", "description", "auto_tracking", "create_time", "update_time")


@click.group("event-sets")
def event_sets() -> None:
    """See, make, change and remove the event sets of an advertiser at TikTok."""


def _refusals(command: Callable[_P, _R]) -> Callable[_P, _R]:
    """End a command with TikTok's words and what to do."""

    @wraps(command)
    def wrapped(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return command(*args, **kwargs)
        except ManagementError as error:
            raise click.ClickException(f"{error}\n{advice(error.verdict)}") from None

    return wrapped


def _show(found: list[EventSet], *, as_json: bool) -> None:
    if as_json:
        print_json([asdict(each) for each in found])
        return
    print_table(_COLUMNS, [["" if (v := getattr(each, name)) is None else v for name in _COLUMNS] for each in found])


@event_sets.command("list")
@_advertiser
@_kind
@click.option("--name", help="Only those with this exact name.")
@access
@context.limit
@context.as_json
@_refusals
@context.redis_errors
def list_(*, advertiser: str, kind: str, name: str | None, limit: int, as_json: bool, **options: str | None) -> None:
    """List the event sets of an advertiser."""
    found = EventSets(management(**options), advertiser, kind).list(name=name)
    _show(found[:limit], as_json=as_json)


@event_sets.command()
@_advertiser
@_kind
@click.option("--name", required=True, help="1 to 40 characters. TikTok lets names repeat; this command does not.")
@click.option("--description", default="", help="What it is for.")
@_tracking
@access
@context.as_json
@context.dry_run
@_refusals
@context.redis_errors
def create(
    *,
    advertiser: str,
    kind: str,
    name: str,
    description: str,
    auto_tracking: bool | None,
    as_json: bool,
    dry_run: bool,
    **options: str | None,
) -> None:
    """Make an event set and print its id, for `event_source_id`."""
    if not 1 <= len(name.strip()) <= 40:
        raise click.ClickException("--name must have 1 to 40 characters")
    if kind == "crm" and (description or auto_tracking is not None):
        raise click.ClickException("TikTok knows no description and no auto tracking of CRM event sets")
    sets = EventSets(management(**options), advertiser, kind)
    named = [each for each in sets.list(name=name) if each.name == name]
    if named:
        raise click.ClickException(f"there is one with this name already: {named[0].event_set_id}")
    if dry_run:
        click.echo("would be created")
        return
    event_set_id = sets.create(name, description=description, auto_tracking=bool(auto_tracking))
    _record("create", advertiser, event_set_id)
    print_json({"event_set_id": event_set_id}) if as_json else click.echo(event_set_id)


@event_sets.command()
@click.argument("event_set_id")
@_advertiser
@click.option("--name", help="1 to 40 characters.")
@click.option("--description", help="TikTok's own SDK has none in updates; what it makes of one is shown.")
@_tracking
@access
@context.as_json
@context.dry_run
@_refusals
@context.redis_errors
def update(
    event_set_id: str,
    *,
    advertiser: str,
    name: str | None,
    description: str | None,
    auto_tracking: bool | None,
    as_json: bool,
    dry_run: bool,
    **options: str | None,
) -> None:
    """Change an offline event set; show it as TikTok then has it."""
    wanted = {"name": name, "description": description, "auto_tracking": auto_tracking}
    changes = {key: value for key, value in wanted.items() if value is not None}
    if not changes:
        raise click.ClickException("say what to change: --name, --description or --[no-]auto-tracking")
    sets = EventSets(management(**options), advertiser)
    if dry_run:
        click.echo(f"would be changed: {', '.join(changes)}")
        return
    found = sets.update(event_set_id, **changes)
    _record("update", advertiser, event_set_id)
    _show([found], as_json=as_json)


@event_sets.command()
@click.argument("event_set_id")
@_advertiser
@access
@context.dry_run
@context.yes
@_refusals
@context.redis_errors
def delete(event_set_id: str, *, advertiser: str, dry_run: bool, yes: bool, **options: str | None) -> None:
    """Remove an offline event set for good, with what TikTok knows of its events."""
    using = [n for n, each in context.config().destinations.items() if each.mapping.event_source_id == event_set_id]
    sets = EventSets(management(**options), advertiser)
    found = sets.list(event_set_id=event_set_id)
    if not found:
        raise click.ClickException("this advertiser has no such event set")
    what = f"the event set {event_set_id}" + (f", to which {', '.join(using)} sends" if using else "")
    if dry_run:
        click.echo(f"would be deleted: {what}")
        return
    context.confirm(f"{what} will be deleted for good. Go on?", yes=yes)
    sets.delete(event_set_id)
    _record("delete", advertiser, event_set_id)
    click.echo("deleted")


def _record(what: str, advertiser: str, event_set_id: str) -> None:
    details: dict[str, Any] = {"advertiser_id": advertiser, "event_set_id": event_set_id}
    audit.record(context.redis(), f"event-set {what}", destination="", details=details)
