"""What can be set about the mapping of a destination, and which settings are wrong?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from schemas.event_names import NameStyle
from schemas.event_sources import EVENT_SOURCES, EventSource
from schemas.outcome import Fault
from schemas.sources.segment_actions import ACTIONS
from schemas.suggestions import did_you_mean
from tiktok_events.phones import REGIONS

SourceName = Literal["tiktok", "segment", "commanders_act", "amperity"]
Kind = Literal["events", "offline", "order_sync"]
WebFields = Literal["send", "drop"]

MAX_MAPPINGS = 50
_LEGACY_MAX_AGE_SECONDS = 100 * 365 * 86400


@dataclass(frozen=True, slots=True)
class Rule:
    """One mapping: the TikTok event it makes, of which events, and which fields it fills differently.

    `event` is TikTok's name, None only where the source's events carry it. `when` is an expression; None takes every
    event. `fields` maps a target (`properties.order_id`) to a path or expression; "" or None leaves the target out.
    `action` may name the Segment action that the mapping was carried over from; see `schemas.sources.segment_actions`.
    """

    event: str | None = None
    when: str | None = None
    fields: Mapping[str, str | None] = field(default_factory=dict)
    action: str | None = None


@dataclass(frozen=True, slots=True)
class MappingSettings:
    """How a destination's events are read and what becomes of them.

    - `event_source_id`: a literal, `{{path.in.event}}`, or both mixed.
    - `event_names`: None takes the kind's usual one, `legacy` for `offline` and `current` for every other.
    - `default_region`: ISO 3166 alpha-2, reads phone numbers without country code; without it they are dropped.
    - `max_event_age_seconds`, `max_future_seconds`: how far from now an event may have happened.
    - `accept_external_id`: an external id alone is match key enough for an offline event.
    - `test_event_code`: makes every event a test event, whatever the event itself says.
    - `web_fields`: whether offline events carry the fields that TikTok documents for web and app only.
    - `mappings`: replace the source's presets when there is any.
    """

    source: SourceName
    event_source_id: str
    kind: Kind = "events"
    event_source: EventSource = "offline"
    event_names: NameStyle | None = None
    default_region: str | None = None
    max_event_age_seconds: int = 28 * 86400
    max_future_seconds: int = 600
    accept_external_id: bool = False
    test_event_code: str | None = None
    web_fields: WebFields = "send"
    mappings: tuple[Rule, ...] = ()

    @property
    def region(self) -> str | None:
        """The region by which phone numbers without country code are read, as ISO 3166 writes it."""
        return self.default_region.upper() if self.default_region else None

    @property
    def name_style(self) -> NameStyle:
        """How event names are spelt. Whether the legacy endpoints know today's names is not public."""
        return self.event_names or ("legacy" if self.kind == "offline" else "current")


class SettingsError(Exception):
    """Mapping settings that cannot work. `faults` has every one, its path a setting (`mappings.0.when`)."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(f"{fault.path}: {fault.rule}" for fault in faults))
        self.faults = faults


def faults_of(settings: MappingSettings) -> Iterator[Fault]:
    """Yield the faults of everything but templates and mappings, whose compilation finds its own."""
    closed = (
        ("source", settings.source, get_args(SourceName)),
        ("kind", settings.kind, get_args(Kind)),
        ("event_source", settings.event_source, EVENT_SOURCES),
        ("event_names", settings.name_style, get_args(NameStyle)),
        ("web_fields", settings.web_fields, get_args(WebFields)),
    )
    for path, value, allowed in closed:
        if value not in allowed:
            yield Fault(path, f"must be one of {', '.join(allowed)}{did_you_mean(value, allowed)}")
    if settings.kind == "order_sync":
        yield Fault("kind", "must be events or offline: orders have a mapping of their own")
    if settings.kind == "offline":
        yield from _faults_of_legacy(settings)
    if settings.default_region is not None and settings.default_region.upper() not in REGIONS:
        # The one country that everybody abbreviates differently from ISO 3166.
        meant = "; did you mean GB?" if settings.default_region.upper() == "UK" else ""
        yield Fault("default_region", f"must be a country's two letters (ISO 3166 alpha-2){meant}")
    if settings.max_event_age_seconds <= 0:
        yield Fault("max_event_age_seconds", "must be more than 0")
    if settings.max_future_seconds < 0:
        yield Fault("max_future_seconds", "must not be negative")
    if len(settings.mappings) > MAX_MAPPINGS:
        yield Fault("mappings", f"must be at most {MAX_MAPPINGS}, are {len(settings.mappings)}")
    yield from _faults_of_actions(settings)


def _faults_of_actions(settings: MappingSettings) -> Iterator[Fault]:
    for position, rule in enumerate(settings.mappings):
        place = f"mappings.{position}.action"
        if rule.action is not None and settings.source != "segment":
            yield Fault(place, "is for source segment only")
        elif rule.action is not None and rule.action not in ACTIONS:
            yield Fault(place, f"must be one of {', '.join(ACTIONS)}{did_you_mean(rule.action, ACTIONS)}")


def _faults_of_legacy(settings: MappingSettings) -> Iterator[Fault]:
    if settings.event_source != "offline":
        yield Fault("event_source", "must be offline for the legacy offline endpoints")
    if settings.accept_external_id:
        yield Fault("accept_external_id", "must be false: the legacy offline endpoints know e-mail and phone only")
    if settings.test_event_code:
        yield Fault("test_event_code", "must not be set: the legacy offline endpoints have no test events")
    if settings.max_event_age_seconds > _LEGACY_MAX_AGE_SECONDS:
        yield Fault("max_event_age_seconds", "must be at most 100 years, or ISO 8601 cannot carry the time")
