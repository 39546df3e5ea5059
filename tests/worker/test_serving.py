"""What a deliver task does when it has nothing to do: it listens, and delivers what it hears of by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
import redis as redis_py
from kombu.exceptions import OperationalError

from tiktok_events import Producer
from worker import company
from worker.calls import MOST_TOGETHER, SERVE_TASK, SWEEP_TASK, Calls, parts
from worker.inbox import Terms
from worker.keys import CALLS, LEADER, SWEPT, VACANCY, Keys
from worker.lookout import Lookout
from worker.overview import look
from worker.registry import register
from worker.runtime import Runtime
from worker.sandbox import Sandbox
from worker.schedule import Lease
from worker.serving import Rest, Slice

KEYS = Keys("stores")
MakeRuntime = Callable[..., Runtime]
MakeOrder = Callable[..., dict[str, Any]]


class Broker:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, tuple[Any, ...]]] = []

    def __call__(self, name: str, args: tuple[Any, ...] = (), **_: object) -> None:
        self.sent.append((name, args))

    @property
    def served(self) -> list[tuple[Any, ...]]:
        return [args for name, args in self.sent if name == SERVE_TASK]


@pytest.fixture
def broker(redis: redis_py.Redis) -> Broker:
    redis.set(SWEPT, "1")  # the house is swept
    return Broker()


@pytest.fixture
def put(redis: redis_py.Redis, order_completed: MakeOrder) -> Callable[..., None]:
    def put(*numbers: int) -> None:
        pipe = redis.pipeline()
        for number in numbers:
            pipe.xadd(KEYS.inbox, {"event": orjson.dumps(order_completed(number)), "id": f"message-{number}"})
        pipe.execute()

    return put


@pytest.fixture
def later() -> Iterator[Callable[[float, Callable[[], object]], None]]:
    """Do something a while from now."""
    timers: list[threading.Timer] = []

    def do(seconds: float, act: Callable[[], object]) -> None:
        timers.append(threading.Timer(seconds, act))
        timers[-1].start()

    yield do
    for timer in timers:
        timer.join()


@pytest.fixture
def once(redis: redis_py.Redis) -> Iterator[Callable[..., None]]:
    """Do something in another thread as soon as a task listens, and some condition holds."""
    threads: list[threading.Thread] = []

    def do(act: Callable[[], object], *, condition: Callable[[], bool] = lambda: True) -> None:
        def wait() -> None:
            end = time.monotonic() + 60
            while not (redis.exists(LEADER) and condition()) and time.monotonic() < end:
                time.sleep(0.005)
            act()

        threads.append(threading.Thread(target=wait))
        threads[-1].start()

    yield do
    for thread in threads:
        thread.join()


@pytest.fixture
def one_by_one(sandbox: Sandbox, put: Any, once: Any) -> Callable[[int, int], None]:
    """Put events, each as soon as a task listens and those before it were delivered."""

    def do(first: int, last: int) -> None:
        for number in range(first, last + 1):
            once(
                lambda number=number: put(number), condition=lambda number=number: len(sandbox.deliveries) == number - 1
            )

    return do


class Patience:
    """A clock that jumps ahead as soon as what a test waits for is there.

    Until then no wait counts for longer than a moment, so no slice is over, or silent, because the machine stood still.
    """

    def __init__(self, done: Callable[[], object], *, then_at: float = 3600.0, moment: float = 0.05) -> None:
        self._done, self._moment = done, moment
        self._seconds = self._real = time.monotonic()
        self._then_at = self._seconds + then_at

    def __call__(self) -> float:
        real = time.monotonic()
        self._seconds += min(real - self._real, self._moment)
        self._real = real
        if self._done():
            self._seconds = max(self._seconds, self._then_at)
        return self._seconds


def run(
    here: Runtime,
    broker: Callable[..., None],
    *leases: Lease,
    seconds: float = 30.0,
    listening_seconds: float | None = None,
    leading_as: str | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Rest:
    made = Slice(here, Calls(here.redis, broker), seconds=seconds, listening_seconds=listening_seconds, clock=clock)
    return made.run(leases, leading_as=leading_as)


@pytest.fixture
def nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    def listen(*_: object, **__: object) -> None:
        raise AssertionError("it listens")

    monkeypatch.setattr(Lookout, "listen_and_ask", listen)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether events were asked for along with each wait."""
    found: list[bool] = []
    listen_and_ask = Lookout.listen_and_ask

    def noted(lookout: Lookout, seconds: float, call: Any, **rest: Any) -> Any:
        found.append(call is not None)
        return listen_and_ask(lookout, seconds, call, **rest)

    monkeypatch.setattr(Lookout, "listen_and_ask", noted)
    return found


def test_what_comes_while_it_listens_is_delivered_without_a_message(
    make_runtime: MakeRuntime, sandbox: Sandbox, broker: Broker, put: Any, one_by_one: Any
) -> None:
    put(1)
    one_by_one(2, 5)
    nearly_over = Patience(lambda: len(sandbox.deliveries) == 5, then_at=0.85)
    rest = run(make_runtime(), broker, Lease("stores", "t"), seconds=0.9, clock=nearly_over)
    assert len(sandbox.deliveries) == 5
    # Events came until a moment ago: the one that follows goes on listening, under the same name.
    # A machine that stands still for a moment goes past the time for that, and leaves it to who called the slice.
    ((leases, leading_as),) = broker.served or [(rest.leases, rest.leading_as)]
    assert leases == ()
    assert leading_as is not None
    assert leading_as.startswith("serve:")
    assert not (rest and broker.served)


def test_what_was_heard_of_twice_is_asked_for_while_it_waits(
    make_runtime: MakeRuntime, sandbox: Sandbox, broker: Broker, one_by_one: Any, asked: list[bool]
) -> None:
    one_by_one(1, 5)
    run(make_runtime(), broker, Lease("stores", "t"), clock=Patience(lambda: len(sandbox.deliveries) == 5))
    assert len(sandbox.deliveries) == 5
    assert set(sandbox.deliveries.values()) == {1}
    assert asked[0] is False
    assert True in asked


def test_what_others_took_meanwhile_is_no_reason_to_stop_listening(
    make_runtime: MakeRuntime,
    sandbox: Sandbox,
    broker: Broker,
    one_by_one: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is asked for is gone whenever it is heard of; then it looks once more by itself."""
    listen_and_ask = Lookout.listen_and_ask

    def too_late(lookout: Lookout, seconds: float, call: Any, **rest: Any) -> Any:
        heard, answer = listen_and_ask(lookout, seconds, None, **rest)
        return heard, None if answer is None and call is None else [b"go", 0, [], 0, 0]

    monkeypatch.setattr(Lookout, "listen_and_ask", too_late)
    one_by_one(1, 5)
    run(make_runtime(), broker, Lease("stores", "t"), clock=Patience(lambda: len(sandbox.deliveries) == 5))
    assert len(sandbox.deliveries) == 5


def test_a_destination_that_is_stopped_is_not_asked_for(
    redis: redis_py.Redis,
    make_runtime: MakeRuntime,
    sandbox: Sandbox,
    broker: Broker,
    put: Any,
    once: Any,
    one_by_one: Any,
) -> None:
    here = make_runtime()
    over = threading.Event()

    def stop() -> None:
        here.of("stores")[0].pauses.pause("by_hand", detail="", by="t", credential="", now=time.time())
        put(4)
        over.wait(0.5)
        over.set()

    one_by_one(1, 3)
    once(stop, condition=lambda: len(sandbox.deliveries) == 3)
    run(here, broker, Lease("stores", "t"), clock=Patience(over.is_set))
    assert len(sandbox.deliveries) == 3
    assert redis.xlen(KEYS.inbox) == 1


def test_it_goes_on_for_longer_while_it_listens(
    make_runtime: MakeRuntime, sandbox: Sandbox, broker: Broker, put: Any, later: Any
) -> None:
    for number in range(1, 10):
        later(0.15 * number, lambda number=number: put(number))
    started = time.monotonic()
    all_of_them = Patience(lambda: len(sandbox.deliveries) == 9, moment=0.3)
    run(make_runtime(), broker, Lease("stores", "t"), seconds=0.4, listening_seconds=60, clock=all_of_them)
    assert time.monotonic() - started > 1.2
    assert len(sandbox.deliveries) == 9


def test_it_ends_when_its_worker_is_about_to_stop(
    redis: redis_py.Redis, make_runtime: MakeRuntime, sandbox: Sandbox, broker: Broker, one_by_one: Any, once: Any
) -> None:
    left = threading.Event()

    def leave() -> None:
        company.leave()
        left.set()

    one_by_one(1, 3)
    once(leave, condition=lambda: len(sandbox.deliveries) == 3)
    try:
        # By its clock it neither ends nor is silent for the next minute.
        run(make_runtime(), broker, Lease("stores", "t"), seconds=3600, clock=Patience(lambda: False, moment=0.005))
    finally:
        assert left.wait(60)
        company.arrive(1)
    assert redis.get(LEADER) is None
    assert redis.llen(VACANCY) == 1


@pytest.mark.parametrize("when", [0.0, 0.3], ids=["from the start", "after a while"])
def test_it_gives_up_the_lead_at_once_when_called_tasks_wait_for_its_slot(
    redis: redis_py.Redis, make_runtime: MakeRuntime, broker: Broker, put: Any, later: Any, when: float
) -> None:
    """Its lease would keep all others from what it leaves, for three seconds."""
    redis.set(LEADER, "serve:x", px=30_000)
    for number in range(8):
        later(0.1 * number, lambda number=number: put(number))
    later(when, lambda: redis.zadd(CALLS, {"waits": (time.time() + 60) * 1000}))
    time.sleep(0.05)
    rest = run(make_runtime(), broker, seconds=5.0, leading_as="serve:x")
    assert not rest
    assert redis.get(LEADER) is None
    assert redis.llen(VACANCY) == 1


def test_it_hands_back_when_nothing_comes(
    redis: redis_py.Redis, make_runtime: MakeRuntime, broker: Broker, put: Any
) -> None:
    put(1)
    started = time.monotonic()
    assert not run(make_runtime(), broker, Lease("stores", "t"), seconds=90)
    assert time.monotonic() - started < 45
    assert broker.sent == []
    assert not redis.exists(LEADER)
    assert redis.llen(VACANCY) == 1


def test_it_takes_over_from_who_watches_and_not_from_who_serves(redis: redis_py.Redis) -> None:
    watching = Lookout(redis, {}, name="watch:a")
    assert watching.leads()
    assert not Lookout(redis, {}, name="watch:b").leads()
    serving = Lookout(redis, {}, name="serve:a")
    assert serving.leads()
    assert not watching.leads(for_sure=True)
    assert not Lookout(redis, {}, name="serve:b").leads()
    # The one that follows has its name.
    assert Lookout(redis, {}, name="serve:a").leads()


@pytest.mark.usefixtures("nobody_listens")
def test_it_listens_in_no_slot_that_a_called_task_waits_for(
    redis: redis_py.Redis, make_runtime: MakeRuntime, sandbox: Sandbox, broker: Broker, put: Any
) -> None:
    put(1)
    calls = Calls(redis, broker)
    calls.serve([Lease("stores", "other")])
    ((_, _, call),) = broker.served
    run(make_runtime(), broker, Lease("stores", "t"))
    assert len(sandbox.deliveries) == 1
    assert not redis.exists(LEADER)
    calls.begun(call)
    assert redis.zcard(CALLS) == 0
    assert Lookout(redis, {}, name="serve:t").leads()


def test_more_than_one_batch_is_shared(
    make_runtime: MakeRuntime, sandbox: Sandbox, broker: Broker, put: Any, once: Any
) -> None:
    put(1)
    once(lambda: put(*range(2, 60)))
    all_of_them = Patience(lambda: len(sandbox.deliveries) == 59)
    run(make_runtime(batch_size=5, max_in_flight=4), broker, Lease("stores", "t"), clock=all_of_them)
    assert len(sandbox.deliveries) == 59
    called = [lease for leases, *_ in broker.served for lease in leases]
    assert called
    assert {lease.destination for lease in called} == {"stores"}


def test_a_broker_that_takes_no_message_makes_it_do_all_itself(
    make_runtime: MakeRuntime, sandbox: Sandbox, put: Any, once: Any
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OperationalError

    put(1)
    once(lambda: put(*range(2, 40)))
    all_of_them = Patience(lambda: len(sandbox.deliveries) == 39)
    run(make_runtime(batch_size=5, max_in_flight=4), refuse, Lease("stores", "t"), clock=all_of_them)
    assert len(sandbox.deliveries) == 39


def test_the_house_is_swept_once_a_minute_whoever_leads(
    redis: redis_py.Redis, make_runtime: MakeRuntime, broker: Broker
) -> None:
    redis.delete(SWEPT)
    for _ in range(2):
        run(make_runtime(), broker, clock=Patience(lambda: redis.exists(LEADER)))
    assert [name for name, _ in broker.sent] == [SWEEP_TASK]
    assert 0 < redis.ttl(SWEPT) <= 60


def test_a_retry_that_falls_due_is_promoted_by_who_listens(
    redis: redis_py.Redis, make_runtime: MakeRuntime, sandbox: Sandbox, broker: Broker, put: Any
) -> None:
    sandbox.fault("http", times=1)
    put(1)
    # It does not go to sleep until then, else another would look for it.
    delivered = Patience(lambda: sandbox.deliveries)
    run(make_runtime(retry={"min_backoff": "200ms"}), broker, Lease("stores", "t"), clock=delivered)
    assert len(sandbox.requests) == 2
    assert look(redis, "stores", now=time.time()).totals["delivered"] == 1


def test_packs_are_delivered_whole_and_each_event_has_its_own_fate(
    redis: redis_py.Redis,
    redis_url: str,
    make_runtime: MakeRuntime,
    sandbox: Sandbox,
    broker: Broker,
    order_completed: Any,
) -> None:
    here = make_runtime(guard={"max_dead_share": 1})
    register(redis, here.config)
    events = [order_completed(number) for number in range(150)]
    events[7]["properties"]["currency"] = "none"
    sandbox.fault("code", code=40002, match={"event_id_prefix": "message-120"}, times=50)
    with Producer(redis_url) as producer:
        ids = producer.enqueue_many(events, destination="stores")
    assert redis.xlen(KEYS.bulk) == 2
    assert look(redis, "stores", now=time.time()).waiting == 150
    run(here, broker, Lease("stores", "t"))
    now = look(redis, "stores", now=time.time())
    assert (now.waiting, now.in_flight, now.totals["delivered"], now.dead_by_reason) == (
        0,
        0,
        148,
        {"invalid": 1, "rejected": 1},
    )
    assert set(sandbox.deliveries) == set(ids) - {"message-7", "message-120"}
    assert not redis.exists(KEYS.bulk_size)


def test_a_pack_that_a_worker_died_over_is_taken_apart(
    redis: redis_py.Redis,
    redis_url: str,
    make_runtime: MakeRuntime,
    sandbox: Sandbox,
    broker: Broker,
    order_completed: Any,
    fall_silent: Callable[[redis_py.Redis], None],
) -> None:
    dying = make_runtime()
    register(redis, dying.config)
    with Producer(redis_url) as producer:
        producer.enqueue_many([order_completed(number) for number in range(20)], destination="stores")
    _, inbox = dying.of("stores")
    assert len(inbox.take("dead", Terms()).batch) == 20
    fall_silent(redis)
    here = make_runtime()
    Slice(here, Calls(redis, broker)).run([Lease("stores", "t")], listen=False)
    assert not sandbox.requests
    now = look(redis, "stores", now=time.time())
    assert (now.scheduled, now.in_flight, now.waiting) == (20, 0, 0)
    run(here, broker)
    assert len(sandbox.deliveries) == 20
    assert set(sandbox.deliveries.values()) == {1}


def test_leases_are_called_in_lists_that_one_task_can_serve() -> None:
    leases = [Lease(f"d{number}", token) for number in range(60) for token in "ab"]
    found = parts(leases)
    assert sorted(lease for part in found for lease in part) == sorted(leases)
    for part in found:
        assert len(part) <= MOST_TOGETHER
        assert len({lease.destination for lease in part}) == len(part)


@pytest.mark.usefixtures("nobody_listens")
def test_one_thread_of_a_process_listens(make_runtime: MakeRuntime, broker: Broker) -> None:
    here = make_runtime()
    with here.lookout("serve:another") as lookout:
        assert lookout is not None
        assert not run(here, broker)
