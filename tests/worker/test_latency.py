"""How long events took is counted in buckets that double, and told as quantiles."""

from __future__ import annotations

import pytest

from worker.latency import quantile_ms, took


@pytest.mark.parametrize(
    ("ages_ms", "counters"),
    [
        ([], {}),
        ([0, 1], {"took:1": 2}),
        ([2], {"took:2": 1}),
        ([3, 4], {"took:4": 2}),
        ([64, 65], {"took:64": 1, "took:128": 1}),
        ([-5000], {"took:1": 1}),
        ([86_400_000], {"took:134217728": 1}),
    ],
)
def test_an_event_is_counted_in_the_bucket_it_fits_in(ages_ms: list[int], counters: dict[str, int]) -> None:
    assert took([1_000_000_000 - age for age in ages_ms], now_ms=1_000_000_000) == counters


@pytest.mark.parametrize(
    ("counters", "share", "within"),
    [
        ({}, 0.5, None),
        ({"delivered": 9}, 0.5, None),
        ({"took:64": 10}, 0.5, 48.0),
        ({"took:64": 10}, 1.0, 64.0),
        ({"took:8": 90, "took:1024": 10}, 0.5, 6.2),
        ({"took:8": 90, "took:1024": 10}, 0.95, 768.0),
    ],
)
def test_a_quantile_lies_within_its_bucket(counters: dict[str, int], share: float, within: float | None) -> None:
    assert quantile_ms(counters, share) == within
