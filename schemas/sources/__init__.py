"""Which systems' events are understood? One file for each; a new one is added here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from schemas.event_sources import EventSource
from schemas.sources.segment import SegmentSource
from schemas.sources.source import Source
from schemas.sources.tiktok import TikTokSource

SOURCES: Mapping[str, Callable[[EventSource], Source]] = {
    "tiktok": lambda _: TikTokSource(),
    "segment": SegmentSource,
}
