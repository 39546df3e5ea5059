"""What the Lua scripts promise: nothing is ever in two places, or in none."""

from __future__ import annotations

import time

import orjson
import pytest
import redis as redis_py

from worker.dead_letters import Changes, DeadLetter, Filter, Queries, Replayed
from worker.envelope import Attempt, Envelope, opened, unpacked
from worker.inbox import Claimed, Inbox, Terms
from worker.keys import GROUP, Keys
from worker.scripts import run
from worker.settlement import Dead, Done, Fate, Later, Settlement, call

pytestmark = pytest.mark.every_server

KEYS = Keys("stores")


def claim(redis: redis_py.Redis, most: int, consumer: str = "a") -> list[Claimed]:
    return Inbox(redis, KEYS, consumer=consumer).take("t", Terms(size=most, silence_seconds=3600)).batch


def take_back(
    redis: redis_py.Redis, consumer: str = "a", *, silence_seconds: float, size: int, max_deliveries: int
) -> list[Claimed]:
    terms = Terms(size=size, silence_seconds=silence_seconds, max_deliveries=max_deliveries)
    return Inbox(redis, KEYS, consumer=consumer).take("t", terms).batch


def add(redis: redis_py.Redis, count: int = 1, **fields: str) -> None:
    for number in range(count):
        redis.xadd(KEYS.inbox, {"event": orjson.dumps({"n": number}), "id": f"id-{number}", **fields})


def settle(redis: redis_py.Redis, *fates: tuple[Claimed, Fate], delivered: list[bytes] | None = None) -> int:
    settlement = Settlement(fates=list(fates), delivered=delivered or [])
    told = call(KEYS, settlement, now=time.time(), ledger_seconds=3 * 86400)
    return int(run(redis, *told))


def letter(envelope: Envelope, reason: str = "invalid", **more: object) -> DeadLetter:
    return DeadLetter("stores", reason, "why", envelope, time.time(), **more)  # type: ignore[arg-type]


def places(redis: redis_py.Redis) -> dict[str, int]:
    return {
        "streams": sum(redis.xlen(stream) for stream in KEYS.streams),
        "due": redis.zcard(KEYS.due),
        "scheduled": redis.hlen(KEYS.scheduled),
        "dead": redis.zcard(KEYS.dead),
        "dead events": redis.hlen(KEYS.dead_events),
    }


def test_an_entry_is_claimed_by_one_consumer_only(redis: redis_py.Redis) -> None:
    add(redis, 5)
    first, second = claim(redis, 3, "a"), claim(redis, 10, "b")
    assert len(first) == 3
    assert len(second) == 2
    assert not {c.entry_id for c in first} & {c.entry_id for c in second}


def test_a_group_that_vanished_is_made_again_and_starts_at_the_first_entry(redis: redis_py.Redis) -> None:
    add(redis, 2)
    assert len(claim(redis, 10)) == 2
    redis.xgroup_destroy(KEYS.inbox, GROUP)
    assert len(claim(redis, 10)) == 2


def copied(redis: redis_py.Redis) -> bool:
    """Say whether a script read entries since the statistics began."""
    calls = redis.info("commandstats")
    # Redis counts what scripts call, too.
    return int(calls.get("cmdstat_xreadgroup", {"calls": 0})["calls"]) > 1


@pytest.mark.parametrize(
    ("waiting", "held", "beside", "by_script"),
    [
        (300, 0, None, False),
        (300, 150, None, False),
        (99, 0, None, True),
        (150, 51, None, True),
        (300, 0, KEYS.retry, True),
        (300, 0, KEYS.bulk, True),
    ],
    ids=["many", "many behind what is held", "few", "few behind what is held", "a retry beside", "a pack beside"],
)
def test_many_that_wait_in_the_inbox_alone_are_read_past_the_script(
    redis: redis_py.Redis, waiting: int, held: int, beside: str | None, by_script: bool
) -> None:
    claim(redis, 1)  # makes the group
    add(redis, waiting)
    before = claim(redis, held, "before") if held else []
    if beside:
        redis.xadd(beside, {"event": "{}", "events": "{}", "ids": "p", "n": 1})
    redis.config_resetstat()
    batch = claim(redis, 200)
    assert copied(redis) is by_script
    assert len(batch) == min(200, waiting - held + (beside is not None))
    assert not {c.entry_id for c in batch if c.stream == 1} & {c.entry_id for c in before}
    expected = {f"id-{number}" for number in range(held, held + 99)}
    assert expected <= {c.envelope.id for c in batch}


def test_what_is_read_past_the_script_is_what_the_script_reads(redis: redis_py.Redis) -> None:
    add(redis, 120, traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", enqueued_at="7")
    read = claim(redis, 120, "a")
    redis.xgroup_setid(KEYS.inbox, GROUP, "0")
    redis.xgroup_delconsumer(KEYS.inbox, GROUP, "a")
    redis.xadd(KEYS.retry, {"event": "{}"})
    by_script = [claimed for claimed in claim(redis, 1000, "b") if claimed.stream == 1]
    assert read == by_script
    assert len(read) == 120


def test_who_reads_past_the_script_keeps_its_lease_while_there_may_be_more(redis: redis_py.Redis) -> None:
    add(redis, 300)
    inbox = Inbox(redis, KEYS, consumer="a")
    first = inbox.take("t", Terms(size=200))
    assert (len(first.batch), first.more, redis.zcard(KEYS.slices)) == (200, True, 1)
    second = inbox.take("t", Terms(size=200))
    assert (len(second.batch), second.more, redis.zcard(KEYS.slices)) == (100, False, 0)


def test_delivered_entries_leave_the_stream_and_are_counted(redis: redis_py.Redis) -> None:
    add(redis, 1500)
    batch = claim(redis, 1500)
    assert settle(redis, *((claimed, Done("delivered")) for claimed in batch)) == 1500
    assert places(redis)["streams"] == 0
    assert redis.xpending(KEYS.inbox, GROUP)["pending"] == 0
    assert redis.hget(KEYS.totals, "delivered") == b"1500"


def test_settling_twice_changes_nothing(redis: redis_py.Redis) -> None:
    add(redis, 2)
    a, b = claim(redis, 2)
    fates: list[tuple[Claimed, Fate]] = [(a, Later(a.envelope, 5, "retried")), (b, Dead(letter(b.envelope)))]
    assert settle(redis, *fates) == 2
    before = places(redis), redis.hgetall(KEYS.totals)
    assert settle(redis, *fates) == 0
    assert (places(redis), redis.hgetall(KEYS.totals)) == before


def test_a_slow_worker_whose_entry_was_taken_back_settles_nothing(redis: redis_py.Redis) -> None:
    add(redis)
    (slow,) = claim(redis, 1, "slow")
    time.sleep(0.02)
    (taken,) = take_back(redis, "quick", silence_seconds=0.01, size=10, max_deliveries=6)
    assert taken.envelope == slow.envelope
    assert settle(redis, (taken, Done("delivered"))) == 1
    assert settle(redis, (slow, Dead(letter(slow.envelope)))) == 0
    assert places(redis)["dead"] == 0


def test_a_retried_event_comes_back_with_its_reference_and_history(redis: redis_py.Redis) -> None:
    add(redis, traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    (claimed,) = claim(redis, 1)
    tried = claimed.envelope.tried(Attempt(at=1.0, outcome="unavailable", message="no answer"), counts=True)
    settle(redis, (claimed, Later(tried, 0.0, "retried")))
    assert places(redis) == {"streams": 0, "due": 1, "scheduled": 1, "dead": 0, "dead events": 0}
    time.sleep(0.01)
    moved, next_due = run(redis, "promote", [KEYS.due, KEYS.scheduled, KEYS.retry], [10, ""])
    assert (moved, next_due) == (1, -1)
    assert places(redis)["streams"] == 1
    (again,) = claim(redis, 1)
    assert again.envelope == tried
    assert again.envelope.attempts == 1
    assert again.envelope.traceparent == "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_promotion_is_bounded_and_leaves_what_is_not_due(redis: redis_py.Redis) -> None:
    add(redis, 6)
    batch = claim(redis, 6)
    settle(
        redis, *((claimed, Later(claimed.envelope, 0 if n < 5 else 60, "retried")) for n, claimed in enumerate(batch))
    )
    time.sleep(0.01)
    promote = [KEYS.due, KEYS.scheduled, KEYS.retry]
    assert run(redis, "promote", promote, [3, ""])[0] == 3
    moved, next_due = run(redis, "promote", promote, [3, ""])
    assert moved == 2
    assert 55_000 < next_due <= 60_000


def test_retries_cannot_starve_new_events(redis: redis_py.Redis) -> None:
    for number in range(20):
        envelope = Envelope(ref=f"r-{number}", id="x", payload=b"{}", enqueued_at=1)
        redis.xadd(KEYS.retry, {"event": b"{}", "meta": envelope.meta()})
        redis.xadd(KEYS.replay, {"event": b"{}", "meta": envelope.meta()})
    add(redis, 20)
    streams = [claimed.stream for claimed in claim(redis, 10)]
    assert streams.count(1) == streams.count(2) == 5
    assert 3 not in streams


def test_what_a_dead_worker_held_comes_back_in_ever_smaller_batches(redis: redis_py.Redis) -> None:
    add(redis, 100)
    sizes = [len(claim(redis, 100, "a"))]
    held = 0
    for consumer in "bcdef":
        time.sleep(0.03)
        taken = take_back(redis, consumer, silence_seconds=0.02, size=100, max_deliveries=6)
        sizes.append(len(taken))
        held = min(claimed.deliveries for claimed in taken)
    assert sizes[0] == 100
    assert sizes[1] == 100
    assert sizes[2] == 12
    assert held >= 1


def test_entries_deleted_by_another_hand_do_not_stay_pending(redis: redis_py.Redis) -> None:
    add(redis, 3)
    batch = claim(redis, 3, "a")
    redis.xdel(KEYS.inbox, batch[1].entry_id)
    time.sleep(0.02)
    taken = take_back(redis, "b", silence_seconds=0.01, size=10, max_deliveries=6)
    assert [c.entry_id for c in taken] == [batch[0].entry_id, batch[2].entry_id]
    assert redis.xpending(KEYS.inbox, GROUP)["pending"] == 2


def test_an_entry_without_an_event_is_kept_whole(redis: redis_py.Redis) -> None:
    redis.xadd(KEYS.inbox, {"something": "else"})
    (claimed,) = claim(redis, 1)
    assert b"something" in claimed.envelope.payload


@pytest.mark.parametrize(("given", "kept"), [("ok-1", True), ("  ", False), ("a@b.example", False), ("x" * 300, False)])
def test_an_id_given_by_hand_is_kept_unless_it_could_be_somebodys(
    redis: redis_py.Redis, given: str, kept: bool
) -> None:
    redis.xadd(KEYS.inbox, {"event": b'{"a":1}', "id": given})
    (claimed,) = claim(redis, 1)
    assert (claimed.envelope.id == given) is kept
    assert claimed.envelope.id.strip()


def test_an_envelope_survives_its_packing() -> None:
    envelope = Envelope("1-1", "id", b'{"a":"\n"}\n\x00', 5, "tp", 3, (Attempt(1.0, "x", 2, "m", "r"),), 1, True)
    assert unpacked(envelope.packed()) == envelope
    assert opened(envelope.meta(), envelope.payload) == envelope


def bury(redis: redis_py.Redis, count: int, **more: object) -> list[str]:
    add(redis, count)
    batch = claim(redis, count)
    settle(redis, *((claimed, Dead(letter(claimed.envelope, **more))) for claimed in batch))  # type: ignore[arg-type]
    return [claimed.envelope.ref for claimed in batch]


def test_replay_moves_an_event_and_leaves_no_index_behind(redis: redis_py.Redis) -> None:
    (ref,) = bury(redis, 1, code=40002, event="Purchase")
    assert Queries(redis, KEYS).facets() == {"reason": {"invalid": 1}, "code": {"40002": 1}, "event": {"Purchase": 1}}
    changes = Changes(redis, KEYS)
    assert changes.replay(ref) is Replayed.REPLAYED
    assert changes.replay(ref) is Replayed.GONE
    assert places(redis) == {"streams": 1, "due": 0, "scheduled": 0, "dead": 0, "dead events": 0}
    assert Queries(redis, KEYS).facets() == {"reason": {}, "code": {}, "event": {}}
    (claimed,) = claim(redis, 1)
    assert (claimed.envelope.ref, claimed.envelope.attempts, claimed.envelope.replays) == (ref, 0, 1)


def test_an_edited_event_is_what_replay_sends_and_the_original_is_kept_until_then(redis: redis_py.Redis) -> None:
    (ref,) = bury(redis, 1)
    changes, queries = Changes(redis, KEYS), Queries(redis, KEYS)
    assert changes.edit(ref, b'{"mended":true}')
    assert queries.original(ref) == b'{"n":0}'
    found = queries.get(ref)
    assert found is not None
    assert found.envelope.payload == b'{"mended":true}'
    changes.replay(ref)
    (claimed,) = claim(redis, 1)
    assert claimed.envelope.payload == b'{"mended":true}'
    assert not redis.exists(KEYS.dead_revisions)


def test_pages_of_one_millisecond_pass_nothing_over_and_show_nothing_twice(redis: redis_py.Redis) -> None:
    refs = bury(redis, 1300)
    queries = Queries(redis, KEYS)
    for oldest_first in (False, True):
        seen = [found.ref for found in queries.scan(Filter(), oldest_first=oldest_first)]
        assert len(seen) == 1300
        assert set(seen) == set(refs)
        middle = seen[700]
        rest = [found.ref for found in queries.scan(Filter(), start_after=middle, oldest_first=oldest_first)]
        assert rest == seen[701:]


def test_a_scan_goes_on_when_what_it_saw_is_replayed_under_it(redis: redis_py.Redis) -> None:
    refs = bury(redis, 1100)
    changes = Changes(redis, KEYS)
    seen = []
    for found in Queries(redis, KEYS).scan(Filter(), oldest_first=True):
        changes.replay(found.ref)
        seen.append(found.ref)
    assert sorted(seen) == sorted(refs)
    assert places(redis)["dead"] == 0


def test_filters_combine(redis: redis_py.Redis) -> None:
    bury(redis, 2, reason="rejected", code=40002, event="Purchase")
    bury(redis, 3, reason="rejected", code=40000, event="Purchase")
    bury(redis, 1, reason="expired", event="Lead")
    queries = Queries(redis, KEYS)

    def count(**options: object) -> int:
        return sum(1 for _ in queries.scan(Filter(**options)))  # type: ignore[arg-type]

    assert count() == 6
    assert count(reason="rejected") == 5
    assert count(reason="rejected", code=40002) == 2
    assert count(event="Purchase", code=40000) == 3
    assert count(event="Lead", reason="rejected") == 0
    assert count(after=time.time() + 60) == 0
    assert count(before=time.time() + 60) == 6


def test_discard_removes_for_good(redis: redis_py.Redis) -> None:
    bury(redis, 3)
    queries, changes = Queries(redis, KEYS), Changes(redis, KEYS)
    chosen = list(queries.scan(Filter()))[:2]
    assert changes.discard(chosen) == 2
    assert changes.discard(chosen) == 0
    assert queries.count() == 1
    assert queries.facets()["reason"] == {"invalid": 1}


def test_a_dead_letter_that_died_again_since_it_was_read_is_neither_discarded_nor_replayed_by_its_old_face(
    redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    (ref,) = bury(redis, 1, reason="rejected", code=40002, event="Purchase")
    queries, changes = Queries(redis, KEYS), Changes(redis, KEYS)
    old = queries.get(ref)
    assert old is not None
    changes.replay(ref)
    (claimed,) = claim(redis, 1)
    settle(redis, (claimed, Dead(letter(claimed.envelope, reason="exhausted"))))
    assert changes.discard([old]) == 0
    monkeypatch.setattr(Queries, "get", lambda *_: old)
    assert changes.replay(ref) is Replayed.GONE
    assert queries.count() == 1
    assert queries.facets() == {"reason": {"exhausted": 1}, "code": {}, "event": {}}


def test_an_edit_that_comes_while_a_replay_is_under_way_is_what_is_sent(
    redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    (ref,) = bury(redis, 1)
    changes, read = Changes(redis, KEYS), Queries(redis, KEYS).get(ref)

    def read_before_the_edit(*_: object) -> DeadLetter | None:
        changes.edit(ref, b'{"mended":true}')
        return read

    monkeypatch.setattr(Queries, "get", read_before_the_edit)
    changes.replay(ref)
    (claimed,) = claim(redis, 1)
    assert claimed.envelope.payload == b'{"mended":true}'


def test_what_a_redis_that_lost_its_last_second_calls_new_is_counted_when_it_is_done(redis: redis_py.Redis) -> None:
    add(redis, 3)
    batch = claim(redis, 3)
    redis.xgroup_destroy(KEYS.inbox, GROUP)
    assert settle(redis, *((claimed, Done("delivered")) for claimed in batch)) == 3
    assert places(redis)["streams"] == 0
    assert redis.hget(KEYS.totals, "delivered") == b"3"


@pytest.mark.parametrize("broken", [KEYS.due, KEYS.scheduled, KEYS.dead, KEYS.dead_events, KEYS.facets, KEYS.totals])
def test_a_key_of_the_wrong_type_refuses_a_settlement_whole(redis: redis_py.Redis, broken: str) -> None:
    add(redis, 3)
    done, later, dead = claim(redis, 3)
    redis.set(broken, "something of somebody else's")
    with pytest.raises(redis_py.ResponseError, match="WRONGTYPE"):
        settle(
            redis,
            (done, Done("delivered")),
            (later, Later(later.envelope, 5, "retried")),
            (dead, Dead(letter(dead.envelope))),
        )
    assert redis.xlen(KEYS.inbox) == redis.xpending(KEYS.inbox, GROUP)["pending"] == 3


def test_an_edit_of_a_dead_letter_that_is_gone_leaves_nothing_behind(redis: redis_py.Redis) -> None:
    (ref,) = bury(redis, 1)
    changes = Changes(redis, KEYS)
    changes.replay(ref)
    assert changes.edit(ref, b"{}") is False
    assert not redis.exists(KEYS.dead_revisions)


@pytest.mark.parametrize("count", [3, 150], ids=["few", "so many that the task would read them itself"])
@pytest.mark.parametrize("by", ["delconsumer", "setid"])
def test_what_nobody_holds_and_nobody_would_be_given_is_claimed_by_force(
    redis: redis_py.Redis, by: str, count: int
) -> None:
    add(redis, count + 2)
    kept = claim(redis, 2, "lives")
    if by == "delconsumer":
        claim(redis, count, "removed")
        redis.xgroup_delconsumer(KEYS.inbox, GROUP, "removed")
    else:
        redis.xgroup_setid(KEYS.inbox, GROUP, "$")
    rescued = claim(redis, count + 10, "b")
    assert len(rescued) == count
    assert claim(redis, 10, "c") == []
    assert settle(redis, *((claimed, Done("delivered")) for claimed in kept + rescued)) == count + 2
    assert places(redis)["streams"] == 0
