"""How long events wait for company: only where many come."""

from __future__ import annotations

import pytest

from worker.pace import Pace


def ready_after(rate: int, *, seconds: float = 1.0, linger: float = 0.05) -> float:
    """How long the next event would wait after one second at so many events a second, each taken as it came."""
    pace, now = Pace(linger), 100.0
    for number in range(int(rate * seconds)):
        now = 100.0 + number / rate
        pace.took(1, now=now)
    return pace.ready_at(now) - now


@pytest.mark.parametrize("rate", [1, 20, 50, 150])
def test_few_wait_for_nobody(rate: int) -> None:
    assert ready_after(rate) == 0


@pytest.mark.parametrize("rate", [300, 1000, 5000])
def test_many_wait_for_each_other(rate: int) -> None:
    assert ready_after(rate) == pytest.approx(0.05)


def test_a_burst_that_is_over_makes_nobody_wait() -> None:
    pace = Pace(0.05)
    pace.took(1000, now=100.0)
    assert pace.ready_at(100.01) == pytest.approx(100.05)
    assert pace.ready_at(100.3) == 100.3


def test_without_linger_nobody_waits() -> None:
    assert ready_after(5000, linger=0.0) == 0
