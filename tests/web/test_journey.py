"""What a person on call does with a dead letter, in a real browser: see, filter, edit, replay, watch it arrive."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
import redis as redis_py
from playwright.sync_api import Browser, Page, expect

from tiktok_events import Producer
from worker.calls import Calls
from worker.config import Config
from worker.dead_letters import Changes, DeadLetter
from worker.envelope import Attempt, Envelope
from worker.keys import Keys
from worker.runtime import Runtime
from worker.sandbox import Sandbox
from worker.schedule import Lease
from worker.serving import Slice
from worker.web import create_app

KEYS = Keys("stores")
MakeOrder = Callable[..., dict[str, Any]]


@pytest.fixture
def shop(own_server: Any, configure: Callable[..., Config]) -> Iterator[tuple[Config, redis_py.Redis]]:
    """A configuration, and its Redis with a worker on it."""
    config = configure(guard={"max_dead_share": 1})
    redis = redis_py.Redis.from_url(own_server.url)
    here = Runtime(config, connect=lambda: redis)
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(0.05):
            Slice(here, Calls(here.redis, print)).run([Lease("stores", "the worker's")], listen=False)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    yield config, redis
    ended.set()
    worker.join(60)


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not done():
        assert time.monotonic() < end
        time.sleep(0.05)


def open_page(browser: Browser) -> Page:
    page = browser.new_page()
    page.set_default_timeout(60_000)
    return page


def test_see_filter_edit_replay_and_watch_it_arrive(
    shop: tuple[Config, redis_py.Redis],
    own_server: Any,
    order_completed: MakeOrder,
    sandbox: Sandbox,
    serve_app: Any,
    browser: Browser,
) -> None:
    config, redis = shop
    with Producer(own_server.url) as producer:
        producer.enqueue(order_completed(1, value="a lot", currency="dollars"), destination="stores")
        producer.enqueue(order_completed(2, products=[], value="x"), destination="stores")
        producer.enqueue({"type": "track", "event": "Nothing We Know"}, destination="stores")
    until(lambda: redis.zcard(KEYS.dead) == 3)
    assert not sandbox.deliveries

    page = open_page(browser)
    page.goto(serve_app(create_app(config, redis)) + "/dead-letters")
    expect(page.locator("tr[data-row]")).to_have_count(3)
    page.get_by_role("navigation", name="By reason").get_by_role("link", name="invalid 2").click()
    expect(page.locator("tr[data-row]")).to_have_count(2)
    page.get_by_label("Text").fill("message-1")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("tr[data-row]")).to_have_count(1)
    page.locator("tr[data-row] a").click()
    expect(page.locator("li.broken", has_text="value")).to_contain_text("must be a number")
    expect(page.locator("body")).not_to_contain_text("person1@example.com")

    page.get_by_role("link", name="Edit").click()
    box = page.get_by_label("Set places")
    box.fill("properties.value = 12.5")
    expect(page.locator("li.broken")).to_have_count(1)
    expect(page.locator("li.broken")).to_contain_text("currency")
    box.fill("properties.value = 12.5\nproperties.currency = USD")
    expect(page.locator("[data-verdict=fine]")).to_be_visible()
    expect(page.locator(".diff .added")).to_contain_text(["USD", "12.5"])
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Mended")
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_role("status")).to_have_text("1 replayed")
    until(lambda: set(sandbox.deliveries) == {"message-1"})
    assert redis.zcard(KEYS.dead) == 2
    page.close()


def test_the_whole_event_is_edited_in_clear_and_a_broken_one_is_told_as_it_is_typed(
    shop: tuple[Config, redis_py.Redis],
    own_server: Any,
    order_completed: MakeOrder,
    sandbox: Sandbox,
    serve_app: Any,
    browser: Browser,
) -> None:
    config, redis = shop
    with Producer(own_server.url) as producer:
        producer.enqueue(order_completed(1, value="a lot"), destination="stores")
    until(lambda: redis.zcard(KEYS.dead) == 1)
    page = open_page(browser)
    page.goto(serve_app(create_app(config, redis)) + "/dead-letters")
    page.locator("tr[data-row] a").click()
    page.get_by_role("link", name="Edit").click()
    page.get_by_role("button", name=re.compile("in clear")).click()
    box = page.get_by_label("The event, JSON")
    expect(box).to_have_value(re.compile("person1@example.com"))
    mended = box.input_value().replace('"a lot"', "46")
    box.fill(mended[:-1])
    expect(page.locator("[data-verdict=unreadable]")).to_contain_text("is not JSON")
    box.fill(mended)
    expect(page.locator("[data-verdict=fine]")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Replay").click()
    until(lambda: set(sandbox.deliveries) == {"message-1"})
    page.close()


def test_all_ticked_at_once_are_put_back(
    shop: tuple[Config, redis_py.Redis],
    order_completed: MakeOrder,
    own_server: Any,
    sandbox: Sandbox,
    serve_app: Any,
    browser: Browser,
) -> None:
    config, redis = shop
    sandbox.fault("code", code=40002, match={"event_id_prefix": "message-"}, times=30)
    with Producer(own_server.url) as producer:
        producer.enqueue_many((order_completed(number) for number in range(4)), destination="stores")
    until(lambda: redis.zcard(KEYS.dead) + len(sandbox.deliveries) == 4)
    sandbox.clear_faults()
    page = open_page(browser)
    page.goto(serve_app(create_app(config, redis)) + "/dead-letters")
    page.get_by_label("Tick all on this page").check()
    page.get_by_role("button", name="Replay ticked").click()
    expect(page.get_by_text("none would die again")).to_be_visible()
    page.get_by_role("button", name=re.compile(r"^Replay \d")).click()
    until(lambda: len(sandbox.deliveries) == 4)
    page.close()


# Forty looks with axe: on two cores that have much else to do they take two minutes.
@pytest.mark.timeout(400)
def test_the_pages_fit_and_can_be_used(
    own_server: Any,
    configure: Callable[..., Config],
    order_completed: MakeOrder,
    serve_app: Any,
    examine: Callable[..., None],
) -> None:
    redis = redis_py.Redis.from_url(own_server.url)
    long = {"x" * 300: "y" * 300, "deep": {"a": {"b": {"c": {"d": {"e": {"f": ["z" * 200]}}}}}}}
    for number in range(60):
        history = (Attempt(1.0, "rejected", 40002, "m" * 300, "2026013112000101" * 4),)
        payload = orjson.dumps({**order_completed(number, value="x"), **long})
        envelope = Envelope(f"{number:03d}-0", "i" * 200, payload, 1, attempts=1, history=history)
        letter = DeadLetter("stores", "invalid", "m" * 300, envelope, time.time() - number, 40002, "r" * 64, "Purchase")
        Changes(redis, KEYS).add(letter)
        redis.zadd(KEYS.due, {f"{number:03d}-1": (time.time() + 60 * number) * 1000})
        redis.hset(KEYS.scheduled, f"{number:03d}-1", envelope.packed())
    address = serve_app(create_app(configure(), redis))
    examine(
        address,
        [
            *("/dead-letters", "/dead-letters?text=i&code=40002", "/dead-letters/stores/001-0"),
            *("/dead-letters/stores/001-0/edit", "/dead-letters/replay?reason=invalid", "/dead-letters/jobs"),
            "/dead-letters/move?destination=_unknown",
            *("/dead-letters/discard?reason=invalid", "/retries", "/playground"),
        ],
    )
