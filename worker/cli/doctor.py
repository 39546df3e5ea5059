"""`doctor`: is everything fit to keep events, and what to do where it is not."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from worker.checkup import examine
from worker.cli import context
from worker.cli.output import print_json, print_table


@click.command()
@context.as_json
def doctor(*, as_json: bool) -> None:
    """Check configuration, Redis settings that could lose events, clocks, pauses, unread inboxes.

    Exits with 1 if anything fails.
    """
    found = examine(context.redis(), context.config())
    if as_json:
        print_json([asdict(finding) for finding in found])
    else:
        rows = [(each.state.upper(), each.subject, each.detail, each.advice) for each in found]
        print_table(("", "what", "found", "do"), rows)
    if any(finding.state == "fail" for finding in found):
        sys.exit(1)
