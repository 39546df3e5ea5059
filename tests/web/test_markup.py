"""Whatever stands in an event, in an address or in a form: on no route does it become markup, script or a link.

Every route that there is has to be in the table below, so that a new one cannot be forgotten. What leads to a page is
followed to it, since that is where its messages are shown.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

import orjson
import pytest
import redis as redis_py
from flask import Flask
from playwright.sync_api import Browser

from schemas import Fault
from tiktok_events import Producer
from worker import audit
from worker.app import app as celery
from worker.config import Config
from worker.dead_letters import Changes, DeadLetter, Filter
from worker.door import blueprint
from worker.envelope import Attempt, Envelope
from worker.keys import UNKNOWN, WORKERS, Keys
from worker.pauses import Pauses
from worker.replay_jobs import ReplayJobs
from worker.web import WebSettings, create_app
from worker.web.settings import TrustedProxy
from worker.workers import Worker

EVIL = "\"'></textarea></title></script><x-evil x-on=1></x-evil><script>x_evil()</script>{{ 7*7 }}\x1b[31m\u202e"
LINK = "javascript:x_evil()"
IN_ADDRESS = quote(EVIL, safe="")
KEYS = Keys("stores")
LETTER, LOST, TEXT = "1-0", "2-0", "3-0"
JSON = "application/json"

Bury = Callable[..., DeadLetter]
Asked = tuple[str, dict[str, str] | None]
"""An address, and the form that is sent to it, if any."""


def query(*names: str) -> str:
    return "?" + "&".join(f"{name}={IN_ADDRESS}" for name in names)


def form(*names: str, **more: str) -> dict[str, str]:
    return {**dict.fromkeys(names, EVIL), **more}


def get(*addresses: str) -> list[Asked]:
    return [(address, None) for address in addresses]


ONE = f"/dead-letters/stores/{LETTER}"
EVIL_ONE = f"/dead-letters/{IN_ADDRESS}/{IN_ADDRESS}"
TICKED = f"stores:{LETTER}"
FILTER = ("text", "event")
ROUTES: dict[str, list[Asked]] = {
    "static": get(f"/static/{IN_ADDRESS}"),
    "overview.index": get("/", f"/{IN_ADDRESS}", f"/{query('next')}"),
    "overview.index_figures": get("/overview.json"),
    "overview.show": get("/destinations/stores", "/destinations/_unknown", f"/destinations/{IN_ADDRESS}"),
    "overview.show_figures": get("/destinations/stores.json", f"/destinations/{IN_ADDRESS}.json"),
    "overview.pause": [("/destinations/stores/pause", form("reason", "next"))],
    "overview.resume": [("/destinations/stores/resume", form("next")), (f"/destinations/{IN_ADDRESS}/resume", {})],
    "retries.index": get("/retries", f"/retries{query('destination', 'behind')}"),
    "retries.now": [("/retries/now", {"one": "stores:5-0"}), ("/retries/now", form("one")), ("/retries/now", {})],
    "retries.give_up": [("/retries/give-up", {"ref": f"stores:{EVIL}"})],
    "retries.all_now": [("/retries/all-now", form("destination")), ("/retries/all-now", {})],
    "dead_letters.index": get(
        "/dead-letters",
        f"/dead-letters{query(*FILTER, 'behind', 'towards')}",
        *(f"/dead-letters{query(name)}" for name in ("destination", "reason", "code", "after", "before")),
    ),
    "dead_letters.show": get(ONE, f"/dead-letters/_unknown/{LOST}", f"/dead-letters/stores/{TEXT}", EVIL_ONE),
    "dead_letters.reveal": [(f"{ONE}/reveal", {}), (f"/dead-letters/stores/{TEXT}/reveal", {})],
    "dead_letters.edit": get(f"{ONE}/edit", f"/dead-letters/stores/{TEXT}/edit", f"/dead-letters/_unknown/{LOST}/edit"),
    "dead_letters.edit_in_clear": [(f"{ONE}/edit/clear", {}), (f"/dead-letters/stores/{TEXT}/edit/clear", {})],
    "dead_letters.check_edit": [
        (f"{ONE}/check", form("event", "opened")),
        (f"{ONE}/check", {"settings": f"{EVIL} = {EVIL}"}),
        (f"{ONE}/check", {"settings": EVIL}),
    ],
    "dead_letters.save": [
        (f"{ONE}/edit", form("event", "opened")),
        (f"{ONE}/edit", {"settings": f"properties.{EVIL} = {EVIL}"}),
        (f"{ONE}/edit", {"settings": f"{EVIL}.{EVIL} = 1"}),
    ],
    "dead_letters.moving": get(
        "/dead-letters/move", f"/dead-letters/move{query(*FILTER)}", f"/dead-letters/move?ref=_unknown:{IN_ADDRESS}"
    ),
    "dead_letters.move_there": [
        ("/dead-letters/move", form("to", one=f"_unknown:{LOST}")),
        ("/dead-letters/move", form("text", to="stores")),
        ("/dead-letters/move", {"one": f"_unknown:{LOST}", "to": "stores"}),
    ],
    "dead_letters.plan": get(
        "/dead-letters/replay", f"/dead-letters/replay{query(*FILTER)}", f"/dead-letters/replay?ref={TICKED}"
    ),
    "dead_letters.replay": [
        ("/dead-letters/replay", form("rate")),
        ("/dead-letters/replay", form("text")),
        ("/dead-letters/replay", {"one": f"stores:{EVIL}"}),
    ],
    "dead_letters.jobs": get("/dead-letters/jobs"),
    "dead_letters.jobs_now": get("/dead-letters/jobs/now"),
    "dead_letters.cancel": [(f"/dead-letters/jobs/stores/{IN_ADDRESS}/cancel", {})],
    "dead_letters.confirm": get(
        "/dead-letters/discard", f"/dead-letters/discard{query(*FILTER, 'gone')}", f"/dead-letters/discard?ref={TICKED}"
    ),
    "dead_letters.discard": [
        ("/dead-letters/discard", form("text", "gone")),
        ("/dead-letters/discard", form("before")),
        ("/dead-letters/discard", {"one": f"stores:{EVIL}"}),
    ],
    "playground.index": get("/playground", f"/playground{query('destination', 'event')}"),
    "playground.look": [
        ("/playground", form("destination", "event")),
        ("/playground", form("event", destination="stores")),
        ("/playground", {"destination": "stores", "event": orjson.dumps({"type": "track", EVIL: EVIL}).decode()}),
    ],
    "playground.check": [
        ("/playground/check", form("destination", "event")),
        ("/playground/check", form("event", destination="stores")),
    ],
    "audit.index": get("/audit", f"/audit{query('before')}"),
    "sign_in.form": get("/sign-in", f"/sign-in{query('next')}", f"/sign-in?next={quote(LINK)}"),
    "sign_in.enter": [("/sign-in", form("token", "next"))],
    "sign_in.leave": [("/sign-out", form("next"))],
    "appearance.choose": [("/appearance", form("theme", "next")), ("/appearance", {"theme": "dark", "next": LINK})],
    "health.alive": get("/healthz"),
    "health.ready": get("/readyz"),
    "metrics.scrape": get("/metrics"),
    "door.events": [(f"/v1/destinations/{IN_ADDRESS}/events", {}), ("/v1/destinations/stores/events", form("event"))],
    "door.other_methods": get(f"/v1/destinations/{IN_ADDRESS}/events"),
    "door.openapi": get("/v1/openapi.json"),
    "door.docs": get("/v1/docs", f"/v1/docs{query('destination')}"),
    "door.docs_file": get(f"/v1/{IN_ADDRESS}", f"/v1/docs/{IN_ADDRESS}"),
}


class Markup(HTMLParser):
    """Takes a page apart as a browser does, and keeps what cannot be ours."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.foreign: list[str] = []
        self._within = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._within = tag
        if tag in ("x-evil", "iframe", "object", "base") or (tag == "script" and "src" not in given):
            self.foreign.append(tag)
        self.foreign += [f"{tag} {name}" for name in given if name.startswith(("on", "x-", "style"))]
        for name in ("href", "src", "action", "formaction", "data-live", "data-charts"):
            # Ours lead to places of ours: a path, or nothing but a query.
            if (address := given.get(name)) and not address.startswith(("/", "?", "#", "openapi.json", "docs")):
                self.foreign.append(f"{tag} {name}={address}")
        if tag == "meta" and given.get("http-equiv"):
            self.foreign.append("meta http-equiv")

    def handle_data(self, data: str) -> None:
        # What a person edits goes back as it is; everything else that cannot be seen is spelled out.
        if self._within != "textarea" and any(each in data for each in ("\x1b", "\u202e")):
            self.foreign.append(f"unseen in {self._within}: {data!r}")


def faults_of(answer: Any) -> list[str]:
    """Return what is wrong with an answer: foreign markup, or text that hides or turns around."""
    page = answer.get_data(as_text=True)
    kind = answer.mimetype
    found = []
    if kind == "text/html":
        found += Markup(page).foreign
    elif "x-evil" in page and kind not in (JSON, "application/problem+json"):
        found.append(f"repeated as {kind}")
    if answer.headers.get("X-Content-Type-Options") != "nosniff":
        found.append("a browser may guess what it is")
    return found


@pytest.fixture
def everywhere(redis: redis_py.Redis, bury: Bury, order_completed: Callable[..., dict[str, Any]]) -> None:
    """Put it into every place of Redis that a page is made from."""
    fill(redis, bury, order_completed)


def fill(redis: redis_py.Redis, bury: Bury, order_completed: Callable[..., dict[str, Any]]) -> None:
    attempt = Attempt(time.time(), EVIL, 50000, EVIL, EVIL)
    event = order_completed(1, value=EVIL, note=EVIL, url=LINK, currency=EVIL, **{EVIL: [EVIL, {EVIL: EVIL}]})
    event[EVIL] = {EVIL: EVIL}
    told = {"id": EVIL, "message": EVIL, "request_id": EVIL, "event_name": EVIL, "history": (attempt,)}
    bury(1, ref=LETTER, event=event, faults=(Fault(EVIL, EVIL), Fault("properties.value", EVIL)), **told)
    bury(2, ref=LOST, event=event, destination=UNKNOWN, reason="unknown_destination", **told)
    bury(3, ref=TEXT, event=EVIL.encode(), reason="undecodable", **told)
    bury(4, ref="4-0", event=order_completed(4), **told)
    Changes(redis, KEYS).edit("4-0", orjson.dumps(event))
    waiting = Envelope("5-0", EVIL, orjson.dumps(event), 1, traceparent=EVIL, attempts=1, history=(attempt,))
    redis.zadd(KEYS.due, {waiting.ref: (time.time() + 60) * 1000})
    redis.hset(KEYS.scheduled, waiting.ref, waiting.packed())
    ReplayJobs(redis, KEYS, owner="").start(Filter(event=EVIL, text=EVIL), planned=1, rate=1.0, forced=False, by=EVIL)
    audit.record(redis, EVIL, destination=EVIL, details={EVIL: EVIL, "list": [EVIL]}, by=EVIL)
    Pauses(redis, KEYS).pause("command", detail=EVIL, by=EVIL, credential=EVIL, now=1.0)
    worker = Worker(EVIL, EVIL, 1, 1, time.time(), EVIL)
    redis.zadd(WORKERS, {orjson.dumps({name: getattr(worker, name) for name in Worker.__slots__}): time.time() * 1000})


@pytest.fixture
def whole(configure: Callable[..., Config], redis: redis_py.Redis, redis_url: str) -> Iterator[Flask]:
    """The pages and the door in one application."""
    config = configure()
    with Producer(redis_url) as producer:
        app = create_app(config, redis, WebSettings(), door=blueprint(config, redis, producer))
        app.testing = True
        yield app


def test_the_table_has_every_route(whole: Flask) -> None:
    assert set(ROUTES) == {rule.endpoint for rule in whole.url_map.iter_rules()}


@pytest.mark.parametrize("endpoint", ROUTES)
def test_nothing_becomes_markup(
    whole: Flask,
    make_visit: Any,
    redis: redis_py.Redis,
    everywhere: None,
    endpoint: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(celery, "send_task", lambda *_, **__: None)
    visit = make_visit(whole)
    visit.get("/")
    for address, sent in ROUTES[endpoint]:
        answer = visit.get(address) if sent is None else visit.post(address, sent)
        assert not faults_of(answer), (address, sent)
        assert answer.status_code < 500, (address, sent)
        where = answer.headers.get("Location")
        if where is not None:
            assert where.startswith("/"), (address, where)
            assert not where.startswith("//"), (address, where)
            assert not faults_of(visit.get(where)), (address, where)


@pytest.mark.parametrize("endpoint", [name for name, asked in ROUTES.items() if any(sent is None for _, sent in asked)])
def test_nothing_becomes_markup_that_came_in_a_header_or_a_cookie(
    configure: Callable[..., Config], redis: redis_py.Redis, everywhere: None, endpoint: str
) -> None:
    proxy = TrustedProxy.of(["10.0.0.0/8"], user_header="X-User", scopes=["read", "operate", "reveal"])
    client = create_app(configure(), redis, WebSettings(proxy=proxy)).test_client()
    client.set_cookie("te_theme", EVIL, domain="localhost")
    evil = EVIL.replace("\u202e", "")
    for header in ("X-User", "X-Forwarded-Host", "X-Forwarded-For", "Authorization", "Host", "Referer", "Origin"):
        for address, sent in ROUTES[endpoint]:
            if sent is None:
                told = {"Accept": "text/html", "X-User": "anna", "X-Forwarded-For": "10.1.1.1", header: evil}
                answer = client.get(
                    address,
                    base_url="http://localhost:8000",
                    headers=told,
                    environ_overrides={"REMOTE_ADDR": "10.1.1.1"},
                )
                assert not faults_of(answer), (address, header)
                assert answer.status_code < 500, (address, header)


def test_a_browser_finds_nothing_of_it_on_any_page(
    browser: Browser,
    serve_app: Callable[[Flask], str],
    whole: Flask,
    everywhere: None,
) -> None:
    address = serve_app(whole)
    page = browser.new_page()
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    for asked in ROUTES.values():
        for path, sent in asked:
            if sent is None and not path.startswith(("/static", "/metrics")):
                page.goto(address + path)
                assert page.locator("x-evil, [x-on]").count() == 0, path
                assert page.evaluate("typeof x_evil") == "undefined", path
    assert not said
    page.close()
