"""The pages of dead letters: found, shown without anybody in clear, mended, put back, discarded."""

from __future__ import annotations

import re
import time
from base64 import b64encode
from collections.abc import Callable
from itertools import chain
from typing import Any

import orjson
import pytest
import redis as redis_py

from schemas import Fault
from tiktok_events.sealing import VARIABLE, is_sealed
from worker import audit
from worker.access import AccessTokens
from worker.app import app as celery
from worker.dead_letters import DeadLetter, Filter, Queries
from worker.envelope import Attempt
from worker.keys import UNKNOWN, Keys
from worker.replay_jobs import ReplayJobs

KEYS = Keys("stores")
Bury = Callable[..., DeadLetter]


def text(answer: Any) -> str:
    return str(answer.get_data(as_text=True))


def place(letter: DeadLetter) -> str:
    return f"/dead-letters/{letter.destination}/{letter.ref}"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["message-1", "message-2", "message-3"]),
        ("?reason=invalid", ["message-2"]),
        ("?code=40002", ["message-3"]),
        ("?event=Purchase", ["message-1"]),
        ("?destination=_unknown", []),
        ("?after=2126-01-01", []),
        ("?before=2126-01-01T00:00", ["message-1", "message-2", "message-3"]),
        ("?text=MESSAGE-2", ["message-2"]),
        ("?text=request-9", ["message-3"]),
        ("?text=person", []),
        ("?reason=rejected&code=40002&text=message", ["message-3"]),
    ],
)
def test_a_filter_finds_what_it_names_and_nothing_by_an_events_values(
    visit: Any, bury: Bury, query: str, found: list[str]
) -> None:
    bury(1, event_name="Purchase")
    bury(2, reason="invalid")
    bury(3, code=40002, request_id="request-9")
    page = text(visit.get(f"/dead-letters{query}"))
    assert [each for each in ("message-1", "message-2", "message-3") if f">{each}<" in page] == found


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?reason=nothing", "no such reason"),
        ("?code=x", "A code is a number"),
        ("?after=yesterday", "A time is written"),
        ("?before=99999-01-01", "A time is written"),
        ("?text=ada@example.com", "none holds an e-mail address"),
    ],
)
def test_a_field_that_means_nothing_is_named(visit: Any, query: str, sentence: str) -> None:
    answer = visit.get(f"/dead-letters{query}")
    assert answer.status_code == 400
    assert sentence in text(answer)


def test_a_page_that_is_not_there_is_said_to_be_so(visit: Any) -> None:
    assert visit.get("/dead-letters?destination=nothing").status_code == 404
    assert visit.get("/dead-letters/stores/1-1").status_code == 404
    assert visit.get("/dead-letters?behind=nonsense").status_code == 200


def test_the_ref_of_one_leads_to_it_at_once(visit: Any, bury: Bury) -> None:
    letter = bury(1)
    answer = visit.get(f"/dead-letters?text={letter.ref}")
    assert (answer.status_code, answer.headers["Location"]) == (303, place(letter))


def test_facets_are_links_with_their_numbers_and_the_one_in_force_takes_itself_away(visit: Any, bury: Bury) -> None:
    bury(1)
    bury(2, reason="invalid")
    bury(3, reason="invalid")
    page = text(visit.get("/dead-letters?code=40002"))
    assert 'href="/dead-letters?code=40002&amp;reason=invalid">invalid 2</a>' in page
    page = text(visit.get("/dead-letters?reason=invalid"))
    assert 'aria-current="true" href="/dead-letters">invalid 2 ✕</a>' in page


def test_one_is_shown_with_its_faults_beside_its_fields_and_nobody_in_clear(
    visit: Any, bury: Bury, order_completed: Callable[..., dict[str, Any]]
) -> None:
    event = order_completed(1, value="much")
    faults = (Fault("properties.value", "must be a number"), Fault("properties.content_ids", "is missing"))
    history = (Attempt(1.0, "unavailable", 50000, "try later", "request-1"),)
    letter = bury(1, event=event, reason="invalid", faults=faults, history=history, request_id="request-2")
    page = text(visit.get(place(letter)))
    for clear in ("person1@example.com", "2025550123", "user-1"):
        assert clear not in page
    assert "&#34;value&#34;: &#34;much&#34;" in page
    line = next(each for each in page.split("<li ") if "&#34;value&#34;" in each)
    assert "broken" in line
    assert "← must be a number" in line
    assert "<code>properties.content_ids</code> is missing" in page
    for told in ("try later", "request-1", "request-2", "Fields break the contract", "It would be a dead letter again"):
        assert told in page


def test_what_tiktok_would_get_stands_beside_it_with_its_hashes_struck_out(visit: Any, bury: Bury) -> None:
    page = text(visit.get(place(bury(1))))
    assert "POST event/track/" in page
    assert "••• (64 characters)" in page
    assert "InitiateCheckout" not in page
    assert "Purchase" in page


def test_in_clear_is_only_shown_to_who_may_see_it_and_is_remembered(
    make_app: Any, make_visit: Any, redis: redis_py.Redis, bury: Bury
) -> None:
    letter = bury(1)
    app = make_app()
    seeing = make_visit(app)
    seeing.get(place(letter))
    page = text(seeing.post(f"{place(letter)}/reveal"))
    assert "person1@example.com" in page
    (told,) = audit.read(redis, limit=9)
    assert (told["action"], told["destination"], told["details"]) == ("reveal", "stores", {"ref": letter.ref})
    assert seeing.get(f"{place(letter)}/reveal").status_code == 405


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("get", "/dead-letters", "read"),
        ("get", "{letter}", "read"),
        ("post", "{letter}/reveal", "reveal"),
        ("get", "{letter}/edit", "operate"),
        ("post", "{letter}/edit/clear", "reveal"),
        ("post", "{letter}/check", "operate"),
        ("post", "{letter}/edit", "operate"),
        ("get", "/dead-letters/replay", "operate"),
        ("post", "/dead-letters/replay", "operate"),
        ("get", "/dead-letters/jobs", "read"),
        ("get", "/dead-letters/jobs/now", "read"),
        ("post", "/dead-letters/jobs/stores/1/cancel", "operate"),
        ("get", "/dead-letters/discard", "operate"),
        ("post", "/dead-letters/discard", "operate"),
        ("get", "/dead-letters/move", "operate"),
        ("post", "/dead-letters/move", "operate"),
        ("get", "/retries", "read"),
        ("post", "/retries/now", "operate"),
        ("post", "/retries/all-now", "operate"),
        ("post", "/retries/give-up", "operate"),
        ("get", "/playground", "read"),
        ("post", "/playground", "read"),
        ("post", "/playground/check", "read"),
    ],
)
def test_each_page_needs_its_scope(
    make_app: Any, redis: redis_py.Redis, bury: Bury, method: str, path: str, scope: str
) -> None:
    letter = bury(1)
    others = frozenset({"enqueue", "read", "operate", "reveal"}) - {scope}
    secret = AccessTokens(redis).create("somebody", others).text
    client = make_app().test_client()
    asked = getattr(client, method)
    url = "http://localhost:8000" + path.format(letter=place(letter))
    answer = asked(url, headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 403
    assert f"You have not the scope {scope}" in text(answer)
    assert Queries(redis, KEYS).count() == 1


@pytest.mark.parametrize("path", ["/replay", "/discard", "/move"])
def test_without_the_forms_own_token_nothing_happens(visit: Any, redis: redis_py.Redis, bury: Bury, path: str) -> None:
    letter = bury(1)
    visit.get("/dead-letters")
    visit.token = "another"
    assert visit.post(f"/dead-letters{path}", {"one": f"stores:{letter.ref}"}).status_code == 403
    assert Queries(redis, KEYS).count() == 1


HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)">'


def test_markup_control_characters_and_size_do_no_harm_wherever_they_stand(
    visit: Any, bury: Bury, order_completed: Callable[..., dict[str, Any]]
) -> None:
    event = order_completed(1, value=HOSTILE, note="a\x1b[31m\u202eb", long="x" * 10_000, many=list(range(5000)))
    event[HOSTILE] = HOSTILE
    letter = bury(1, event=event, id=HOSTILE, message=HOSTILE, request_id=HOSTILE, faults=(Fault(HOSTILE, HOSTILE),))
    pages = [text(visit.get(path)) for path in ("/dead-letters", place(letter), f"{place(letter)}/edit")]
    pages.append(text(visit.post(f"{place(letter)}/reveal")))
    pages.append(text(visit.post(f"{place(letter)}/edit/clear")))
    pages.append(
        text(visit.post("/playground/check", {"destination": "stores", "event": orjson.dumps(event).decode()}))
    )
    for page in pages:
        assert "<script>alert" not in page
        assert "<img" not in page
        assert "\x1b" not in page
        assert "\u202e" not in page
    assert "\\u001b[31m\\u202eb" in pages[3]
    assert "more lines are not shown" in pages[1]
    assert "(10002 characters)" in pages[3]


@pytest.mark.parametrize("payload", [b"{'no json': <b>1</b>}", b"[1]", b"\xff\xfe", b"[" * 900 + b"]" * 900])
def test_what_is_no_event_at_all_is_shown_and_can_be_replaced(
    visit: Any, redis: redis_py.Redis, bury: Bury, payload: bytes, order_completed: Callable[..., dict[str, Any]]
) -> None:
    letter = bury(1, event=payload, reason="undecodable")
    assert "dead letter again" in text(visit.get(place(letter)))
    assert "<b>1</b>" not in text(visit.post(f"{place(letter)}/reveal"))
    assert visit.get(f"{place(letter)}/edit").status_code == 200
    assert visit.post(f"{place(letter)}/edit", {"settings": "a = 1"}).status_code == 422
    page = text(visit.post(f"{place(letter)}/edit/clear"))
    opened = page.partition('name="opened" value="')[2].partition('"')[0]
    whole = orjson.dumps(order_completed(1)).decode()
    assert 'data-verdict="fine"' in text(visit.post(f"{place(letter)}/check", {"event": whole, "opened": opened}))
    assert visit.post(f"{place(letter)}/edit", {"event": whole, "opened": opened}).status_code == 303
    assert Queries(redis, KEYS).is_edited(letter.ref)


def test_single_places_are_mended_without_seeing_anybody(
    visit: Any, redis: redis_py.Redis, bury: Bury, order_completed: Callable[..., dict[str, Any]]
) -> None:
    event = order_completed(1, value="x", currency="dollars")
    letter = bury(1, event=event, reason="invalid")
    visit.get(f"{place(letter)}/edit")
    half = text(visit.post(f"{place(letter)}/check", {"settings": "properties.value = 12.5"}))
    assert 'data-verdict="refused"' in half
    assert "← " in half
    assert "<code>properties.value</code>" in half
    told = "properties.value = 12.5\nproperties.currency = USD\ncontext.traits.email = ada@example.com"
    whole = text(visit.post(f"{place(letter)}/check", {"settings": told, "opened": "made up"}))
    assert 'data-verdict="fine"' in whole
    assert "person1@example.com" not in half + whole
    assert "context.traits.email" in whole
    assert visit.post(f"{place(letter)}/edit", {"settings": "properties.value = 1"}).status_code == 422
    assert not Queries(redis, KEYS).is_edited(letter.ref)
    assert visit.post(f"{place(letter)}/edit", {"settings": told}).status_code == 303
    kept = Queries(redis, KEYS).get(letter.ref)
    assert kept is not None
    assert orjson.loads(kept.envelope.payload)["context"]["traits"]["email"] == "ada@example.com"
    shown = text(visit.get(place(letter)))
    assert "Edited" in shown
    assert "12.5" in shown
    assert "ada@example.com" not in shown
    assert [each["action"] for each in audit.read(redis, limit=9)] == ["edit"]


def test_a_comparison_in_clear_needs_an_editor_that_was_opened_for_it(visit: Any, bury: Bury) -> None:
    letter, other = bury(1), bury(2)
    page = text(visit.post(f"{place(letter)}/edit/clear") if visit.get(place(letter)) else None)
    assert "person1@example.com" in page
    opened = page.partition('name="opened" value="')[2].partition('"')[0]
    assert "person1@example.com" in text(visit.post(f"{place(letter)}/check", {"event": "{}", "opened": opened}))
    assert "person1@example.com" not in text(visit.post(f"{place(letter)}/check", {"event": "{}", "opened": ""}))
    assert "person2@example.com" not in text(visit.post(f"{place(other)}/check", {"event": "{}", "opened": opened}))


def test_ticked_ones_are_planned_and_put_back(
    visit: Any, redis: redis_py.Redis, bury: Bury, order_completed: Callable[..., dict[str, Any]]
) -> None:
    bury(1)
    bury(2, event=order_completed(2, value="x"))
    bury(3)
    lost = bury(4, destination=UNKNOWN, reason="unknown_destination")
    plan = text(visit.get("/dead-letters/replay?ref=stores:000001-0&ref=stores:000002-0"))
    assert "Replay 2" in plan
    assert "<b>1 would die again</b> (invalid 1)" in plan
    answer = visit.post("/dead-letters/replay", {"ref": ["stores:000001-0", "stores:000002-0", f"_unknown:{lost.ref}"]})
    assert "2 replayed, 1 without a destination" in text(visit.get(answer.headers["Location"]))
    assert redis.xlen(KEYS.replay) == 2
    assert (Queries(redis, KEYS).count(), Queries(redis, Keys(UNKNOWN)).count()) == (1, 1)
    (told,) = audit.read(redis, limit=9)
    assert (told["action"], told["details"]["refs"]) == ("replay", ["000001-0", "000002-0"])


def test_all_that_match_become_a_job_that_can_be_watched_and_cancelled(
    visit: Any, redis: redis_py.Redis, bury: Bury, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(celery, "send_task", lambda *told: sent.append(told))
    for number in range(5):
        bury(number)
    bury(9, reason="invalid")
    assert "<b>none would die again</b>" in text(visit.get("/dead-letters/replay?reason=rejected"))
    assert visit.post("/dead-letters/replay", {"reason": "rejected", "rate": "0"}).status_code == 400
    answer = visit.post("/dead-letters/replay", {"reason": "rejected", "rate": "50"})
    (job,) = ReplayJobs(redis, KEYS, owner="").all()
    assert (job.planned, job.rate, job.filter.reason, job.state) == (5, 50.0, "rejected", "running")
    assert sent == [("tiktok_events.replay", ("stores", job.id))]
    assert "0 of 5" in text(visit.get(answer.headers["Location"]))
    *_, last = ReplayJobs(redis, KEYS, owner="a").run(job.id, lambda _: False)
    assert last.replayed == 5
    assert "5 of 5" in text(visit.get("/dead-letters/jobs/now"))
    visit.post("/dead-letters/replay", {"rate": "50"})
    newest = ReplayJobs(redis, KEYS, owner="").all()[0]
    visit.post(f"/dead-letters/jobs/stores/{newest.id}/cancel")
    assert {each.id: each.state for each in ReplayJobs(redis, KEYS, owner="").all()}[newest.id] == "cancelled"
    assert [each["action"] for each in audit.read(redis, limit=9)] == ["cancel", "replay", "replay"]


def test_discarding_is_counted_asked_for_and_leaves_what_died_since(
    visit: Any, redis: redis_py.Redis, bury: Bury
) -> None:
    for number in range(1, 4):
        bury(number)
    bury(5, reason="invalid")
    page = text(visit.get("/dead-letters/discard?reason=rejected"))
    assert "Discard 3" in page
    assert Queries(redis, KEYS).count() == 4
    before = page.partition('name="before" value="')[2].partition('"')[0]
    bury(6, dead_at=time.time() + 1)
    visit.post("/dead-letters/discard", {"reason": "rejected", "before": before})
    assert {each.ref for each in Queries(redis, KEYS).scan(Filter())} == {"000005-0", "000006-0"}
    visit.post("/dead-letters/discard", {"one": "stores:000005-0"})
    assert Queries(redis, KEYS).count() == 1
    assert [each["details"]["count"] for each in audit.read(redis, limit=9)] == [1, 3]


def test_very_many_are_discarded_in_parts_that_add_up(
    visit: Any, redis: redis_py.Redis, bury: Bury, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticking = iter(range(1000))
    monkeypatch.setattr("worker.web.pages.dead_letters.discarding.time.monotonic", lambda: next(ticking) / 10)
    monkeypatch.setattr("worker.web.pages.dead_letters.discarding._PART", 2)
    for number in range(1, 8):
        bury(number)
    page, rounds = text(visit.get("/dead-letters/discard")), 0
    while "Go on" in page or not rounds:
        form = {name: page.partition(f'name="{name}" value="')[2].partition('"')[0] for name in ("before", "gone")}
        answer = visit.post("/dead-letters/discard", form)
        page, rounds = text(answer), rounds + 1
    assert rounds > 1
    assert Queries(redis, KEYS).count() == 0
    assert "7 discarded" in text(visit.get(answer.headers["Location"]))


def test_paging_both_ways_shows_each_once(visit: Any, bury: Bury) -> None:
    for number in range(120):
        bury(number, dead_at=1000.0 + number // 60)  # sixty share a millisecond, as those of a batch do
    bury(7, destination=UNKNOWN, ref="1-1", id="message-unknown", dead_at=1001.0)
    page = text(visit.get("/dead-letters"))
    pages = [ids(page)]
    while older := link(page, "next"):
        page = text(visit.get(older))
        pages.append(ids(page))
    assert sorted(chain(*pages)) == sorted([*(f"message-{number}" for number in range(120)), "message-unknown"])
    back = []
    while newer := link(page, "prev"):
        page = text(visit.get(newer))
        back.append(ids(page))
    assert [*chain(*reversed(back))] == [*chain(*pages[:-1])]


def ids(page: str) -> list[str]:
    return re.findall(r'data-label="Id"[^>]*>([^<]*)<', page)


def link(page: str, rel: str) -> str | None:
    found = re.search(rf'rel="{rel}" href="([^"]+)"', page)
    return found[1].replace("&amp;", "&") if found else None


SEALED_WITH = {name: f"{name}:{b64encode(name.encode().ljust(32, b'.')).decode()}" for name in ("k1", "k2")}


def test_a_sealed_letter_is_shown_mended_and_compared_like_any_other(
    redis: redis_py.Redis, bury: Bury, visit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, SEALED_WITH["k1"])
    letter = bury()
    assert "Order Completed" in text(visit.get(place(letter)))
    assert "person1@example.com" in text(visit.post(place(letter) + "/reveal"))
    visit.get(place(letter) + "/edit")
    assert visit.post(place(letter) + "/edit", {"settings": "properties.value = 47"}).status_code == 303
    assert is_sealed(redis.hget(KEYS.dead_revisions, letter.ref))
    assert "+ " in text(visit.get(place(letter)))


def test_a_letter_that_does_not_open_says_why_and_cannot_be_mended(
    bury: Bury, visit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, SEALED_WITH["k1"])
    letter = bury()
    monkeypatch.setenv(VARIABLE, SEALED_WITH["k2"])
    assert "is sealed with key k1, which is not here" in text(visit.get(place(letter)))
    assert "It is sealed with key k1" in text(visit.post(place(letter) + "/reveal"))
    for path in ("/edit", "/edit/clear"):
        answer = visit.get(place(letter) + path) if path == "/edit" else visit.post(place(letter) + path)
        assert answer.status_code == 409
        assert "Its event is sealed with key k1, which is not here." in text(answer)
