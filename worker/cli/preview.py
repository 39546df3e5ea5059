"""`preview`: what would be sent, request by request, and what would not, without sending unless asked to."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urljoin

import click

from schemas import EventMapper, Fault, Mapper, SettingsError
from tiktok_events.encoding import encode_event
from tiktok_events.errors import EnqueueError
from tiktok_events.formats import FORMATS
from tiktok_events.identity import event_identity
from tiktok_events.orders import GroupBy, ValuePer, group_rows
from tiktok_events.rows import FormatError, Row
from worker.cli import context
from worker.cli.output import print_json
from worker.config import Destination
from worker.envelope import Envelope
from worker.errors import Verdict
from worker.grouping import Request, group, request
from worker.inbox import Claimed
from worker.preparation import Prepared, prepare
from worker.runtime import Runtime
from worker.settlement import Dead
from worker.tokens import tokens_of


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--destination", "-d", required=True)
@click.option("--format", "form", type=click.Choice(sorted(FORMATS)), default="jsonl", show_default=True)
@click.option("--group-by", type=click.Choice(get_args(GroupBy)), help="Make one event of the rows of an order.")
@click.option("--value-per", type=click.Choice(get_args(ValuePer)), default="order", show_default=True)
@click.option("--send", is_flag=True, help="Send the requests as test events and show TikTok's answers.")
@click.option("--test-event-code", metavar="CODE", help="From the tab Test Events of TikTok's Events Manager.")
def preview(
    file: Path,
    destination: str,
    form: str,
    group_by: GroupBy | None,
    value_per: ValuePer,
    send: bool,
    test_event_code: str | None,
) -> None:
    """Show what would become of the events in FILE (or - for standard input). Identifiers are hashed.

    Prints JSON: the requests; for each event what was dropped, assumed or read as another type; and for each event
    that would be refused its reason and fields. Sends nothing, unless --send says so.
    """
    settings = context.config().destinations.get(destination)
    if settings is None:
        raise click.ClickException("there is no such destination")
    if send and not test_event_code:
        raise click.UsageError("--send needs --test-event-code: a preview never sends real conversions")
    if test_event_code and settings.order_sync:
        raise click.UsageError("orders have no test events")
    if test_event_code:
        settings = _testing(settings, test_event_code)
    try:
        with click.open_file(str(file), "rb") as opened:
            rows = FORMATS[form](opened, column=group_by)
            ready, told = _read(group_rows(rows, by=group_by, value_per=value_per) if group_by else rows, settings)
    except FormatError as error:
        raise click.ClickException(str(error)) from None
    requests = _requests(ready, settings)
    told["requests"] = [{"url": urljoin(settings.base_url, each.path), "body": each.body} for each in requests]
    if send:
        told["answers"] = _answers(requests, settings)
    print_json(told)


def _read(rows: Iterable[Row], settings: Destination) -> tuple[list[Prepared], dict[str, Any]]:
    """Return what is ready to be sent, and what is to be said of each event."""
    mapper = settings.mapper()
    now = time.time()
    ready: list[Prepared] = []
    told: dict[str, Any] = {"events": [], "refused": []}
    for row in rows:
        fate = _fate(row, settings, mapper, now)
        if isinstance(fate, Prepared):
            ready.append(fate)
            names = [item.event for item in fate.items]
            told["events"].append({"line": row.line, "events": names, "notes": _listed(fate.notes)})
        else:
            told["refused"].append({"line": row.line, **fate})
    return ready, told


def _testing(settings: Destination, code: str) -> Destination:
    mapping = replace(settings.mapping, test_event_code=code)
    try:
        Mapper(mapping)
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
    return replace(settings, mapping=mapping)


def _fate(row: Row, settings: Destination, mapper: EventMapper, now: float) -> Prepared | dict[str, Any]:
    """Return what is ready to be sent, or why it is not."""
    if row.event is None:
        return {"reason": "undecodable", "fields": [], "rule": row.fault}
    try:
        payload = encode_event(row.event, max_bytes=settings.max_event_bytes)
    except EnqueueError as error:
        return {"reason": "not enqueued", "fields": [], "rule": str(error)}
    envelope = Envelope(
        ref=f"line-{row.line}", id=event_identity(row.event), payload=payload, enqueued_at=int(now * 1000)
    )
    fate = prepare(Claimed(0, "", envelope), settings, mapper, now=now, explain=True)
    if isinstance(fate, Prepared):
        return fate
    if isinstance(fate, Dead):
        return {"reason": fate.letter.reason, "fields": _listed(fate.letter.faults)}
    return {"reason": "discarded", "fields": []}


def _listed(faults: Sequence[Fault]) -> list[dict[str, str]]:
    return [{"path": fault.path, "rule": fault.rule} for fault in faults]


def _requests(ready: Sequence[Prepared], settings: Destination) -> list[Request]:
    items = [item for prepared in ready for item in prepared.items]
    size = 1 if settings.order_sync else settings.batch_size
    return [
        request(settings, key, [items[place] for place in places[first : first + size]])
        for key, places in group(items).items()
        for first in range(0, len(places), size)
    ]


def _answers(requests: Sequence[Request], settings: Destination) -> list[dict[str, Any]]:
    here = Runtime(context.config(), connect=context.redis)
    token = tokens_of(settings.credentials, here.redis, here.client).current()
    if isinstance(token, Verdict):
        raise click.ClickException(f"there is no token: {token.message}")
    answers = []
    for each in requests:
        verdict = here.client.post(
            urljoin(settings.base_url, each.path),
            each.body,
            token=token,
            timeout_seconds=settings.timeout_seconds,
        )
        answers.append(
            {
                "outcome": verdict.outcome.value,
                "code": verdict.code,
                "message": verdict.message,
                "request_id": verdict.request_id,
            }
        )
    return answers
