"""What follows from the measured figures for other sizes, and does it hold where it can be checked?

The model: an event costs each part a time of CPU. Workers and the sink spread over cores, Redis has one. The rate on
`cores` that carry everything is cores / sum of the times; more worker machines add cores until Redis is full.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from statistics import median

from benchmarks.figures import Figure

TIKTOK_RATE = 1_000 * 1_000
"""Events a second for one destination: 1,000 requests a second of 1,000 events, TikTok's published limit."""

_SIZES = (10_000, 50_000, 200_000, TIKTOK_RATE)


@dataclass(frozen=True, slots=True)
class Model:
    """CPU of each part, µs an event."""

    worker: float
    redis: float
    sink: float

    def rate_on(self, cores: int) -> float:
        """Return the events a second of one machine that carries worker, Redis and sink."""
        return min(cores * 1e6 / (self.worker + self.redis + self.sink), self.rate_of_redis())

    def rate_of_core(self) -> float:
        """Return the events a second of a core that workers have to themselves."""
        return 1e6 / self.worker

    def rate_of_redis(self) -> float:
        """Return the events a second that one Redis can carry: its commands run one after the other."""
        return 1e6 / self.redis


def model_of(figures: Mapping[str, Figure]) -> Model | None:
    """Return the model that the figures of a run make, or None where CPU was not accounted for."""
    parts = {part: figures.get(f"CPU of {part}, full inbox") for part in ("worker", "redis", "sink")}
    found = {part: median(figure.ours) for part, figure in parts.items() if figure is not None}
    return Model(**found) if len(found) == len(parts) else None


def markdown(figures: Mapping[str, Figure], *, cores: int) -> str:
    """Return the model's table and its check as Markdown."""
    model = model_of(figures)
    if model is None:
        return "This system does not account for CPU by process: no model."
    measured = median(figures["throughput, against the limit"].ours)
    expected = model.rate_on(cores)
    bytes_an_event = median(figures["Redis memory, enqueue"].ours)
    check = f"Check: on {cores} cores the model gives {expected:,.0f} events/s"
    lines = [
        "| part | µs of CPU an event | events/s |",
        "| --- | --- | --- |",
        f"| worker, a core | {model.worker:.0f} | {model.rate_of_core():,.0f} |",
        f"| one Redis | {model.redis:.1f} | {model.rate_of_redis():,.0f} |",
        f"| one destination at TikTok's limit | | {TIKTOK_RATE:,} |",
        "",
        f"{check}; measured were {measured:,.0f} ({measured / expected:.0%}).",
        "",
        "| events/s | worker cores | Redis servers | Redis memory for an hour of backlog |",
        "| --- | --- | --- | --- |",
    ]
    for rate in _SIZES:
        memory = rate * 3600 * bytes_an_event / 1e9
        workers, servers = ceil(rate / model.rate_of_core()), ceil(rate / model.rate_of_redis())
        lines.append(f"| {rate:,} | {workers} | {servers} | {memory:,.0f} GB |")
    return "\n".join(lines)
