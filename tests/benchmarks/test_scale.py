"""What more workers bring is told by arrivals: at their height, or for a shared limit after its burst."""

from __future__ import annotations

import pytest

from benchmarks.scale import FULL, WORKERS, Run, _rates, table
from benchmarks.turnover import Turnover


def test_a_shared_limit_is_judged_without_its_first_second() -> None:
    burst = [(100.0, 10)] * 4
    even = [(100.0 + number / 40, 10) for number in range(400)]
    assert _rates(burst + even, settled=True)[1] == pytest.approx(40, rel=0.01)
    assert _rates(burst + even, settled=True)[0] == pytest.approx(400, rel=0.01)


def test_a_throughput_is_judged_without_its_beginning_and_its_end() -> None:
    slow = [(100.0 + number, 1) for number in range(10)]
    assert _rates(slow, settled=False) == (pytest.approx(8 / 8.1, rel=0.13), pytest.approx(8 / 8.1, rel=0.13))


def test_the_table_tells_every_size_and_how_far_a_limit_was_missed() -> None:
    runs = [Run(setting, count, 100.0 * count, 41.0) for setting in FULL for count in WORKERS]
    told = table(runs, Turnover(events=1_000, lost=0, repeated=2, in_hand=40))
    assert "| 41.0 (+2.5%) |" in told
    assert "| 800 (8.0 ×) |" in told
    assert "of 1,000 events 0 were lost and 2 were sent twice, of 40" in told
