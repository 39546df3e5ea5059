"""The oracle tells every kind of loss from the others."""

from __future__ import annotations

import pytest

from benchmarks.chaos.account import account
from benchmarks.chaos.events import events, is_poison
from benchmarks.chaos.tiktok import script

GOOD, POISON = "good-0000001", "poison-0000002"


@pytest.mark.parametrize(
    ("deliveries", "dead", "unsettled", "counts"),
    [
        pytest.param({GOOD: 1}, [(POISON, "rejected")], 0, (1, 1, 0, 0, 0), id="everything in its place"),
        pytest.param({GOOD: 3}, [(POISON, "rejected")], 0, (1, 1, 0, 0, 0), id="a repeat is no loss"),
        pytest.param({}, [(POISON, "rejected")], 0, (0, 1, 0, 0, 1), id="a good event is nowhere"),
        pytest.param({GOOD: 1}, [], 0, (1, 0, 0, 0, 1), id="poison is nowhere"),
        pytest.param({}, [(POISON, "rejected")], 1, (0, 1, 0, 1, 0), id="a good event is still queued"),
        pytest.param({}, [], 1, (0, 0, 0, 1, 1), id="one is queued, one is nowhere"),
        pytest.param({}, [(GOOD, "exhausted"), (POISON, "rejected")], 0, (0, 1, 1, 0, 0), id="a good event gave up"),
        pytest.param({GOOD: 1}, [(GOOD, "rejected"), (POISON, "rejected")], 0, (0, 1, 1, 0, 0), id="in two places"),
        pytest.param({GOOD: 1}, [(POISON, "crash_loop")], 0, (1, 0, 1, 0, 0), id="poison for a wrong reason"),
        pytest.param({GOOD: 1, POISON: 1}, [], 0, (1, 0, 1, 0, 0), id="poison delivered"),
        pytest.param({GOOD: 1}, [(POISON, "rejected")], 2, (1, 1, 0, 2, 0), id="the queue is not empty"),
    ],
)
def test_what_became_of_an_event(
    deliveries: dict[str, int], dead: list[tuple[str, str]], unsettled: int, counts: tuple[int, ...]
) -> None:
    told = account({GOOD, POISON}, deliveries=deliveries, dead=dead, unsettled=unsettled)
    assert (told.delivered, told.rejected, told.misplaced, told.unsettled, told.lost) == counts
    assert told.is_clean == (counts == (1, 1, 0, 0, 0))


def test_one_event_in_two_hundred_is_poison_and_a_seed_repeats_them() -> None:
    made = [event["messageId"] for event in events(1000, seed=3, now=1.8e9)]
    assert len(set(made)) == 1000
    assert sum(map(is_poison, made)) == 5
    assert made == [event["messageId"] for event in events(1000, seed=3, now=1.8e9)]
    assert made != [event["messageId"] for event in events(1000, seed=4, now=1.8e9)]


def test_one_request_in_five_fails() -> None:
    passing = 1.0
    for step in script(1)["faults"]:
        passing *= 1 - step["match"].get("probability", 0)
    assert 1 - passing == pytest.approx(0.2)
