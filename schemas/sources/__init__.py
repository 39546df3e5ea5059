"""Which systems' events are understood? One file for each; a new one is added here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from schemas.event_sources import EventSource
from schemas.sources.amperity import AmperitySource
from schemas.sources.commanders_act import CommandersActSource
from schemas.sources.segment import SegmentSource
from schemas.sources.source import Source
from schemas.sources.tiktok import TikTokSource

# Each is made of the destination's event source and the setting `event_source_id`.
SOURCES: Mapping[str, Callable[[EventSource, str], Source]] = {
    "tiktok": TikTokSource,
    "segment": SegmentSource,
    "commanders_act": CommandersActSource,
    "amperity": AmperitySource,
}
