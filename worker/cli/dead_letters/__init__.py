"""`dead-letters`: see what failed and why, mend it, put it back."""

from __future__ import annotations

import click

from worker.cli.lazy import LazyGroup

_PLACES = {
    "list": "worker.cli.dead_letters.look:list_",
    "show": "worker.cli.dead_letters.look:show",
    "edit": "worker.cli.dead_letters.mend:edit",
    "move": "worker.cli.dead_letters.move:move",
    "replay": "worker.cli.dead_letters.replay:replay",
    "jobs": "worker.cli.dead_letters.replay:jobs",
    "cancel": "worker.cli.dead_letters.replay:cancel",
    "discard": "worker.cli.dead_letters.mend:discard",
    "purge": "worker.cli.dead_letters.mend:purge",
    "export": "worker.cli.dead_letters.transfer:export",
    "import": "worker.cli.dead_letters.transfer:import_",
}


@click.group("dead-letters", cls=LazyGroup, places=_PLACES)
def dead_letters() -> None:
    """See what failed and why, mend it, put it back."""
