"""Which parts of the documentation are made from the code? `make docs` writes them anew; a test compares.

A page holds `<!-- generated: NAME -->` and, below it, `<!-- end -->`; what lies between is replaced.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import click
from marshmallow import Schema, fields

ROOT = Path(__file__).parents[1]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from schemas import event_names  # noqa: E402 - found by the line above
from schemas.order_sync import fields as order_fields  # noqa: E402
from schemas.sources import amperity_columns, commanders_act_fields, segment_fields  # noqa: E402
from schemas.sources.reading import FieldSource  # noqa: E402
from schemas.sources.segment_presets import PRESETS, page_event  # noqa: E402
from worker import alerts, environment, errors, keys, log_fields, pauses, reasons, settled  # noqa: E402
from worker.access import SCOPES  # noqa: E402
from worker.cli.main import main as commands  # noqa: E402
from worker.config import consent, credentials, door, order_sync, schema  # noqa: E402
from worker.door import problems  # noqa: E402
from worker.metrics import names as metrics  # noqa: E402
from worker.tracing import names as span_names  # noqa: E402

_PART = re.compile(r"(<!-- generated: ([a-z0-9-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table."""
    lines = [list(columns)]
    lines += [["---"] * len(lines[0])]
    lines += [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code(text: object) -> str:
    """Return `text` as Markdown code, "" for nothing."""
    return f"`{text}`" if text not in (None, "") else ""


def settings_of(kind: type[Schema]) -> str:
    """Return the table of one table's settings, without those that have a table of their own."""
    rows = [
        (code(field.data_key or name), _default(field), field.metadata["doc"])
        for name, field in kind().fields.items()
        if "doc" in field.metadata
    ]
    return table(("setting", "default", "meaning"), rows)


def _default(field: fields.Field[Any]) -> str:
    if field.required:
        return "**required**"
    if "default_text" in field.metadata:
        return str(field.metadata["default_text"])
    if "default" in field.metadata:
        return code(f'"{field.metadata["default"]}"')
    value = field.load_default
    if value is None or callable(value):
        return "unset" if value is None else "none"
    if isinstance(value, bool):
        return code(str(value).lower())
    return code(f'"{value}"' if isinstance(value, str) else value)


def _commands(group: click.Group, prefix: str) -> Iterator[tuple[str, str, str]]:
    for name in group.list_commands(_NO_CONTEXT):
        command = group.get_command(_NO_CONTEXT, name)
        assert command is not None
        line = f"{prefix} {name}"
        if isinstance(command, click.Group):
            yield from _commands(command, line)
            continue
        arguments = [each.make_metavar(_NO_CONTEXT) for each in command.params if isinstance(each, click.Argument)]
        options = [max(each.opts, key=len) for each in command.params if isinstance(each, click.Option)]
        about = (command.help or "").partition("\n\n")[0]
        yield code(" ".join([line, *arguments])), " ".join(about.split()), " ".join(map(code, options))


_NO_CONTEXT = click.Context(click.Command("worker"))


def _fields_of(sources: Iterable[FieldSource]) -> Iterator[tuple[str, ...]]:
    for field in sources:
        paths = [code(".".join(path)) for path in field.paths if path[0] != "integrations"]
        if any(path[0] == "integrations" for path in field.paths):
            paths.append(code(f"integrations.TikTok Offline Conversions.{field.paths[-1][-1]}"))
        if field.constant:
            paths.append(f"{'else' if field.paths else 'always'} `{field.constant}`")
        only = "" if len(field.event_sources) > 1 else f"{field.event_sources[0]} only"
        yield code(field.target), ", ".join(paths), "; ".join(filter(None, (only, field.note)))


def _item_fields() -> Iterator[tuple[str, str]]:
    for field in commanders_act_fields.ITEM_FIELDS:
        yield code(field.target), ", ".join(code(".".join(path)) for path in field.paths)
    categories = [code(".".join(path)) for path in commanders_act_fields.CATEGORIES]
    yield code("content_category"), f"{', '.join(categories)}, joined with `>`, the blank ones left out"


def _segment_presets() -> Iterator[tuple[str, ...]]:
    for preset in PRESETS:
        call = f"track {code(preset.trigger)}" if preset.trigger else "any page call"
        event = code(preset.event)
        if preset.call == "page":
            event += f"; on the web `{page_event('web')}`"
        yield preset.name, call, event, _SHAPES[preset.shape]


_SHAPES = {
    "products": "`properties.products`",
    "properties": "the event's own `properties`",
    "none": "",
}


def _event_names() -> Iterator[tuple[str, str]]:
    def listed(names: Iterable[str]) -> str:
        return ", ".join(map(code, sorted(names)))

    yield "offline, web, app", listed(event_names.CURRENT_EVENTS)
    yield "the same, but leaving TikTok's list", listed(event_names.RETIRING_EVENTS)
    yield "web only", listed({event_names.PAGE_VIEW})
    yield "app only", listed(event_names.APP_EVENTS)


def _metrics(listed: dict[str, metrics.Metric]) -> str:
    rows = [
        (code(metric.name), metric.kind, ", ".join(map(code, metric.labels)), metric.help) for metric in listed.values()
    ]
    return table(("metric", "type", "labels", "meaning"), rows)


def _labels() -> Iterator[tuple[str, str, str]]:
    for name, (meaning, values) in metrics.LABELS.items():
        yield code(name), meaning, ", ".join(map(code, values))


def _legacy_names() -> Iterator[tuple[str, str]]:
    for name in sorted(event_names.CURRENT_EVENTS):
        former = event_names.in_style(name, "legacy")
        if former != name:
            yield code(name), code(former)


PARTS: dict[str, Callable[[], str]] = {
    "settings-destination": lambda: settings_of(schema.DestinationSchema),
    "settings-credentials": lambda: settings_of(credentials.CredentialsSchema),
    "settings-credentials-request": lambda: settings_of(credentials.RequestNamesSchema),
    "settings-credentials-answer": lambda: settings_of(credentials.AnswerSchema),
    "settings-event-set": lambda: settings_of(schema.EventSetSchema),
    "settings-order-sync": lambda: settings_of(order_sync.OrderSyncSchema),
    "order-sync-fields": lambda: table(
        ("TikTok's field", "read from"), [(code(to), code(path)) for to, path in order_fields.SOURCES.items()]
    ),
    "settings-retry": lambda: settings_of(schema.RetrySchema),
    "settings-rate-limit": lambda: settings_of(schema.RateLimitSchema),
    "settings-breaker": lambda: settings_of(schema.BreakerSchema),
    "settings-guard": lambda: settings_of(schema.GuardSchema),
    "door-problems": lambda: table(
        ("status", "code", "when", "what to do"),
        [(kind.status, code(name), kind.title, kind.advice) for name, kind in problems.KINDS.items()],
    ),
    "access-scopes": lambda: table(("scope", "allows"), [(code(name), about) for name, about in SCOPES.items()]),
    "settings-consent": lambda: settings_of(consent.ConsentSchema),
    "settings-door": lambda: settings_of(door.DoorSchema),
    "settings-dead-letters": lambda: settings_of(schema.DeadLettersSchema),
    "settings-mappings": lambda: settings_of(schema.MappingSchema),
    "settings-alerts": lambda: settings_of(schema.AlertsSchema),
    "environment": lambda: table(
        ("variable", "meaning", "without it"),
        [(code(name), meaning, default) for name, (meaning, default) in environment.VARIABLES.items()],
    ),
    "event-names": lambda: table(("where", "names"), _event_names()),
    "event-names-legacy": lambda: table(("`current`", "`legacy`"), _legacy_names()),
    "segment-fields": lambda: table(
        ("TikTok's field", "read from, the first that is not blank", ""), _fields_of(segment_fields.FIELDS)
    ),
    "segment-product-fields": lambda: table(
        ("field of `properties.contents`", "read from"),
        [
            (code(field.target), ", ".join(code(".".join(path)) for path in field.paths))
            for field in segment_fields.PRODUCT_FIELDS
        ],
    ),
    "commanders-act-fields": lambda: table(
        ("TikTok's field", "read from, the first that is not blank", ""), _fields_of(commanders_act_fields.FIELDS)
    ),
    "commanders-act-item-fields": lambda: table(
        ("field of `properties.contents`", "read from, below `items.X`"), _item_fields()
    ),
    "commanders-act-channels": lambda: table(
        ("`type`", "`event_channel`"), [(code(name), code(to)) for name, to in commanders_act_fields.CHANNELS.items()]
    ),
    "amperity-columns": lambda: table(("TikTok's field", "column", ""), _fields_of(amperity_columns.COLUMNS)),
    "amperity-product-columns": lambda: ", ".join(map(code, amperity_columns.PRODUCT_COLUMNS)),
    "segment-presets": lambda: table(("preset", "call", "becomes", "`contents` from"), _segment_presets()),
    "reasons": lambda: table(
        ("reason", "meaning", "what to do"),
        [(f"[`{name}`](runbook.md#{name})", *told) for name, told in reasons.REASONS.items()],
    ),
    "pauses": lambda: table(
        ("reason", "meaning"),
        [(f"[`{name}`](runbook.md#pause-{name})", meaning) for name, meaning in pauses.REASONS.items()],
    ),
    "alerts": lambda: table(
        ("kind", "meaning"),
        [(f"[`{name}`](runbook.md#alert-{name})", meaning) for name, meaning in alerts.KINDS.items()],
    ),
    "codes": lambda: table(
        ("code", "TikTok means", "outcome"),
        [(number, meaning, code(outcome)) for number, (outcome, meaning) in errors.CODES.items()],
    ),
    "keys": lambda: table(
        ("key", "type", "written by", "ends", "holds"),
        [(code(name), *told) for name, told in keys.ALL.items()],
    ),
    "log-lines": lambda: table(
        ("line", "fields, in this order"),
        [(code(line), ", ".join(map(code, fields))) for line, fields in log_fields.LINES.items()],
    ),
    "log-fields": lambda: table(
        ("field", "type", "meaning"), [(code(name), *told) for name, told in log_fields.FIELDS.items()]
    ),
    "outcomes": lambda: table(
        ("outcome", "what became of the event"), [(code(name), meaning) for name, meaning in settled.OUTCOMES.items()]
    ),
    "span-data": lambda: table(
        ("name", "meaning"), [(code(name), meaning) for name, meaning in span_names.DATA.items()]
    ),
    "metrics-fleet": lambda: _metrics(metrics.FLEET),
    "metrics-worker": lambda: _metrics(metrics.WORKER),
    "metrics-web": lambda: _metrics(metrics.WEB),
    "metric-labels": lambda: table(("label", "what it tells", "values"), _labels()),
    "commands": lambda: table(("command", "what it does", "options"), _commands(commands, "python -m worker")),
}
"""Name of a part: how it is made."""


def pages() -> list[Path]:
    """Return every page of the documentation."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def rendered(text: str) -> str:
    """Return a page with its generated parts made anew. Raises KeyError for a part that nobody makes."""
    return _PART.sub(lambda found: f"{found[1]}{PARTS[found[2]]()}\n{found[3]}", text)


if __name__ == "__main__":
    for page in pages():
        text = page.read_text(encoding="utf-8")
        page.write_text(rendered(text), encoding="utf-8")
