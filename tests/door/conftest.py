"""What the tests of the HTTP door share: the door itself, in this process, with a token for it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis as redis_py
from flask import Flask
from flask.testing import FlaskClient

from tiktok_events import Producer
from tiktok_events.keys import REGISTRY
from worker.access import AccessTokens
from worker.config import Config
from worker.config.load import build
from worker.door import blueprint
from worker.registry import register
from worker.web import WebSettings, create_app

ENVIRONMENT = {"TOKEN": "token-of-the-test", "HOOK": "hook-secret"}


class Door:
    """A caller with a token. `post` sends to `app`, whose form is the plain one, unless told otherwise."""

    def __init__(self, app: Flask, token: str, redis: redis_py.Redis) -> None:
        self.client: FlaskClient = app.test_client()
        self.token = token
        self.redis = redis

    def post(self, body: Any, destination: str = "app", *, query: str = "", **headers: str) -> Any:
        told = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        path = f"/v1/destinations/{destination}/events{query}"
        sent = {name: value for name, value in told.items() if value}
        if isinstance(body, (bytes, str)):
            # The client itself sends no length for nothing.
            length = {"CONTENT_LENGTH": str(len(body.encode() if isinstance(body, str) else body))}
            return self.client.post(
                path, data=body, headers=sent, base_url="http://localhost", environ_overrides=length
            )
        del sent["Content-Type"]
        return self.client.post(path, json=body, headers=sent, base_url="http://localhost")

    def waiting(self, destination: str = "app") -> list[dict[bytes, bytes]]:
        """What lies in an inbox."""
        found: Any = self.redis.xrange(f"tiktok-events:{{{destination}}}:inbox")
        return [fields for _, fields in found]


@pytest.fixture
def config() -> Config:
    def destination(source: str, **settings: Any) -> dict[str, Any]:
        return {
            "kind": "events",
            "source": source,
            "credentials": "main",
            "event_source": "web",
            "event_source_id": "CXAMPLE1234567890PIX",
            "max_event_bytes": 20_000,
            **settings,
        }

    raw = {
        "credentials": {"main": {"access_token": "${TOKEN}"}},
        "destinations": {
            "app": destination("tiktok"),
            "small": destination("tiktok", max_inbox=3),
            "quiet": destination("segment", unmapped="discard"),
            "hook": destination("segment", door={"segment_secret": "${HOOK}"}),
            "batches": destination("segment", door={"segment_secret": "${HOOK}", "segment_batches": True}),
            "lax": destination("tiktok", door={"validate": "shape"}),
            "hashed": destination("tiktok", hash_at_door=True),
        },
    }
    return build(raw, ENVIRONMENT, source="test")


@pytest.fixture
def producer(redis_url: str, redis: redis_py.Redis, config: Config) -> Iterator[Producer]:
    register(redis, config)
    for name, told in redis.hgetall(REGISTRY).items():
        # Without packs, so that what is waiting can be read in its order; the client's tests have them.
        redis.hset(REGISTRY, name, json.dumps(json.loads(told) | {"pack": 1}))
    with Producer(redis_url) as producer:
        yield producer


MakeApp = Callable[..., Flask]


@pytest.fixture
def make_app(config: Config, redis: redis_py.Redis, producer: Producer) -> MakeApp:
    def make(*, store: Any = None, only_door: bool = True, client: Any = None) -> Flask:
        here = blueprint(config, client or redis, store or producer)
        app = create_app(config, client or redis, WebSettings(), door=here, only_door=only_door)
        app.testing = True
        return app

    return make


@pytest.fixture
def token(redis: redis_py.Redis) -> str:
    return AccessTokens(redis).create("test", ["enqueue"]).text


@pytest.fixture
def door(make_app: MakeApp, token: str, redis: redis_py.Redis) -> Door:
    return Door(make_app(), token, redis)


@pytest.fixture
def make_door() -> type[Door]:
    return Door


@pytest.fixture
def purchase() -> Callable[..., dict[str, Any]]:
    """Make an event in the plain form; keywords override properties."""

    def make(number: int = 1, **properties: Any) -> dict[str, Any]:
        return {
            "event": "Purchase",
            "event_id": f"order-{number}",
            "event_time": int(time.time()) - 60,
            "user": {"email": f"person{number}@example.com"},
            "properties": {"value": 46, "currency": "USD", **properties},
            "page": {"url": "https://shop.example.com/thanks"},
        }

    return make
