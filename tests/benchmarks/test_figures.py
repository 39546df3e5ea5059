"""A figure is compared pair by pair, and held against its target."""

from __future__ import annotations

import pytest

from benchmarks.figures import Figure, Target, alternate, summary


@pytest.mark.parametrize(
    ("target", "value", "met"),
    [
        (Target(least=2), 2.0, True),
        (Target(least=2), 1.99, False),
        (Target(most=0.5), 0.5, True),
        (Target(most=0.5), 0.51, False),
        (Target(0.85, 1.15), 1.0, True),
        (Target(0.85, 1.15), 0.8, False),
        (Target(0.85, 1.15), 1.2, False),
    ],
)
def test_a_target_holds_up_to_its_bounds(target: Target, value: float, met: bool) -> None:
    assert target.is_met(value) is met


def test_the_ratio_is_taken_pair_by_pair_and_the_median_decides() -> None:
    figure = Figure("rate", "1/s", (10.0, 40.0, 90.0), (10.0, 20.0, 30.0), "other", Target(least=2))
    assert figure.ratios == [1.0, 2.0, 3.0]
    assert figure.is_met
    assert figure.told()["ratio"] == {"median": 2.0, "min": 1.0, "max": 3.0}


def test_without_a_comparison_the_value_itself_is_held_against_the_target() -> None:
    assert Figure("page", "ms", (99.0, 100.0, 101.0), (), "", Target(most=100)).is_met
    assert Figure("page", "ms", (99.0, 101.0, 102.0), (), "", Target(most=100)).is_met is False


def test_who_goes_first_changes_with_each_pair() -> None:
    order: list[str] = []
    firsts, seconds = alternate(3, lambda: order.append("a"), lambda: order.append("b"))
    assert "".join(order) == "abbaab"
    assert len(firsts) == len(seconds) == 3


def test_a_summary_shows_median_and_spread() -> None:
    assert summary([3.0, 1.0, 2.0]) == "2 (1…3)"
    assert summary([1234.5]) == "1,234"
