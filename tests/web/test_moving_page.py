"""On the page, too, what named no destination of ours is given to one: one, the ticked, or all that match."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import redis as redis_py

from worker import audit
from worker.access import AccessTokens
from worker.dead_letters import DeadLetter, Queries
from worker.keys import UNKNOWN, Keys
from worker.web.pages.dead_letters import moving

Bury = Callable[..., DeadLetter]


def text(answer: Any) -> str:
    return str(answer.get_data(as_text=True))


def counts(redis: redis_py.Redis) -> tuple[int, int]:
    return Queries(redis, Keys(UNKNOWN)).count(), Queries(redis, Keys("stores")).count()


def lose(bury: Bury, number: int, named: str = "shop") -> DeadLetter:
    message = f"there is no destination '{named}': did you mean 'stores'?"
    return bury(number, destination=UNKNOWN, reason="unknown_destination", message=message)


def test_one_is_moved_from_its_page_and_then_seen_where_it_went(visit: Any, redis: redis_py.Redis, bury: Bury) -> None:
    letter = lose(bury, 1)
    page = text(visit.get(f"/dead-letters/_unknown/{letter.ref}"))
    assert "<option selected>stores</option>" in page
    assert ">Replay<" not in page
    answer = visit.post("/dead-letters/move", {"one": f"_unknown:{letter.ref}", "to": "stores"})
    assert answer.headers["Location"] == f"/dead-letters/stores/{letter.ref}"
    page = text(visit.get(answer.headers["Location"]))
    assert "1 moved" in page
    assert ">Replay<" in page
    assert counts(redis) == (0, 1)
    (told,) = audit.read(redis, limit=9)
    assert (told["action"], told["destination"]) == ("move", UNKNOWN)
    assert told["details"] == {"to": "stores", "count": 1, "refs": [letter.ref]}


def test_ticked_ones_are_asked_about_and_moved_but_what_has_a_destination_stays_there(
    visit: Any, redis: redis_py.Redis, bury: Bury
) -> None:
    refs = [f"_unknown:{lose(bury, number).ref}" for number in (1, 2)]
    refs.append(f"stores:{bury(3).ref}")
    assert "Move ticked…" in text(visit.get("/dead-letters?destination=_unknown"))
    assert "Move ticked…" not in text(visit.get("/dead-letters"))
    assert "Move 2" in text(visit.get("/dead-letters/move?" + "&".join(f"ref={each}" for each in refs)))
    answer = visit.post("/dead-letters/move", {"ref": refs, "to": "stores"})
    assert answer.headers["Location"] == "/dead-letters?destination=stores&reason=unknown_destination"
    assert counts(redis) == (0, 3)


def test_all_that_match_are_moved_a_part_at_a_time(
    visit: Any, redis: redis_py.Redis, bury: Bury, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        lose(bury, number)
    lose(bury, 7, named="other")
    monkeypatch.setattr(moving, "_PART", 2)
    monkeypatch.setattr(moving, "_PART_SECONDS", 0.0)
    meant = {"destination": UNKNOWN, "text": "'shop'"}
    assert "Move at most 6" in text(visit.get("/dead-letters/move?destination=_unknown&text='shop'"))
    page = text(visit.post("/dead-letters/move", {**meant, "to": "stores"}))
    assert "Go on and move" in page
    assert "<option selected>stores</option>" in page
    monkeypatch.setattr(moving, "_PART_SECONDS", 60.0)
    assert visit.post("/dead-letters/move", {**meant, "to": "stores"}).status_code == 303
    assert counts(redis) == (1, 5)


@pytest.mark.parametrize("to", ["", "nowhere", UNKNOWN])
def test_a_place_that_does_not_exist_is_refused_and_nothing_moves(
    visit: Any, redis: redis_py.Redis, bury: Bury, to: str
) -> None:
    letter = lose(bury, 1)
    visit.get("/dead-letters")
    answer = visit.post("/dead-letters/move", {"one": f"_unknown:{letter.ref}", "to": to})
    assert (answer.status_code, counts(redis)) == (400, (1, 0))
    assert "Choose a destination that exists" in text(answer)


def test_who_may_only_read_moves_nothing(make_app: Any, make_visit: Any, redis: redis_py.Redis, bury: Bury) -> None:
    letter = lose(bury, 1)
    token = AccessTokens(redis).create("reader", frozenset({"read"})).text
    visit = make_visit(make_app())
    bearer = {"Authorization": f"Bearer {token}"}
    assert ">Move<" not in text(visit.get(f"/dead-letters/_unknown/{letter.ref}", **bearer))
    answer = visit.post("/dead-letters/move", {"one": f"_unknown:{letter.ref}", "to": "stores"}, **bearer)
    assert (answer.status_code, counts(redis)) == (403, (1, 0))
