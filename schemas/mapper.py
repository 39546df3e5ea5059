"""What does TikTok get of one event?

The order of the steps: choose what to make of the event, bring it into TikTok's form, validate that against the
contract, check time and requirements, hash what identifies a person.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from schemas import contract
from schemas.changes import changes
from schemas.event_names import in_style
from schemas.event_sources import drop_headless, drop_web_fields, match_key, name_rule, required_part
from schemas.expressions import ExpressionError
from schemas.findings import Findings, unique
from schemas.legacy import legacy_form, without_place
from schemas.outcome import Fault, Item, Mapped, Refused, RequestKey
from schemas.rules import CompiledRule, compile_rule
from schemas.settings import MappingSettings, SettingsError, faults_of
from schemas.sources import SOURCES
from schemas.sources.source import Raw, Selection
from schemas.templates import Template, TemplateError
from schemas.timestamps import lacks_zone
from schemas.usual import Usual
from tiktok_events.identifiers import protect
from tiktok_events.text import is_blank


class _Call(NamedTuple):
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
        self._region = settings.region
        self._name_style = settings.name_style
        self._test_event_code = (settings.test_event_code or "").strip() or None
        # Most destinations' events all share their requests.
        self._key = RequestKey(settings.event_source, settings.event_source_id.strip(), self._test_event_code)
        days, seconds = divmod(settings.max_event_age_seconds, 86400)
        self._max_age = f"{settings.max_event_age_seconds} seconds" if seconds else f"{days} days"
        make_source = SOURCES.get(settings.source)
        names_events = False
        if make_source:
            self._source = make_source(settings.event_source, settings.event_source_id)
            names_events = self._source.names_events
            if self._source.needs_mappings and not settings.mappings:
                faults.append(Fault("mappings", f"at least one mapping is required for source {settings.source}"))
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
        self._usual = Usual(settings, self._source, self._rules) if Usual.exists_for(settings) else None

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
        if self._usual is not None and not explain:
            body = self._usual.body(event, event_id=event_id, now=now)
            if body is not None:
                try:
                    return Mapped((self._sealed(body, self._event_source_id.fill(event)),), ())
                except TemplateError:
                    pass
        return self.map_in_steps(event, event_id=event_id, received_at=received_at, now=now, explain=explain)

    def map_in_steps(
        self, event: Raw, *, event_id: str, received_at: float, now: float, explain: bool = False
    ) -> Mapped | Refused:
        """Do what `map` does without its short cut: this is what the short cut must come to, too."""
        findings = Findings()
        chosen = self._choose(event, findings)
        if isinstance(chosen, Fault):
            return Refused("unmapped", (chosen, *findings.notes), None)
        findings.invalid += self._source.misplaced(event)
        findings.notes += self._source.remarks(event)
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
        return findings.refusal(name) or Mapped(tuple(items), unique(findings.notes))

    def _choose(self, event: Raw, findings: Findings) -> list[tuple[Selection, CompiledRule | None]] | Fault:
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
        findings: Findings,
    ) -> tuple[str | None, Item | None]:
        """Return the TikTok event's name, as far as it is a good one, and the item, unless a fault was found."""
        # Places are TikTok's until something was found: where the source has them costs time.
        here = Findings()
        plain = self._source.adapt(event, selection.shape)
        if selection.event:
            plain["event"] = selection.event
        if rule:
            here.invalid += rule.fill(plain, event)
        name, body = self._body(plain, call, here)
        if here:

            def origin(target: str) -> str:
                mapped = rule.origin(target) if rule else None
                return mapped or self._source.origin(event, selection.shape, target)

            findings.take(here, origin)
        return name, self._sealed(body, event_source_id) if body else None

    def _body(self, plain: dict[str, Any], call: _Call, here: Findings) -> tuple[str | None, dict[str, Any] | None]:
        """Return the event's name, as far as it is a good one, and what is sent, unless a fault was found."""
        settings = self._settings
        if is_blank(plain.get("event_id")):
            plain["event_id"] = call.event_id
        self._leave_out(plain, call, here)
        body, faults = contract.load(plain)
        here.notes += drop_headless(body)
        faults += self._check(body, plain, call, here)
        here.invalid += faults
        name = body.get("event")
        if name is None or name_rule(name, settings.event_source):
            return None, None
        name = in_style(name, self._name_style)
        if faults:
            return name, None
        if call.explain:
            here.notes += changes(plain, body)
        if "user" in body:
            body["user"], unusable = protect(body["user"], plain["user"], region=self._region)
            if not body["user"]:
                del body["user"]
            here.notes += [Fault(place, broken) for place, broken in unusable]
        nobody = match_key(body, settings.event_source, accept_external_id=settings.accept_external_id)
        if nobody:
            here.unmatched.append(nobody)
            return name, None
        if settings.kind == "offline" and call.explain:
            here.notes += without_place(body)
        body["event"] = name
        return name, body

    def _leave_out(self, plain: dict[str, Any], call: _Call, here: Findings) -> None:
        """Take out what is not meant for where the event goes, and note it."""
        settings = self._settings
        if settings.kind != "offline":
            properties = plain.get("properties")
            channel = properties.pop("event_channel", None) if isinstance(properties, dict) else None
            if call.explain and not is_blank(channel):
                here.notes.append(Fault("properties.event_channel", "is for kind offline only and was left out"))
        if settings.event_source == "offline" and settings.web_fields == "drop":
            here.notes += drop_web_fields(plain, accept_external_id=settings.accept_external_id)

    def _sealed(self, body: dict[str, Any], event_source_id: str) -> Item:
        """Return the item of a body that is validated and hashed, in the form of the destination's endpoint."""
        settings = self._settings
        key = self._key
        own_code = body.pop("test_event_code", None)
        if key.event_source_id != event_source_id or (own_code and not self._test_event_code):
            key = RequestKey(settings.event_source, event_source_id, self._test_event_code or own_code)
        return Item(
            key,
            body["event"],
            body["event_id"],
            body["event_time"],
            legacy_form(body) if settings.kind == "offline" else body,
        )

    def _check(self, body: dict[str, Any], plain: dict[str, Any], call: _Call, here: Findings) -> list[Fault]:
        """Fill in a missing time; return the faults that are about more than one field or about now."""
        settings = self._settings
        faults: list[Fault] = []
        given = plain.get("event_time")
        if is_blank(given):
            body["event_time"] = math.floor(call.received_at)
            here.notes.append(Fault("event_time", "is missing; the time of enqueueing is sent"))
        elif "event_time" in body and lacks_zone(given):
            here.notes.append(Fault("event_time", "names no time zone and was read as UTC"))
        if "event_time" in body:
            if body["event_time"] > call.now + settings.max_future_seconds:
                faults.append(Fault("event_time", f"is more than {settings.max_future_seconds} seconds in the future"))
            elif body["event_time"] < call.now - settings.max_event_age_seconds:
                here.expired.append(Fault("event_time", f"is older than {self._max_age}"))
        broken = name_rule(body["event"], settings.event_source) if "event" in body else None
        if broken:
            faults.append(Fault("event", broken))
        if settings.kind == "offline" and "test_event_code" in body:
            # Sent without its code it would count as a real conversion.
            faults.append(Fault("test_event_code", "must be absent: the legacy offline endpoints have no test events"))
        lacking = required_part(body, settings.event_source)
        if lacking:
            faults.append(lacking)
        return faults
