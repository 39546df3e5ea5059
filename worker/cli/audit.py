"""`audit`: who did what."""

from __future__ import annotations

import click

from worker import audit as records
from worker.cli import context
from worker.cli.output import print_json, print_table, when


@click.command()
@context.limit
@context.as_json
@context.redis_errors
def audit(*, limit: int, as_json: bool) -> None:
    """List who replayed, edited, discarded, paused or revealed what, newest first."""
    found = records.read(context.redis(), limit=limit)
    if as_json:
        print_json([{**record, "at": when(record["at"])} for record in found])
        return
    rows = []
    for record in found:
        details = ", ".join(f"{key} {value}" for key, value in record["details"].items())
        rows.append((when(record["at"]), record["by"], record["action"], record["destination"], details))
    print_table(("at", "by", "did", "destination", "details"), rows)
