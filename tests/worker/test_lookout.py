"""When does who leads look at which destination?"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import redis as redis_py

from worker.config.load import build
from worker.keys import Keys
from worker.lookout import Lookout
from worker.schedule import Schedule

pytestmark = pytest.mark.every_server

NAMES = ("stores", "app", "shop")
A_LONG_TIME = 20.0


@pytest.fixture
def make(redis: redis_py.Redis) -> Callable[[str], Lookout]:
    each = {"kind": "events", "source": "tiktok", "credentials": "main", "event_source_id": "1"}
    raw = {"credentials": {"main": {"access_token": "${TOKEN}"}}, "destinations": dict.fromkeys(NAMES, each)}
    config = build(raw, {"TOKEN": "token-of-the-tests"}, source="test")
    Schedule(redis, config.destinations).look_at(NAMES)  # the server knows the scripts from here on
    return lambda name: Lookout(redis, config.destinations, name=name)


def looked_at(redis: redis_py.Redis, lookout: Lookout) -> int:
    """Return how many destinations it looks at now."""
    redis.config_resetstat()
    lookout.look()
    # One `tick` and one `promote` for each.
    return int(redis.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"]) // 2


def put_aside(redis: redis_py.Redis, name: str, *, seconds: float) -> None:
    """Schedule a retry."""
    keys = Keys(name)
    redis.zadd(keys.due, {"1-1": (time.time() + seconds) * 1000})
    redis.hset(keys.scheduled, "1-1", b'{"v":1,"ref":"1-1","id":"x","enqueued_at":1,"attempts":1,"history":[]}\n{}')


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The clock of lookouts; it stands still until a test turns it."""
    turned = SimpleNamespace(now=time.monotonic())
    monkeypatch.setattr("worker.lookout.time", SimpleNamespace(monotonic=lambda: turned.now))
    return turned


def test_the_quiet_ones_are_left_alone_while_others_are_busy(
    redis: redis_py.Redis, make: Callable[[str], Lookout], clock: SimpleNamespace
) -> None:
    put_aside(redis, "app", seconds=A_LONG_TIME)
    lookout = make("serve:a")
    assert lookout.leads()
    assert looked_at(redis, lookout) == 3
    assert looked_at(redis, lookout) == 0
    clock.now += 1.1
    assert looked_at(redis, lookout) == 1
    clock.now += 4
    assert looked_at(redis, lookout) == 3


def test_where_all_is_quiet_nothing_is_looked_at_for_long(
    redis: redis_py.Redis, make: Callable[[str], Lookout], clock: SimpleNamespace
) -> None:
    lookout = make("serve:a")
    assert lookout.leads()
    assert looked_at(redis, lookout) == 3
    assert lookout.wait_seconds > A_LONG_TIME
    clock.now += A_LONG_TIME
    assert looked_at(redis, lookout) == 0


def test_what_is_due_soon_is_looked_at_then(redis: redis_py.Redis, make: Callable[[str], Lookout]) -> None:
    put_aside(redis, "app", seconds=0.3)
    lookout = make("serve:a")
    assert lookout.leads()
    assert looked_at(redis, lookout) == 3
    assert lookout.wait_seconds <= 0.3
    end = time.monotonic() + 60
    while not (found := lookout.look()):
        assert time.monotonic() < end
        time.sleep(lookout.wait_seconds)
    assert [lease.destination for lease in found] == ["app"]


def test_what_is_heard_of_is_loud_again(redis: redis_py.Redis, make: Callable[[str], Lookout]) -> None:
    lookout = make("serve:a")
    assert lookout.leads()
    assert looked_at(redis, lookout) == 3
    redis.xadd(Keys("shop").inbox, {"event": "{}"})
    assert lookout.listen(1.0) == ["shop"]
    assert lookout.wait_seconds <= 1.0


@pytest.mark.parametrize("how", ["resigned", "was followed"])
def test_who_leads_again_looks_at_everything(redis: redis_py.Redis, make: Callable[[str], Lookout], how: str) -> None:
    first, second = make("watch:a"), make("serve:b")
    assert first.leads()
    assert looked_at(redis, first) == 3
    if how == "resigned":
        first.resign()
    assert second.leads()
    if how == "was followed":
        assert not first.leads(for_sure=True)
    # While another leads, and first has not seen it: an event is put aside.
    put_aside(redis, "app", seconds=A_LONG_TIME)
    second.resign()
    assert first.leads(for_sure=True)
    assert looked_at(redis, first) == 3
    assert first.wait_seconds <= 1.0


def test_a_slice_that_goes_on_under_the_same_name_looks_at_everything(
    redis: redis_py.Redis, make: Callable[[str], Lookout]
) -> None:
    first, second = make("serve:a"), make("")
    for lookout in (first, second, first):
        lookout.begin("serve:a")
        assert lookout.leads()
        assert looked_at(redis, lookout) == 3
