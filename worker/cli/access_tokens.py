"""`tokens`: who may come in by HTTP."""

from __future__ import annotations

import click
from marshmallow import ValidationError

from worker.access import SCOPES, AccessTokens, IssueError, Record
from worker.cli import context
from worker.cli.output import print_json, print_table, when
from worker.config.fields import Duration


@click.group()
def tokens() -> None:
    """Make, list and revoke access tokens for the web pages and the HTTP door."""


@tokens.command()
@click.option("--name", required=True, help="Who or what it is for; the audit shows it.")
@click.option("--scope", "scopes", multiple=True, required=True, type=click.Choice(list(SCOPES)), help="Repeatable.")
@click.option("--destination", "-d", "destinations", multiple=True, help="Limits enqueue to it; repeatable.")
@click.option("--expires", metavar="DURATION", help="As 90d or 12h; default: never.")
@context.redis_errors
def create(name: str, scopes: tuple[str, ...], destinations: tuple[str, ...], expires: str | None) -> None:
    """Make a token and print it, this once: only a hash of it is kept."""
    for destination in destinations:
        context.destinations(destination)
    try:
        lifetime = None if expires is None else Duration(at_least=1.0).deserialize(expires)
    except ValidationError as error:
        raise click.BadParameter(str(error.messages[0]), param_hint="--expires") from None
    try:
        issued = AccessTokens(context.redis()).create(
            name, scopes, destinations=destinations or None, lifetime_seconds=lifetime
        )
    except IssueError as error:
        raise click.ClickException(str(error)) from None
    click.echo(issued.text)
    click.echo("Keep it like a password: it is not shown again.", err=True)


@tokens.command("list")
@context.limit
@context.as_json
@context.redis_errors
def list_(*, limit: int, as_json: bool) -> None:
    """List the tokens that are not revoked, by name."""
    found = AccessTokens(context.redis()).all()[:limit]
    if as_json:
        print_json([_told(record) for record in found])
        return
    columns = ("id", "name", "scopes", "destinations", "created", "by", "expires", "last used")
    print_table(columns, [_row(record) for record in found])


@tokens.command()
@click.argument("token", metavar="ID_OR_NAME")
@context.dry_run
@context.yes
@context.redis_errors
def revoke(token: str, *, dry_run: bool, yes: bool) -> None:
    """End a token at once."""
    if token.startswith("tte_"):
        # It is in the shell's history by now.
        raise click.ClickException("name the token by its id or name, not by itself; see tokens list")
    known = AccessTokens(context.redis())
    record = known.find(token)
    if record is None:
        raise click.ClickException("there is no such token; see tokens list")
    told = f"{record.name} ({', '.join(sorted(record.scopes))})"
    if dry_run:
        click.echo(f"{told} would be revoked")
        return
    context.confirm(f"Revoke {told}?", yes=yes)
    click.echo(f"{told} {'revoked' if known.revoke(record) else 'was revoked already'}")


def _told(record: Record) -> dict[str, object]:
    return {
        "id": record.token_id,
        "name": record.name,
        "scopes": sorted(record.scopes),
        "destinations": None if record.destinations is None else sorted(record.destinations),
        "created_at": when(record.created_at),
        "created_by": record.created_by,
        "expires_at": None if record.expires_at is None else when(record.expires_at),
        "used_at": None if record.used_at is None else when(record.used_at),
    }


def _row(record: Record) -> tuple[str, ...]:
    return (
        record.token_id,
        record.name,
        ", ".join(sorted(record.scopes)),
        "all" if record.destinations is None else ", ".join(sorted(record.destinations)),
        when(record.created_at),
        record.created_by,
        "never" if record.expires_at is None else when(record.expires_at),
        "never" if record.used_at is None else when(record.used_at),
    )
