"""What a person sees and does, in a real browser."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import redis as redis_py
from playwright.sync_api import Browser, Page, expect

from worker import audit
from worker.access import AccessTokens
from worker.config import Config
from worker.keys import Keys
from worker.pauses import Pauses
from worker.web import create_app


def test_pages_fit_and_can_be_used(
    own_redis: redis_py.Redis, configure: Callable[..., Config], serve_app: Any, examine: Callable[..., None]
) -> None:
    Pauses(own_redis, Keys("stores")).pause("command", detail="a" * 200, by="somebody", credential="", now=1.0)
    this_minute = int(time.time() // 60)
    for age in range(60):
        counters = {"delivered": 9000 - 90 * age, "retried": age % 7, "dead": age % 3, "backlog": 40 * age}
        own_redis.hset(Keys("stores").minute(this_minute - age), mapping={**counters, "took:16": 9, "took:4194304": 90})
    own_redis.hset(Keys("stores").totals, mapping={"delivered": 1_234_567, "retried": 9, "dead": 1})
    for _ in range(60):
        audit.record(own_redis, "replay", destination="stores", details={"letters": 12, "reason": "w" * 90})
    address = serve_app(create_app(configure(), own_redis))

    def drawn(page: Page) -> None:
        for chart in page.locator("[data-chart]").all():
            expect(chart.locator("svg")).to_be_visible()

    examine(address, ["/", "/destinations/stores"], drawn)
    examine(address, ["/audit", "/sign-in", "/nothing-here"])


def test_a_destination_is_paused_by_keyboard_alone(
    own_redis: redis_py.Redis, configure: Callable[..., Config], serve_app: Any, browser: Browser
) -> None:
    page = browser.new_page()
    page.goto(serve_app(create_app(configure(), own_redis)) + "/audit")
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
    paused = Pauses(own_redis, Keys("stores")).current()
    assert paused is not None
    assert paused.detail == "the shop sends nonsense"
    (told,) = audit.read(own_redis, limit=5)
    assert (told["action"], told["destination"]) == ("pause", "stores")
    page.close()


def test_somebody_signs_in_and_out(
    own_redis: redis_py.Redis, configure: Callable[..., Config], serve_app: Any, browser: Browser
) -> None:
    token = AccessTokens(own_redis).create("anna", ["read"]).text
    with closing(browser.new_context()) as context:
        page = context.new_page()
        page.goto(serve_app(create_app(configure(), own_redis)) + "/audit")
        page.get_by_label("Access token").fill("tte_wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_have_text("There is no such token.")
        page.get_by_label("Access token").fill(token)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Audit")).to_be_visible()
        page.get_by_role("button", name="Sign out anna").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_an_open_page_follows_what_happens(
    own_redis: redis_py.Redis, own_server: Any, configure: Callable[..., Config], serve_app: Any, browser: Browser
) -> None:
    keys = Keys("stores")
    with closing(browser.new_context()) as context:
        page = context.new_page()
        page.goto(serve_app(create_app(configure(), own_redis)))
        expect(page.get_by_text("As of")).to_be_visible()
        own_redis.xadd(keys.inbox, {"event": "{}", "id": "e1"})
        expect(page.locator("[data-field=waiting]")).to_have_text("1")
        page.get_by_role("button", name="Live").click()
        own_redis.hset(keys.totals, "delivered", 500)
        expect(page.get_by_role("img", name=re.compile(r"Throughput: delivered [1-9]\d* a second"))).to_be_visible()
        Pauses(own_redis, keys).pause("command", detail="", by="somebody else", credential="", now=1.0)
        expect(page.get_by_role("button", name="Resume")).to_be_visible()
        own_server.kill()
        expect(page.get_by_text("No answer")).to_be_visible()
