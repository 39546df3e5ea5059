"""`preview`: what would be sent, request by request, and what would not, without sending."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click
import orjson

from tiktok_events.identity import event_identity
from worker.cli import context
from worker.cli.output import print_json
from worker.dead_letters import DeadLetter
from worker.envelope import Envelope
from worker.grouping import group, request
from worker.inbox import Claimed
from worker.preparation import Prepared, prepare
from worker.settlement import Dead


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--destination", "-d", required=True)
def preview(file: Path, destination: str) -> None:
    """Show what would become of the events in FILE (JSON Lines, or - for standard input). Identifiers are hashed.

    Prints JSON: the requests, and for each event that would be refused its reason and fields.
    """
    settings = context.config().destinations.get(destination)
    if settings is None:
        raise click.ClickException("there is no such destination")
    mapper = settings.mapper()
    now = time.time()
    ready: list[Prepared] = []
    refused: list[dict[str, Any]] = []
    with click.open_file(str(file), "rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            fate = prepare(_claimed(number, line.strip(), now), settings, mapper, now=now)
            if isinstance(fate, Prepared):
                ready.append(fate)
            else:
                refused.append({"line": number, **_why(fate.letter if isinstance(fate, Dead) else None)})
    items = [item for prepared in ready for item in prepared.items]
    requests = []
    most = 1 if settings.order_sync else settings.batch_size
    for key, places in group(items).items():
        for first in range(0, len(places), most):
            part = [items[place] for place in places[first : first + most]]
            requests.append(request(settings, key, part).body)
    print_json({"requests": requests, "refused": refused})


def _claimed(number: int, line: bytes, now: float) -> Claimed:
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError:
        event = None
    identity = event_identity(event) if isinstance(event, dict) else ""
    return Claimed(0, "", Envelope(ref=f"line-{number}", id=identity, payload=line, enqueued_at=int(now * 1000)))


def _why(letter: DeadLetter | None) -> dict[str, Any]:
    if letter is None:
        return {"reason": "discarded", "fields": []}
    return {"reason": letter.reason, "fields": [{"path": f.path, "rule": f.rule} for f in letter.faults]}
