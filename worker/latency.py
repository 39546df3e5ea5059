"""How long do events take from the producer to TikTok?

Each minute's counters hold how many delivered events took how long, in buckets that double: `took:64` are those of
more than 32 and at most 64 ms. Sums of such counters tell quantiles, which means and quantiles themselves would not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

PREFIX = "took:"


def took(enqueued_ms: Iterable[int], *, now_ms: int) -> dict[str, int]:
    """Return the counters of events that were enqueued at these times (Unix ms) and are delivered now."""
    exponents: dict[int, int] = {}
    for enqueued in enqueued_ms:
        # A producer's clock may be ahead.
        exponent = max(0, now_ms - enqueued - 1).bit_length()
        exponents[exponent] = exponents.get(exponent, 0) + 1
    return {f"{PREFIX}{1 << exponent}": amount for exponent, amount in exponents.items()}


def quantile_ms(counters: Mapping[str, int], share: float) -> float | None:
    """Return the time within which `share` of the events were delivered, or None if there were none.

    Within a bucket they are taken as spread evenly, so it is off by less than a factor of two.
    """
    buckets = sorted((int(name[len(PREFIX) :]), amount) for name, amount in counters.items() if name.startswith(PREFIX))
    wanted = share * sum(amount for _, amount in buckets)
    if not wanted:
        return None
    passed = 0
    for upper, amount in buckets:
        if passed + amount >= wanted:
            return round(upper / 2 * (1 + (wanted - passed) / amount), 1)
        passed += amount
    return float(buckets[-1][0])
