"""Order updates of a plausible hotel, an order destination on the sandbox, and workers in threads."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import orjson
import pytest
import redis as redis_py

from worker.calls import Calls
from worker.config import Config
from worker.config.load import build
from worker.connection import connect
from worker.keys import Keys
from worker.runtime import Runtime
from worker.sandbox import Sandbox
from worker.schedule import Lease
from worker.scripts import run
from worker.serving import Slice

PATH = "/order/sync/"
KEYS = Keys("stores")
STATUSES = ("CREATE_ORDER", "PAY_ORDER", "CONFIRM_ORDER", "CANCEL_ORDER", "COMPLETE_ORDER")
BASE = int(time.time()) - 5000


def update_of(order_id: str, second: int, status: int = 0) -> dict[str, Any]:
    return {
        "event_name": f"status_{status}",
        "id": order_id,
        "currency": "EUR",
        "items": [{"id": "room-7", "product": {"name": "Double room"}}],
        "context": {"event_timestamp": (BASE + second) * 1000, "page": {"url": "https://hotel.example/"}},
        "partners": {
            "tiktok": {
                "initiator": "CUSTOMER",
                "fulfillment_value": 100,
                "fulfillment_tax": 10,
                "fulfillment_service_fee": 5,
                "commission_currency": "EUR",
                "commission_base_amount": 85,
            }
        },
    }


class Hotel:
    """An order destination: its queue, its workers and what arrived."""

    def __init__(self, redis: redis_py.Redis, url: str, sandbox: Sandbox, config: Config) -> None:
        self.redis, self.url, self.sandbox, self.config = redis, url, sandbox, config

    def put(self, *updates: dict[str, Any]) -> None:
        for update in updates:
            self.redis.xadd(KEYS.inbox, {"event": orjson.dumps(update)})

    def worker(self) -> Runtime:
        return Runtime(self.config, connect=lambda: connect(self.url))

    def deliver(self, here: Runtime | None = None) -> bool:
        here = here or self.worker()

        def called(*_: object, **__: object) -> None:
            raise AssertionError("nothing is called here")

        return bool(Slice(here, Calls(here.redis, called)).run([Lease("stores", "t")], listen=False))

    def promote(self, *, everything: bool = True) -> None:
        run(self.redis, "promote", [KEYS.due, KEYS.scheduled, KEYS.retry], [10_000, "all" if everything else ""])

    def until_done(self, *, workers: int, seconds: float = 60, everything: bool = True) -> None:
        """Let workers in threads deliver, and what waits be promoted, until nothing is left."""
        end = time.monotonic() + seconds
        stop = threading.Event()
        failed: list[BaseException] = []

        def work() -> None:
            here = self.worker()
            try:
                while not stop.is_set():
                    self.deliver(here)
                    time.sleep(0.002)
            except BaseException as error:
                failed.append(error)
            finally:
                here.redis.close()

        threads = [threading.Thread(target=work) for _ in range(workers)]
        for thread in threads:
            thread.start()
        try:
            while not failed and (left := self.left()):
                assert time.monotonic() < end, f"{left} left: {self.totals()}"
                self.promote(everything=everything)
                time.sleep(0.005)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert not failed, failed

    def left(self) -> int:
        return sum(self.redis.xlen(stream) for stream in KEYS.streams) + self.redis.zcard(KEYS.due)

    def totals(self) -> dict[str, int]:
        return {key.decode(): int(value) for key, value in self.redis.hgetall(KEYS.totals).items()}

    def arrived(self) -> dict[str, list[tuple[int, str]]]:
        """Return (second, status) of each update that arrived, by order, in the order of arrival."""
        found: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for record in self.sandbox.events:
            info = record["event"]["order_info"]
            found[info["order_id"]].append((info["update_time"] - BASE, info["order_status"]))
        return found


MakeHotel = Callable[..., Hotel]


@pytest.fixture
def make_hotel(redis: redis_py.Redis, redis_url: str, sandbox: Sandbox) -> MakeHotel:
    """Make an order destination; keywords override settings of the destination, `orders` those of its table."""

    def make(*, orders: dict[str, Any] | None = None, envelope: str = "code", **settings: Any) -> Hotel:
        sandbox.configure(order_sync_path=PATH, order_sync_envelope=envelope)
        raw = {
            "credentials": {"main": {"access_token": "${TOKEN}"}},
            "destinations": {
                "stores": {
                    "kind": "order_sync",
                    "source": "commanders_act",
                    "credentials": "main",
                    "breaker": {"failure_rate": 1.0, "min_requests": 100000},
                    "retry": {"min_backoff": "50ms", "max_backoff": "100ms"},
                    "order_sync": {
                        "url": sandbox.origin + PATH,
                        "status_map": {f"status_{number}": status for number, status in enumerate(STATUSES)},
                        "ttoclid": "click-1",
                        "third_merchant_id": "m",
                        "third_shop_id": "hotel-1",
                        "third_shop_name": "Hotel",
                        "order_country": "FR",
                        "create_time": str(BASE - 60),
                        "payment_value": "100",
                        "total_value": "100",
                        "length_of_stay": "2",
                        "amount_of_room": "1",
                        "check_in_date": "2026-03-01",
                        "check_out_date": "2026-03-03",
                        **(orders or {}),
                    },
                    **settings,
                }
            },
        }
        return Hotel(redis, redis_url, sandbox, build(raw, {"TOKEN": "token-of-the-test"}, source="test"))

    return make


@pytest.fixture
def update() -> Callable[..., dict[str, Any]]:
    return update_of
