"""What does TikTok get of one event?

The order of the steps: choose what to make of the event, bring it into TikTok's form, validate that against the
contract, check time and requirements, hash what identifies a person.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from schemas import contract
from schemas.changes import changes
from schemas.event_names import in_style
from schemas.event_sources import drop_web_fields, match_key, name_rule, required_part
from schemas.expressions import ExpressionError
from schemas.identity import protect
from schemas.outcome import Fault, Item, Mapped, Refused
from schemas.rules import CompiledRule, compile_rule
from schemas.settings import MappingSettings, SettingsError, faults_of
from schemas.sources import SOURCES
from schemas.sources.source import Raw, Selection
from schemas.templates import Template, TemplateError
from schemas.text import is_blank
from schemas.timestamps import lacks_zone


@dataclass(slots=True)
class _Findings:
    """What the steps have found about one event so far, by what it leads to."""

    notes: list[Fault] = field(default_factory=list)
    invalid: list[Fault] = field(default_factory=list)
    expired: list[Fault] = field(default_factory=list)
    unmatched: list[Fault] = field(default_factory=list)

    def refusal(self, event: str | None) -> Refused | None:
        for reason, faults in (("invalid", self.invalid), ("expired", self.expired)):
            if faults:
                return Refused(reason, _unique(faults), event)
        if self.unmatched:
            # Why e-mail or phone were dropped is what a person needs to know to mend the event.
            return Refused("no_match_key", _unique(self.unmatched + self.notes), event)
        return None


@dataclass(frozen=True, slots=True)
class _Call:
    """What a caller of `Mapper.map` gave beside the event."""

    event_id: str
    received_at: float
    now: float
    explain: bool


class Mapper:
    """Maps the events of one destination. Holds no state of an event, so that threads may share it."""

    def __init__(self, settings: MappingSettings) -> None:
        """Compile the settings. Raises SettingsError with all their faults at once."""
        faults = list(faults_of(settings))
        self._settings = settings
        self._region = settings.default_region.upper() if settings.default_region else None
        self._test_event_code = (settings.test_event_code or "").strip() or None
        days, seconds = divmod(settings.max_event_age_seconds, 86400)
        self._max_age = f"{settings.max_event_age_seconds} seconds" if seconds else f"{days} days"
        make_source = SOURCES.get(settings.source)
        names_events = False
        if make_source:
            self._source = make_source(settings.event_source)
            names_events = self._source.names_events
        try:
            self._event_source_id = Template(settings.event_source_id, name="event_source_id")
        except ExpressionError as error:
            faults.append(Fault("event_source_id", str(error)))
        self._rules = [
            compile_rule(
                rule,
                f"mappings.{position}",
                event_source=settings.event_source,
                # Without a source nothing can be said about who names the events.
                names_events=names_events or make_source is None,
                faults=faults,
            )
            for position, rule in enumerate(settings.mappings)
        ]
        if faults:
            raise SettingsError(tuple(faults))

    def map(
        self, event: object, *, event_id: str, received_at: float, now: float, explain: bool = False
    ) -> Mapped | Refused:
        """Return what TikTok gets of the event, or why it gets nothing. Raises nothing, whatever JSON the event is.

        `event_id` is used when the event has no id of its own. `received_at` (Unix seconds) is when the event was
        enqueued and stands in for a missing time, since it stays the same over retries; `now` (Unix seconds) is what
        the age is measured by. With `explain` the notes also say which values were read as another type, beside what
        was dropped or assumed. An event of which one TikTok event cannot be made is refused as a whole.
        """
        if not isinstance(event, dict):
            return Refused("invalid", (Fault("$", "must be a JSON object"),), None)
        findings = _Findings()
        chosen = self._choose(event, findings)
        if isinstance(chosen, Fault):
            return Refused("unmapped", (chosen, *findings.notes), None)
        findings.invalid += self._source.misplaced(event)
        try:
            event_source_id = self._event_source_id.fill(event)
        except TemplateError as failure:
            findings.invalid.append(failure.fault)
            event_source_id = ""
        call = _Call(event_id, received_at, now, explain)
        items: list[Item] = []
        name: str | None = None
        for selection, rule in chosen:
            item_name, item = self._item(event, selection, rule, event_source_id, call, findings)
            name = name or item_name
            if item and items and any(item.event == other.event for other in items):
                # The same event and id twice is one event to TikTok, which keeps the first.
                findings.notes.append(
                    Fault(rule.path if rule else "event", "makes a TikTok event that is made already")
                )
            elif item:
                items.append(item)
        return findings.refusal(name) or Mapped(tuple(items), _unique(findings.notes))

    def _choose(self, event: Raw, findings: _Findings) -> list[tuple[Selection, CompiledRule | None]] | Fault:
        if not self._rules:
            selection = self._source.select(event)
            return selection if isinstance(selection, Fault) else [(selection, None)]
        shape = self._source.mapping_shape
        chosen: list[tuple[Selection, CompiledRule | None]] = [
            (Selection(rule.event, shape), rule) for rule in self._rules if rule.applies(event, findings.notes)
        ]
        return chosen or Fault("mappings", "none asks for this event")

    def _item(
        self,
        event: Raw,
        selection: Selection,
        rule: CompiledRule | None,
        event_source_id: str,
        call: _Call,
        findings: _Findings,
    ) -> tuple[str | None, Item | None]:
        """Return the TikTok event's name, as far as it is a good one, and the item, unless a fault was found."""
        settings = self._settings

        def origin(target: str) -> str:
            mapped = rule.origin(target) if rule else None
            return mapped or self._source.origin(event, selection.shape, target)

        plain = self._source.adapt(event, selection.shape)
        if selection.event:
            plain["event"] = selection.event
        if rule:
            findings.invalid += _placed(rule.fill(plain, event), origin)
        if is_blank(plain.get("event_id")):
            plain["event_id"] = call.event_id
        if settings.event_source == "offline" and settings.web_fields == "drop":
            dropped = drop_web_fields(plain, accept_external_id=settings.accept_external_id)
            findings.notes += _placed(dropped, origin)

        body, faults = contract.load(plain)
        faults += self._check(body, plain, call, origin, findings)
        findings.invalid += _placed(faults, origin)
        name = body.get("event")
        if name is None or name_rule(name, settings.event_source):
            return None, None
        name = in_style(name, settings.event_names)
        if faults:
            return name, None
        if call.explain:
            findings.notes += _placed(list(changes(plain, body)), origin)

        if "user" in body:
            body["user"], unusable = protect(body["user"], plain["user"], region=self._region)
            if not body["user"]:
                del body["user"]
            findings.notes += [Fault(origin(target), broken) for target, broken in unusable]
        nobody = match_key(body, settings.event_source, accept_external_id=settings.accept_external_id)
        if nobody:
            findings.unmatched.append(Fault(_place_of_key(nobody, origin), nobody.rule))
            return name, None
        test_event_code = self._test_event_code or body.get("test_event_code")
        body.pop("test_event_code", None)
        body["event"] = name
        return name, Item(
            settings.event_source,
            event_source_id,
            test_event_code,
            name,
            body["event_id"],
            body["event_time"],
            body,
        )

    def _check(
        self,
        body: dict[str, Any],
        plain: dict[str, Any],
        call: _Call,
        origin: Callable[[str], str],
        findings: _Findings,
    ) -> list[Fault]:
        """Fill in a missing time; return the faults that are about more than one field or about now."""
        settings = self._settings
        faults: list[Fault] = []
        given = plain.get("event_time")
        if is_blank(given):
            body["event_time"] = math.floor(call.received_at)
            findings.notes.append(Fault(origin("event_time"), "is missing; the time of enqueueing is sent"))
        elif "event_time" in body and lacks_zone(given):
            findings.notes.append(Fault(origin("event_time"), "names no time zone and was read as UTC"))
        if "event_time" in body:
            if body["event_time"] > call.now + settings.max_future_seconds:
                faults.append(Fault("event_time", f"is more than {settings.max_future_seconds} seconds in the future"))
            elif body["event_time"] < call.now - settings.max_event_age_seconds:
                findings.expired.append(Fault(origin("event_time"), f"is older than {self._max_age}"))
        broken = name_rule(body["event"], settings.event_source) if "event" in body else None
        if broken:
            faults.append(Fault("event", broken))
        lacking = required_part(body, settings.event_source)
        if lacking:
            faults.append(lacking)
        return faults


def _place_of_key(nobody: Fault, origin: Callable[[str], str]) -> str:
    # `user` stands for several fields, which have no common place in most sources.
    return nobody.path if nobody.path == "user" else origin(nobody.path)


def _placed(faults: list[Fault], origin: Callable[[str], str]) -> list[Fault]:
    return [Fault(origin(fault.path), fault.rule) for fault in faults]


def _unique(faults: list[Fault]) -> tuple[Fault, ...]:
    return tuple(dict.fromkeys(faults))
