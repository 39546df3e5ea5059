"""What tests share: a real Redis of each kind to be had, a sandbox TikTok, a configuration."""

from __future__ import annotations

import gzip
import hashlib
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import hypothesis
import orjson
import pytest
import redis as redis_py

from tests.servers import INSTALLED, SERVERS, USUAL
from tiktok_events import AsyncProducer, Producer
from worker import embedded, scripts
from worker.calls import Calls
from worker.config import Config
from worker.config.load import build
from worker.keys import Keys
from worker.runtime import Runtime
from worker.sandbox import Sandbox
from worker.schedule import Lease
from worker.serving import Slice

# How long an example takes, and how long to make, is a matter of the machine. CI tries the same examples each time, so
# that what it says is about the change; on one's own machine, and by `make fuzz`, others are tried.
hypothesis.settings.register_profile(
    "steady",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("steady")

for each in (Producer, AsyncProducer):
    # A busy machine can stand still for longer than half a second. Tests about time name a time.
    each.__init__.__kwdefaults__["timeout_seconds"] = 10.0


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that shares a server on the usual ones, and one that is marked `every_server` on every one."""
    every = metafunc.definition.get_closest_marker("every_server") is not None
    for fixture in {"shared_server", "each_server"} & set(metafunc.fixturenames):
        metafunc.parametrize(fixture, SERVERS if every else USUAL, indirect=True)
    if every and "server_binary" in metafunc.fixturenames:
        metafunc.parametrize("server_binary", SERVERS, indirect=True)


class Server:
    """A Redis of the test's own, that can be killed, frozen and started again on its data."""

    def __init__(self, binary: Path, folder: Path) -> None:
        self.binary, self.folder = binary, folder
        self.url = f"unix://{folder / 'redis.sock'}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        line = [*embedded.command(self.binary, self.folder), *options]
        self.process = subprocess.Popen(line, stdin=subprocess.DEVNULL)
        client = redis_py.Redis.from_url(self.url)
        end = time.monotonic() + 60
        while True:
            try:
                client.ping()
                break
            except redis_py.RedisError:
                up = self.process.poll() is None and time.monotonic() < end
                assert up, (self.folder / "redis.log").read_text()
                time.sleep(0.01)
        client.close()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)


@pytest.fixture(scope="session")
def shared_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(SERVERS[request.param], tmp_path_factory.mktemp("redis"))
    server.start("--save", "", "--appendonly", "no")
    yield server
    server.kill()


@pytest.fixture
def redis_url(shared_server: Server) -> str:
    return shared_server.url


@pytest.fixture
def redis(redis_url: str) -> Iterator[redis_py.Redis]:
    client = redis_py.Redis.from_url(redis_url)
    client.flushall()
    yield client
    client.close()


class ServerClock:
    """The clock of Redis as our scripts read it: it stands still until it is turned. Starts at the time it is."""

    _KEY = "clock-of-the-test"

    def __init__(self, redis: redis_py.Redis) -> None:
        self._redis = redis
        self.seconds = time.time()
        self.turn(0)

    def turn(self, seconds: float) -> None:
        self.seconds += seconds
        with self._redis.pipeline() as pipe:
            pipe.delete(self._KEY)
            pipe.rpush(self._KEY, int(self.seconds), int(self.seconds % 1 * 1_000_000))
            pipe.execute()

    @classmethod
    def read_by(cls, script: str) -> str:
        return script.replace("redis.call('TIME')", f"redis.call('LRANGE', '{cls._KEY}', 0, 1)")


@pytest.fixture
def server_clock(redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch) -> ServerClock:
    """Turn the clock by which Redis blocks and grants, so that no busy machine is too late for what a test is about."""
    text = scripts._text

    def turned(name: str) -> str:
        return ServerClock.read_by(text(name))

    monkeypatch.setattr("worker.scripts._text", turned)
    monkeypatch.setattr("worker.scripts._digest", lambda name: hashlib.sha1(turned(name).encode()).hexdigest())
    return ServerClock(redis)


@pytest.fixture
def fall_silent() -> Callable[[redis_py.Redis], None]:
    """Let whoever holds entries of `stores` have been silent for an hour, so that they may be taken back at once."""

    def go_by(redis: redis_py.Redis) -> None:
        keys = Keys("stores")
        for stream in keys.streams:
            for group in redis.xinfo_groups(stream) if redis.exists(stream) else []:
                for held in redis.xpending_range(stream, group["name"], "-", "+", 10_000):
                    redis.xclaim(
                        stream, group["name"], held["consumer"], 0, [held["message_id"]], idle=3_600_000, justid=True
                    )
        redis.hdel(keys.state, "searched")

    return go_by


@pytest.fixture
def server_binary(request: pytest.FixtureRequest) -> Path:
    """What a test starts that wants a server of its own."""
    return SERVERS[getattr(request, "param", INSTALLED)]


@pytest.fixture
def own_server(server_binary: Path, tmp_path: Path) -> Iterator[Server]:
    """A Redis for one test, with its data on disk."""
    folder = tmp_path / "redis"
    folder.mkdir()
    server = Server(server_binary, folder)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


Configure = Callable[..., Config]


@pytest.fixture
def configure(sandbox: Sandbox) -> Configure:
    """Make a configuration with one destination, `stores`, that goes to the sandbox; keywords override settings."""

    def make(*, url: str | None = None, **settings: Any) -> Config:
        raw = {
            "credentials": {"main": {"access_token": "${TOKEN}"}},
            "destinations": {
                "stores": {
                    "kind": "events",
                    "source": "segment",
                    "credentials": "main",
                    "event_source_id": "7654321098765432109",
                    "base_url": url or sandbox.url,
                    "default_region": "US",
                    **settings,
                }
            },
        }
        return build(raw, {"TOKEN": "token-of-the-test"}, source="test")

    return make


@pytest.fixture
def make_runtime(configure: Configure, redis: redis_py.Redis) -> Callable[..., Runtime]:
    """Make a runtime of its own on the test's Redis and sandbox."""

    def make(**settings: Any) -> Runtime:
        return Runtime(configure(**settings), connect=lambda: redis)

    return make


@pytest.fixture
def serve() -> Callable[..., bool]:
    """Run one slice of a deliver task that calls nobody; return whether there is more to do."""

    def once(here: Runtime, token: str = "t", **options: Any) -> bool:
        def called(*_: object, **__: object) -> None:
            raise AssertionError("nothing is called here")

        told = Slice(here, Calls(here.redis, called), **options)
        return bool(told.run([Lease("stores", token)], listen=False))

    return once


@pytest.fixture
def order_completed() -> Callable[..., dict[str, Any]]:
    """Make a Segment call of a plausible shop; keywords override or add properties."""

    def make(number: int = 1, **properties: Any) -> dict[str, Any]:
        return {
            "type": "track",
            "event": "Order Completed",
            "messageId": f"message-{number}",
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60)),
            "userId": f"user-{number}",
            "context": {"traits": {"email": f"person{number}@example.com", "phone": "+12025550123"}},
            "properties": {
                "order_id": f"order-{number}",
                "currency": "USD",
                "value": 46.0,
                "products": [{"product_id": f"sku-{number}", "name": "Mug", "price": 23.0, "quantity": 2}],
                **properties,
            },
        }

    return make


class Receiver:
    """A Sentry on loopback: every envelope that came, as bytes and item by item."""

    def __init__(self) -> None:
        self.envelopes: list[bytes] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                unzipped = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
                receiver.envelopes.append(unzipped)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.dsn = f"http://key@127.0.0.1:{self.server.server_port}/1"

    def items(self, kind: str) -> list[dict[str, Any]]:
        found = []
        for envelope in self.envelopes:
            lines = envelope.split(b"\n")
            for header, body in zip(lines[1::2], lines[2::2], strict=False):
                if header and orjson.loads(header).get("type") == kind:
                    found.append(orjson.loads(body))
        return found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()
