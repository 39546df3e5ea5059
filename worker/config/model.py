"""What the configuration is, once read: frozen values with their units in their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from schemas import STANDARD_EVENTS, Consenting, EventMapper, Mapper, MappingSettings
from schemas.consent import NO_CONSENT
from schemas.identifier_places import Places, identifier_places
from schemas.order_sync import OrderMapper
from worker.config.consent import ConsentSettings
from worker.config.credentials import Credentials
from worker.config.door import DoorSettings
from worker.config.order_sync import OrderSync


@dataclass(frozen=True, slots=True)
class RetrySettings:
    """How long an event is tried before a person is asked."""

    max_attempts: int
    min_backoff_seconds: float
    max_backoff_seconds: float
    max_age_seconds: float


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How many requests all workers together may make for one credential, source and endpoint."""

    requests_per_second: int
    requests_per_minute: int


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """When a failing endpoint is left alone, and for how long."""

    failure_rate: float
    min_requests: int
    window_seconds: float
    min_open_seconds: float
    max_open_seconds: float


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """The share of dead letters at which the destination stops instead of going on."""

    max_dead_share: float
    min_events: int


@dataclass(frozen=True, slots=True)
class DeadLetterSettings:
    """How long, and how many, dead letters are kept."""

    max_age_seconds: float
    max_count: int


@dataclass(frozen=True, slots=True)
class EventSetSettings:
    """The event set that a destination asks for by its name, and how it is made if there is none."""

    advertiser_id: str
    name: str
    description: str
    auto_tracking: bool


@dataclass(frozen=True, slots=True)
class Destination:
    """One place events go to, with everything that decides how."""

    name: str
    credentials: Credentials
    mapping: MappingSettings
    base_url: str
    partner_name: str | None
    batch_size: int
    timeout_seconds: float
    take_back_after_seconds: float
    max_deliveries: int
    max_in_flight: int
    linger_seconds: float
    max_inbox: int
    max_event_bytes: int
    unmapped: str
    ledger_seconds: float
    backlog_alert_seconds: float
    dead_letters_alert: int
    retry: RetrySettings
    rate_limit: RateLimit
    breaker: BreakerSettings
    guard: GuardSettings
    dead_letters: DeadLetterSettings
    order_sync: OrderSync | None = None
    event_set: EventSetSettings | None = None
    require_encryption: bool = False
    hash_at_door: bool = False
    inbox_max_age_seconds: float | None = None
    door: DoorSettings = field(default_factory=DoorSettings)
    consent: ConsentSettings | None = None

    def with_event_set(self, event_set_id: str) -> Destination:
        """Return the destination with the id of the event set that it asked for by name."""
        return replace(self, mapping=replace(self.mapping, event_source_id=event_set_id))

    def mapper(self) -> EventMapper:
        """Return a new mapper of this destination's events. Making one is costly, its use is not."""
        mapper = OrderMapper(self.order_sync.mapping) if self.order_sync else Mapper(self.mapping)
        return Consenting(mapper, self.consent.require) if self.consent else mapper

    def drops(self, reason: str) -> bool:
        """Say whether events refused for this reason are dropped, and counted, instead of kept as dead letters."""
        if reason == NO_CONSENT:
            return self.consent is not None and self.consent.drops
        return reason == "unmapped" and self.unmapped == "discard"

    def identifier_places(self) -> Places:
        """Return where the identifiers lie in this destination's events, and of which kind each is."""
        return identifier_places(self.mapping)

    @property
    def has_one_source(self) -> bool:
        """Say whether every event goes to the same event source, so that its faults are the destination's."""
        return "{{" not in self.mapping.event_source_id

    def known_event(self, name: str | None) -> str | None:
        """Return `name` if it is TikTok's or the configuration's, else None: producers may call theirs anything,
        a person's name included, and event names stand in indexes and metrics."""
        if self.order_sync:
            return name if name in self.order_sync.mapping.status_map.values() else None
        if name in STANDARD_EVENTS or any(rule.event == name for rule in self.mapping.mappings):
            return name
        return None


@dataclass(frozen=True, slots=True)
class Config:
    """Everything of one `destinations.toml`."""

    destinations: Mapping[str, Destination]
    alert_webhook: str | None
    credentials: Mapping[str, Credentials]
