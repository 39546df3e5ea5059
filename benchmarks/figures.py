"""What is a result: measured in pairs, compared as a ratio, held against a target?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, TypeVar


@dataclass(frozen=True, slots=True)
class Target:
    """Bounds of what is held against the target: the ratio, or where there is nothing to compare with, the value."""

    least: float | None = None
    most: float | None = None

    def is_met(self, value: float) -> bool:
        """Say whether `value` lies within the bounds."""
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    def __str__(self) -> str:
        if self.least is not None and self.most is not None:
            return f"{show(self.least)} to {show(self.most)}"
        return f"≥ {show(self.least)}" if self.least is not None else f"≤ {show(self.most)}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the result: `ours[i]` and `other[i]` were measured one after the other.

    Without `other` the target is about `ours` itself.
    """

    name: str
    unit: str
    ours: tuple[float, ...]
    other: tuple[float, ...]
    against: str
    target: Target | None

    @property
    def ratios(self) -> list[float]:
        """Return ours to other, pair by pair, or ours alone where there is no other."""
        if not self.other:
            return list(self.ours)
        return [own / other for own, other in zip(self.ours, self.other, strict=True)]

    @property
    def is_met(self) -> bool | None:
        """Say whether the median meets the target; None where there is none."""
        return self.target.is_met(median(self.ratios)) if self.target else None

    def told(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "name": self.name,
            "unit": self.unit,
            "ours": list(self.ours),
            "other": list(self.other),
            "against": self.against,
            "ratio": {"median": median(self.ratios), "min": min(self.ratios), "max": max(self.ratios)},
            "target": str(self.target) if self.target else None,
            "met": self.is_met,
        }


@dataclass(frozen=True, slots=True)
class Missing:
    """A row that was not measured, and why."""

    name: str
    why: str

    def told(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"name": self.name, "not_measured": self.why}


Row = Figure | Missing
T = TypeVar("T")


def alternate(count: int, first: Callable[[], T], second: Callable[[], T]) -> tuple[list[T], list[T]]:
    """Measure `count` pairs; who goes first changes with each, so that a drift of the machine hits both."""
    firsts: list[T] = []
    seconds: list[T] = []
    for number in range(count):
        for measure, results in ((first, firsts), (second, seconds))[:: 1 if number % 2 == 0 else -1]:
            results.append(measure())
    return firsts, seconds


def show(value: float | None) -> str:
    """Return a number with three digits that count."""
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def summary(values: Sequence[float]) -> str:
    """Return the median and the spread."""
    if len(values) < 2:
        return "".join(show(value) for value in values)
    return f"{show(median(values))} ({show(min(values))}…{show(max(values))})"
