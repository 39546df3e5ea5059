"""Which of many lines that say the same is written? The first few of each period; the others are counted."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from time import monotonic

_MOST_KINDS = 10_000
"""Kinds are made of closed lists and of TikTok's codes; should a code be new each time, memory still ends here."""


@dataclass(slots=True)
class _Period:
    ends: float
    written: int = 0
    left_out: int = 0


@dataclass(slots=True)
class Sampler:
    """Lets `most` of a kind through in each `seconds`. Not exact between threads, and it need not be."""

    most: int
    seconds: float
    clock: Callable[[], float] = monotonic
    _periods: dict[Hashable, _Period] = field(default_factory=dict)

    def ask(self, kind: Hashable) -> int | None:
        """Return how many of the kind were left out since the last one that was not, or None: leave this one out."""
        now = self.clock()
        period = self._periods.get(kind)
        if period is None or now >= period.ends:
            left_out = period.left_out if period else 0
            if len(self._periods) >= _MOST_KINDS:
                self._periods.clear()
            self._periods[kind] = _Period(now + self.seconds, written=1)
            return left_out
        if period.written < self.most:
            period.written += 1
            return 0
        period.left_out += 1
        return None
