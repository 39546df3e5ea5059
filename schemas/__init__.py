"""What must an event look like, and what does TikTok get of it?

Pure: no Redis, no HTTP, no clock of its own. A `Mapper` is made once for a destination and maps one event at a time.
"""

from schemas.consent import Consenting
from schemas.event_names import STANDARD_EVENTS
from schemas.mapper import Mapper
from schemas.mapping import EventMapper
from schemas.outcome import REASONS, Fault, Item, Mapped, Refused, RequestKey
from schemas.settings import MappingSettings, Rule, SettingsError

__all__ = [
    "REASONS",
    "STANDARD_EVENTS",
    "Consenting",
    "EventMapper",
    "Fault",
    "Item",
    "Mapped",
    "Mapper",
    "MappingSettings",
    "Refused",
    "RequestKey",
    "Rule",
    "SettingsError",
]
