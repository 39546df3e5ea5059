"""`doctor`: is everything fit to keep events, and what to do where it is not."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import asdict

import click

from worker.checkup import examine
from worker.cli import context
from worker.cli.output import console, print_json, table
from worker.config import ConfigError, load


@click.command()
@context.as_json
def doctor(*, as_json: bool) -> None:
    """Check configuration, Redis settings that could lose events, memory, clocks, groups, credentials, workers.

    Each line is a pass, a warning or a failure, with what to do. Exits with 1 if anything fails.
    """
    try:
        config = load()
    except ConfigError as error:
        found = examine(context.redis(), error)
    else:
        found = examine(context.redis(), config)
    states = Counter(finding.state for finding in found)
    if as_json:
        print_json([asdict(finding) for finding in found])
    else:
        where = console()
        rows = [(each.state.upper(), each.subject, each.detail, each.advice) for each in found]
        where.print(table(("", "what", "found", "do"), rows))
        style = "bold red" if states["fail"] else "yellow" if states["warn"] else "green"
        where.print(f"{states['pass']} pass, {states['warn']} warn, {states['fail']} fail", style=style)
    if states["fail"]:
        sys.exit(1)
