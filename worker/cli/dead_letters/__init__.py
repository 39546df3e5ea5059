"""`dead-letters`: see what failed and why, mend it, put it back."""

from __future__ import annotations

import click

from worker.cli.dead_letters.look import list_, show
from worker.cli.dead_letters.mend import discard, edit, purge
from worker.cli.dead_letters.move import move
from worker.cli.dead_letters.replay import cancel, jobs, replay
from worker.cli.dead_letters.transfer import export, import_


@click.group("dead-letters")
def dead_letters() -> None:
    """See what failed and why, mend it, put it back."""


for command in (list_, show, edit, move, replay, jobs, cancel, discard, purge, export, import_):
    dead_letters.add_command(command)
