"""What a person sees and does, in a real browser."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import redis as redis_py
from playwright.sync_api import Browser, Page, expect

from worker import audit
from worker.config import Config
from worker.keys import Keys
from worker.pauses import Pauses
from worker.web import create_app


def test_pages_fit_and_can_be_used(
    own_server: Any, configure: Callable[..., Config], serve_app: Any, examine: Callable[..., None]
) -> None:
    redis = redis_py.Redis.from_url(own_server.url)
    Pauses(redis, Keys("stores")).pause("command", detail="a" * 200, by="somebody", credential="", now=1.0)
    this_minute = int(time.time() // 60)
    for age in range(60):
        counters = {"delivered": 9000 - 90 * age, "retried": age % 7, "dead": age % 3, "backlog": 40 * age}
        redis.hset(Keys("stores").minute(this_minute - age), mapping={**counters, "took:16": 900, "took:256": 90})
    redis.hset(Keys("stores").totals, mapping={"delivered": 1_234_567, "retried": 9, "dead": 1})
    for _ in range(60):
        audit.record(redis, "replay", destination="stores", details={"letters": 12, "reason": "w" * 90})
    address = serve_app(create_app(configure(), redis))

    def drawn(page: Page) -> None:
        for chart in page.locator("[data-chart]").all():
            expect(chart.locator("svg")).to_be_visible()

    examine(address, ["/", "/destinations/stores"], drawn)
    examine(address, ["/audit", "/sign-in", "/nothing-here"])


def test_a_destination_is_paused_by_keyboard_alone(
    own_server: Any, configure: Callable[..., Config], serve_app: Any, browser: Browser
) -> None:
    redis = redis_py.Redis.from_url(own_server.url)
    page = browser.new_page()
    page.goto(serve_app(create_app(configure(), redis)) + "/audit")
    page.keyboard.press("g")
    page.keyboard.press("o")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "SUMMARY":
            break
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("the shop sends nonsense")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("stores is paused.")
    paused = Pauses(redis, Keys("stores")).current()
    assert paused is not None
    assert paused.detail == "the shop sends nonsense"
    (told,) = audit.read(redis, limit=5)
    assert (told["action"], told["destination"]) == ("pause", "stores")
    page.close()
