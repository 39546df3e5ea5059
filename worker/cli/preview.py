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
from tiktok_events.formats import FORMATS
from tiktok_events.orders import GroupBy, ValuePer, group_rows
from tiktok_events.rows import FormatError, Row
from worker.cli import context
from worker.cli.output import print_json
from worker.config import Destination
from worker.errors import Verdict
from worker.grouping import Request
from worker.preparation import Prepared
from worker.preview import Stopped, become, requests
from worker.runtime import Runtime
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
    settings = context.destination(destination)
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
    sent = requests(ready, settings)
    told["requests"] = [{"url": urljoin(settings.base_url, each.path), "body": each.body} for each in sent]
    if send:
        told["answers"] = _answers(sent, settings)
    print_json(told)


def _read(rows: Iterable[Row], settings: Destination) -> tuple[list[Prepared], dict[str, Any]]:
    """Return what is ready to be sent, and what is to be said of each event."""
    mapper = settings.mapper()
    now = time.time()
    ready: list[Prepared] = []
    told: dict[str, Any] = {"events": [], "refused": []}
    for row in rows:
        found = _found(row, settings, mapper, now)
        if isinstance(found, Prepared):
            ready.append(found)
            names = [item.event for item in found.items]
            told["events"].append({"line": row.line, "events": names, "notes": _listed(found.notes)})
        else:
            rule = {} if found.rule is None else {"rule": found.rule}
            told["refused"].append({"line": row.line, "reason": found.reason, "fields": _listed(found.faults), **rule})
    return ready, told


def _testing(settings: Destination, code: str) -> Destination:
    mapping = replace(settings.mapping, test_event_code=code)
    try:
        Mapper(mapping)
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
    return replace(settings, mapping=mapping)


def _found(row: Row, settings: Destination, mapper: EventMapper, now: float) -> Prepared | Stopped:
    if row.event is None:
        return Stopped("undecodable", (), row.fault)
    return become(row.event, settings, mapper, now=now, ref=f"line-{row.line}")


def _listed(faults: Sequence[Fault]) -> list[dict[str, str]]:
    return [{"path": fault.path, "rule": fault.rule} for fault in faults]


def _answers(sent: Sequence[Request], settings: Destination) -> list[dict[str, Any]]:
    here = Runtime(context.config(), connect=context.redis)
    token = tokens_of(settings.credentials, here.redis, here.client).current()
    if isinstance(token, Verdict):
        raise click.ClickException(f"there is no token: {token.message}")
    answers = []
    for each in sent:
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
