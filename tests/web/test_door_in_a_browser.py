"""The door's page in a real browser: it fills itself, sends, shows the answer, and has no fault that axe finds."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import redis as redis_py
from flask import Flask
from playwright.sync_api import expect

from tiktok_events import Producer
from worker.access import AccessTokens
from worker.config import Config
from worker.door import blueprint
from worker.registry import register
from worker.web import WebSettings, create_app


@pytest.fixture
def address(
    configure: Callable[..., Config],
    redis: redis_py.Redis,
    redis_url: str,
    serve_app: Callable[[Flask], str],
) -> str:
    config = configure(source="tiktok", event_source="web")
    register(redis, config)
    door = blueprint(config, redis, Producer(redis_url))
    return serve_app(create_app(config, redis, WebSettings(), door=door, only_door=True))


def test_the_page_can_be_read_by_everybody(address: str, examine: Callable[..., None]) -> None:
    examine(address, ["/v1/docs"], lambda page: page.wait_for_selector("#fields tr"))


def test_an_event_is_sent_from_the_page(address: str, browser: Any, redis: redis_py.Redis) -> None:
    page = browser.new_page()
    page.set_default_timeout(60_000)
    page.goto(address + "/v1/docs")
    page.wait_for_selector("#fields tr")
    page.get_by_role("textbox", name="Destination").fill("stores")
    page.get_by_label("Access token").fill(AccessTokens(redis).create("page", ["enqueue"]).text)
    page.get_by_role("button", name="Send").click()
    # Not by a function of ours in the page: its policy lets nobody evaluate any.
    expect(page.locator("#answer")).to_contain_text(re.compile(r"^\s*202"))
    assert "order-1001" in page.locator("#answer").inner_text()
    assert redis.xlen("tiktok-events:{stores}:inbox") == 1
    page.close()
