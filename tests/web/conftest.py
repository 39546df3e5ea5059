"""The web pages: in this process for their rules, in a real browser for what a person sees and does."""

from __future__ import annotations

import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
import redis as redis_py
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from waitress.server import create_server

from worker.config import Config
from worker.connection import connect
from worker.dead_letters import Changes, DeadLetter
from worker.envelope import Envelope
from worker.keys import Keys
from worker.web import WebSettings, create_app

# Five seconds are not always enough for a browser on a busy machine.
expect.set_options(timeout=60_000)


class Visit:
    """A browser without a browser: remembers cookies, and repeats the CSRF token of the last page it saw."""

    def __init__(self, app: Flask, address: str = "127.0.0.1", base: str = "http://localhost:8000") -> None:
        self.client: FlaskClient = app.test_client()
        self.address, self.base = address, base
        self.token = ""

    def get(self, path: str, **headers: str) -> Any:
        return self._sent(self.client.get(path, **self._where(headers)))

    def post(self, path: str, form: dict[str, Any] | None = None, **headers: str) -> Any:
        data = {"csrf_token": self.token, **(form or {})}
        return self._sent(self.client.post(path, data=data, **self._where(headers)))

    def _where(self, headers: dict[str, str]) -> dict[str, Any]:
        told = {"Accept": "text/html", **{name.replace("_", "-"): value for name, value in headers.items()}}
        return {"headers": told, "environ_overrides": {"REMOTE_ADDR": self.address}, "base_url": self.base}

    def _sent(self, answer: Any) -> Any:
        if found := re.search(r'name="csrf_token" value="([^"]+)"', answer.get_data(as_text=True)):
            self.token = found[1]
        return answer


MakeApp = Callable[..., Flask]
Bury = Callable[..., DeadLetter]


@pytest.fixture
def make_app(configure: Callable[..., Config], redis: redis_py.Redis) -> MakeApp:
    """Make the application on the test's Redis, with one destination, `stores`; keywords are web settings."""

    def make(*, clock: Callable[[], float] | None = None, config: Config | None = None, **settings: Any) -> Flask:
        more = {} if clock is None else {"clock": clock}
        app = create_app(config or configure(), redis, WebSettings(**settings), **more)
        app.testing = True
        return app

    return make


@pytest.fixture
def visit(make_app: MakeApp) -> Visit:
    """Somebody on this machine, while no token was made."""
    return Visit(make_app())


@pytest.fixture
def make_visit() -> type[Visit]:
    return Visit


@pytest.fixture
def bury(redis: redis_py.Redis, order_completed: Callable[..., dict[str, Any]]) -> Bury:
    """Keep a dead letter; keywords override what it is."""

    def one(
        number: int = 1,
        *,
        event: Any = None,
        destination: str = "stores",
        event_name: str | None = None,
        **settings: Any,
    ) -> DeadLetter:
        payload = event if isinstance(event, bytes) else orjson.dumps(event or order_completed(number))
        ref = settings.pop("ref", f"{number:06d}-0")
        identity = settings.pop("id", f"message-{number}")
        envelope = Envelope(
            ref=ref, id=identity, payload=payload, enqueued_at=1, history=settings.pop("history", ()), attempts=1
        )
        letter = DeadLetter(
            **{
                "destination": destination,
                "reason": "rejected",
                "message": "why not",
                "envelope": envelope,
                "event": event_name,
                "dead_at": time.time() - 100 + number / 1000,
                **settings,
            }
        )
        Changes(redis, Keys(destination)).add(letter)
        return letter

    return one


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The machine's own Chromium, without a screen and without its errands to the outside."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        assert not os.environ.get("CI"), "CI looks at the pages; .ci/run installs a Chromium"
        pytest.skip("there is no Chromium here; .ci/run installs one")
    # Not for the whole run: while it is open no other test could run an event loop.
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=chromium,
            args=[
                *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
                *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            ],
        )
        yield running
        running.close()


@pytest.fixture
def own_redis(own_server: Any) -> Iterator[redis_py.Redis]:
    """A client of the test's own Redis, for pages that a browser opens."""
    client = connect(own_server.url, timeout_seconds=10.0)
    yield client
    client.close()


@pytest.fixture
def serve_app() -> Iterator[Callable[[Flask], str]]:
    """Serve an application on a free port while the test runs; return its address."""
    with ExitStack() as stack:
        yield lambda app: stack.enter_context(_served(app))


@contextmanager
def _served(app: Flask) -> Iterator[str]:
    server: Any = create_server(app, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    # First the answers under way, then the sockets: waitress ends its loop when it has none.
    server.task_dispatcher.shutdown()
    server.trigger.pull_trigger(server.close)
    thread.join(30)


def _is_fault(said: ConsoleMessage) -> bool:
    """A page that is itself the answer to a wrong address is no fault."""
    return said.type == "error" and said.location["url"] != said.page.url


_CUT_OFF = """() => [
    ...[...document.querySelectorAll(".chart text")].filter((text) => text.getBBox().x < 0),
    ...[...document.querySelectorAll(".frame:has(.stack)")].filter((frame) =>
        innerWidth < 720 && frame.scrollWidth > frame.clientWidth),
].map((each) => each.textContent.trim().slice(0, 80))"""
"""What an axis or, on a phone, a card cuts off."""


def _examine(page: Page, url: str, prepare: Callable[[Page], None] | None, shots: Path) -> None:
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if _is_fault(said) else None)
    page.goto(url)
    if prepare:
        prepare(page)
    shots.mkdir(exist_ok=True)
    page.screenshot(path=shots / f"{re.sub(r'[^a-z0-9]+', '-', urlsplit(url).path)}.png", full_page=True)
    content, room = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert content <= room, f"{url}: {content} px of content on {room}"
    assert page.evaluate(_CUT_OFF) == [], url
    found = Axe().run(page).response["violations"]
    serious = [(each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in ("serious", "critical")]
    assert not serious, f"{url}: {serious}"
    assert not faults, f"{url}: {faults}"
    page.close()


WIDTHS = {"wide": (1280, 900), "phone": (390, 844)}


@pytest.fixture
def examine(browser: Browser, tmp_path: Path) -> Callable[..., None]:
    """Look at pages, light and dark, wide and on a phone: nothing overflows, and axe finds nothing serious.

    `prepare` may bring a page into a state worth looking at. Screenshots lie in the test's folder.
    """

    def look(address: str, paths: list[str], prepare: Callable[[Page], None] | None = None) -> None:
        for scheme in ("light", "dark"):
            for name, (width, height) in WIDTHS.items():
                context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": height})
                with closing(context):
                    for path in paths:
                        _examine(context.new_page(), address + path, prepare, tmp_path / f"{scheme}-{name}")

    return look
