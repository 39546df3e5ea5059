"""What has a set-up to offer so that a run can disturb it and count?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from benchmarks.chaos.producer import Stored

DESTINATION = "chaos"
WORKERS = 2
CONCURRENCY = 2


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a subject lives: its Redis, its TikTok and a folder for its files."""

    redis_url: str
    tiktok_url: str
    folder: Path


class Subject(Protocol):
    """One way to bring events to TikTok."""

    name: str
    application: str
    """What `celery -A` is given."""
    under_way: int
    """Most events a pool child holds at a time."""
    quiet_seconds: float
    """How long nothing may change before nothing is believed to come any more."""

    def environment(self) -> Mapping[str, str]:
        """Return the environment of its workers."""

    def store(self, part: Sequence[dict[str, Any]]) -> Stored:
        """Enqueue events in their order."""

    def holders(self) -> frozenset[int] | None:
        """Return the ids of the processes that hold events now; None: it cannot tell."""

    def unsettled(self) -> int:
        """Return how many events it has still to settle."""

    def dead(self) -> list[tuple[str, str]]:
        """Return (event id, reason) of every event it gave up."""

    def close(self) -> None:
        """Close its connections."""
