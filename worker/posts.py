"""What is remembered of a request to TikTok once it is over."""

from __future__ import annotations

from dataclasses import dataclass

from worker.errors import Verdict


@dataclass(frozen=True, slots=True)
class Post:
    """One request with `events` items that was sent at `started` and answered at `ended`, both Unix seconds."""

    url: str
    events: int
    started: float
    ended: float
    verdict: Verdict
