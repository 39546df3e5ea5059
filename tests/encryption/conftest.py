"""Keys, canaries, and a runtime that has them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
import redis as redis_py

from worker.config.load import build
from worker.keys import Keys
from worker.runtime import Runtime
from worker.sandbox import Sandbox
from worker.scripts import run

VARIABLE = "TIKTOK_EVENTS_ENCRYPTION_KEYS"


class KeyBox:
    """Puts keys by their names into the environment: each name is always the same key."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def text(self, *names: str) -> str:
        return ",".join(f"{name}:{b64encode(name.encode().ljust(32, b'.')).decode()}" for name in names)

    def use(self, *names: str) -> None:
        self._monkeypatch.setenv(VARIABLE, self.text(*names))


@pytest.fixture
def keybox(monkeypatch: pytest.MonkeyPatch) -> KeyBox:
    return KeyBox(monkeypatch)


@pytest.fixture
def keyed_runtime(sandbox: Sandbox, redis: redis_py.Redis, keybox: KeyBox) -> Callable[..., Runtime]:
    """Make a runtime with the keys that the environment has now; keywords override settings."""

    def make(connect: Callable[[], redis_py.Redis] = lambda: redis, **settings: Any) -> Runtime:
        raw = {
            "credentials": {"main": {"access_token": "${TOKEN}"}},
            "destinations": {
                "stores": {
                    "kind": "events",
                    "source": "segment",
                    "credentials": "main",
                    "event_source_id": "7654321098765432109",
                    "base_url": sandbox.url,
                    "default_region": "US",
                    "guard": {"max_dead_share": 1},
                    **settings,
                }
            },
        }
        environment = {"TOKEN": "token-of-the-test", VARIABLE: keybox.text("k1")}
        return Runtime(build(raw, environment, source="test"), connect=connect)

    return make


@pytest.fixture
def promote() -> Callable[[redis_py.Redis], None]:
    def all_of_them(redis: redis_py.Redis) -> None:
        keys = Keys("stores")
        run(redis, "promote", [keys.due, keys.scheduled, keys.retry], [10_000, "all"])

    return all_of_them
