"""How does a Commanders Act event become an update of an order?

The order of the steps: look the event's name up among the statuses, collect every field from its source, its setting
or its smart mapping, validate, check what needs several fields, write it as the settings want it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.changes import changes
from schemas.expressions import EvaluationError, Expression, ExpressionError
from schemas.order_sync import checks, contract, forms
from schemas.order_sync.fields import EVENT_NAME, READING, SOURCES, STATUS, TARGETS
from schemas.order_sync.reading import items_of, nested, origin_of_item, ttoclid_of
from schemas.order_sync.settings import REQUIRED, OrderSettings
from schemas.order_sync.update import OrderUpdate
from schemas.outcome import Fault, Mapped, Refused, RequestKey
from schemas.paths import parts_of, read
from schemas.settings import SettingsError
from schemas.suggestions import did_you_mean
from schemas.templates import Template, TemplateError
from tiktok_events.text import is_blank

_PAGE_URL = parts_of("context.page.url")


class OrderMapper:
    """Maps the events of one order destination. Holds no state of an event, so that threads may share it."""

    def __init__(self, settings: OrderSettings) -> None:
        """Compile the settings. Raises SettingsError with all their faults at once."""
        faults: list[Fault] = []
        self._settings = settings
        self._statuses = {name.strip(): status.strip() for name, status in settings.status_map.items()}
        if not self._statuses:
            faults.append(Fault("status_map", "is required: at least one of your event names with its order status"))
        faults += [
            Fault(f"status_map.{name}", "must name an order status") for name, s in self._statuses.items() if not s
        ]
        self._smart = _compile_fields(settings.fields, faults)
        self._values = _compile_values(settings, faults)
        if faults:
            raise SettingsError(tuple(faults))

    def map(
        self,
        event: object,
        *,
        event_id: str,  # noqa: ARG002 # an order's update has an id of its own
        received_at: float,  # noqa: ARG002 # and its own time, or none that could order it
        now: float,
        explain: bool = False,
    ) -> Mapped | Refused:
        """Return the one update that the event is, or why it is none; see `schemas.mapping.EventMapper`."""
        if not isinstance(event, dict):
            return Refused("invalid", (Fault("$", "must be a JSON object"),), None)
        name = event.get(EVENT_NAME)
        status = self._statuses.get(name.strip()) if isinstance(name, str) else None
        if status is None:
            rule = "is none that status_map maps to an order status" + did_you_mean(name, self._statuses)
            return Refused("unmapped", (Fault(EVENT_NAME, rule),), None)
        faults: list[Fault] = []
        plain = self._collect(event, faults)
        plain[STATUS] = status
        wanted = nested(plain)
        order, broken = contract.load(wanted)
        broken += checks.required_by_status(wanted, status)
        notes: list[Fault] = []
        if not broken:
            broken += checks.stay(order)
            broken += self._timely(order, now)
            sums = list(checks.arithmetic(order))
            if self._settings.arithmetic == "refuse":
                broken += sums
            else:
                notes += self._placed(event, sums)
        # A field that could not even be read is told once, by why.
        unread = {fault.path for fault in faults}
        faults += [fault for fault in self._placed(event, broken) if fault.path not in unread]
        if faults:
            return Refused("invalid", tuple(dict.fromkeys(faults)), status)
        if explain:
            notes += self._placed(event, list(changes(wanted, order)))
        return Mapped((self._update(order, status),), tuple(notes))

    def _collect(self, event: dict[str, Any], faults: list[Fault]) -> dict[str, Any]:
        """Return every field's value by its target; what fails adds a fault."""
        plain = {target: read(event, parts) for target, parts in READING}
        plain |= items_of(event, self._settings.sku_mode, faults)
        for target, template in self._values.items():
            try:
                plain[target] = template.fill(event)
            except TemplateError as failure:
                faults.append(failure.fault)
        if "ttoclid" in self._values and is_blank(plain.get("ttoclid")):
            found = ttoclid_of(read(event, _PAGE_URL))
            if found:
                plain["ttoclid"] = found
                # The setting found nothing; the page's URL did.
                faults[:] = [fault for fault in faults if fault.path != self._origin(event, "ttoclid")]
        for target, expression in self._smart.items():
            try:
                plain[target] = expression.find(event) if expression else None
            except EvaluationError:
                faults.append(Fault(target, "the mapping's expression cannot be worked out for this event"))
        return {target: value for target, value in plain.items() if not is_blank(value)}

    def _timely(self, order: dict[str, Any], now: float) -> list[Fault]:
        most = self._settings.max_future_seconds
        if order["update_time"] > now + most:
            # It would be newer than every true update to come, and bar them all.
            return [Fault("update_time", f"is more than {most} seconds in the future")]
        return []

    def _update(self, order: dict[str, Any], status: str) -> OrderUpdate:
        settings = self._settings
        update_ms = round(order["update_time"] * 1000)
        told = forms.written(order, settings)
        ttoclid = told.pop("ttoclid")
        body: dict[str, Any] = {settings.wrapper_key: told}
        holder = body
        *above, last = settings.ttoclid_path.split(".")
        for key in above:
            holder = holder.setdefault(key, {})
        holder[last] = ttoclid
        return OrderUpdate(
            key=RequestKey("order_sync", order["third_shop_id"], None),
            event=status,
            event_id=f"{order['order_id']}:{update_ms}",
            event_time=int(order["update_time"]),
            body=body,
            order_id=order["order_id"],
            update_ms=update_ms,
        )

    def _placed(self, event: dict[str, Any], faults: list[Fault]) -> list[Fault]:
        return [Fault(self._origin(event, fault.path), fault.rule) for fault in faults]

    def _origin(self, event: dict[str, Any], target: str) -> str:
        """Return where a target was read, or would have been: a path of the event, else the setting's name."""
        if target in self._smart:
            expression = self._smart[target]
            return expression.path if expression and expression.path else target
        if target in self._values:
            return self._values[target].only_path or next(n for n, (t, _) in REQUIRED.items() if t == target)
        if target in SOURCES:
            return SOURCES[target]
        return origin_of_item(event, target) if target.startswith("spu_list") else target


def _compile_fields(fields: Mapping[str, str | None], faults: list[Fault]) -> dict[str, Expression | None]:
    compiled: dict[str, Expression | None] = {}
    for target, source in fields.items():
        place = f"fields.{target}"
        if target not in TARGETS:
            faults.append(Fault(place, "is not a field of an order" + did_you_mean(target, TARGETS)))
            continue
        try:
            compiled[target] = Expression(source) if source and source.strip() else None
        except ExpressionError as error:
            faults.append(Fault(place, str(error)))
    return compiled


def _compile_values(settings: OrderSettings, faults: list[Fault]) -> dict[str, Template]:
    compiled = {}
    for name, (target, meaning) in REQUIRED.items():
        if target in settings.fields:
            continue
        text = settings.values.get(name)
        if text is None or not text.strip():
            faults.append(Fault(name, f"is required: {meaning}"))
            continue
        try:
            compiled[target] = Template(text, name=name)
        except ExpressionError as error:
            faults.append(Fault(name, str(error)))
    return compiled
