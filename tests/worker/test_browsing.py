"""A look through the dead letters of all destinations is bounded, goes on where it ended, and misses none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis as redis_py

from worker.dead_letters import Changes, DeadLetter, Filter, Tally, facets, look, tally
from worker.envelope import Envelope
from worker.keys import Keys
from worker.paging import Place, place

NAMES = ["stores", "web", "empty"]


def bury(
    redis: redis_py.Redis, ref: str, *, at: float, destination: str = "stores", reason: str = "rejected", **more: object
) -> None:
    envelope = Envelope(ref, str(more.pop("id", f"id-{ref}")), b'{"email": "ada@example.com"}', 1)
    letter = DeadLetter(destination, reason, "Why Not", envelope, at, **more)  # type: ignore[arg-type]
    Changes(redis, Keys(destination)).add(letter)


def refs(found: tuple[DeadLetter, ...]) -> list[str]:
    return [letter.ref for letter in found]


def test_destinations_are_merged_by_time_and_each_is_seen_once(redis: redis_py.Redis) -> None:
    for number in range(60):
        bury(redis, f"a-{number:02d}", at=1.0 + number // 30)
        bury(redis, f"b-{number:02d}", at=1.0 + number // 20, destination="web")
    seen, start = [], None
    for _ in range(100):
        found = look(redis, Filter(), NAMES, start=start, size=7)
        seen += [(-letter.dead_at, letter.ref) for letter in found.letters]
        if (start := found.older) is None:
            break
    assert len(seen) == len(set(seen)) == 120
    assert [at for at, _ in seen] == sorted(at for at, _ in seen)


def test_a_page_stays_where_it_was_when_others_come_and_go(redis: redis_py.Redis) -> None:
    for number in range(10):
        bury(redis, f"{number}", at=1.0 + number)
    first = look(redis, Filter(), NAMES, size=4)
    assert refs(first.letters) == ["9", "8", "7", "6"]
    bury(redis, "new", at=99.0)
    gone = [letter for letter in first.letters if letter.ref == "6"]
    Changes(redis, Keys("stores")).discard(gone)
    second = look(redis, Filter(), NAMES, start=first.older, size=4)
    assert refs(second.letters) == ["5", "4", "3", "2"]
    assert refs(look(redis, Filter(), NAMES, start=second.newer, towards_now=True, size=4).letters) == [
        "new",
        "9",
        "8",
        "7",
    ]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Filter(text="WHY"), ["3", "2", "1"]),
        (Filter(text="id-2"), ["2"]),
        (Filter(text="REQUEST-1"), ["1"]),
        (Filter(text='"q"'), ["3"]),
        (Filter(text="ada@example.com"), []),
        (Filter(text="stores"), []),
        (Filter(text="why", reason="invalid"), ["2"]),
        (Filter(after=2.0, before=3.0), ["2"]),
    ],
)
def test_a_text_is_found_in_ref_id_request_id_and_message_only(
    redis: redis_py.Redis, wanted: Filter, found: list[str]
) -> None:
    bury(redis, "1", at=1.0, request_id="request-1")
    bury(redis, "2", at=2.0, reason="invalid")
    bury(redis, "3", at=3.0, id='the "q" one', destination="web")
    assert refs(look(redis, wanted, NAMES).letters) == found


def test_a_look_ends_after_its_time_and_the_next_goes_on_there(redis: redis_py.Redis) -> None:
    for number in range(300):
        bury(redis, f"{number:03d}", at=1.0 + number)
    looked, start = 0, None
    ticking: Iterator[int] = iter(range(10_000))
    for _ in range(300):
        found = look(
            redis, Filter(text="id-000"), NAMES, start=start, size=3, seconds=1, clock=lambda: float(next(ticking))
        )
        looked += found.looked_at
        if found.letters:
            break
        assert not found.finished
        start = found.older
    assert refs(found.letters) == ["000"]
    assert looked == 300


def test_counts_are_exact_for_one_facet_and_an_upper_bound_for_more(redis: redis_py.Redis) -> None:
    bury(redis, "1", at=1.0, code=40002, event="Purchase")
    bury(redis, "2", at=2.0, code=40002)
    bury(redis, "3", at=3.0, reason="invalid", destination="web")
    assert tally(redis, Filter(), NAMES) == Tally(3, exact=True)
    assert tally(redis, Filter(reason="rejected", before=2.0), NAMES).count == 1
    both = tally(redis, Filter(code=40002, event="Purchase"), NAMES)
    assert (both.count, both.exact) == (1, False)
    assert facets(redis, NAMES) == {
        "destination": {"stores": 2, "web": 1},
        "reason": {"rejected": 2, "invalid": 1},
        "code": {"40002": 2},
        "event": {"Purchase": 1},
    }


@pytest.mark.parametrize("text", ["", "x", "1:stores", "x:stores:1", "::", "1:stores:"])
def test_a_place_that_means_none_is_none(text: str) -> None:
    assert place(text) is None


def test_a_place_is_read_back_from_its_text() -> None:
    assert place(Place(1.5, "stores", "a:b").text()) == Place(1.5, "stores", "a:b")
