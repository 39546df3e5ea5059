"""Real workers: orders keep their order while one is killed, and an event set comes to be at start."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from worker.keys import Keys
from worker.sandbox import Sandbox

BASE = int(time.time()) - 5000


def test_orders_keep_their_order_while_a_worker_is_killed(make_fleet: Callable[..., Any], sandbox: Sandbox) -> None:
    sandbox.configure(order_sync_path="/order/sync/")
    sandbox.fault("code", code=50000, match={"path": "/order/sync/", "probability": 0.1})
    sandbox.fault("slow", seconds=0.01, match={"path": "/order/sync/"})
    fleet = make_fleet(
        more=f"""
[destinations.hotel]
kind = "order_sync"
source = "commanders_act"
credentials = "main"
timeout = "300ms"
take_back_after = "1s"
retry = {{ min_backoff = "20ms", max_backoff = "100ms", max_attempts = 50 }}
breaker = {{ min_requests = 100000 }}
[destinations.hotel.order_sync]
url = "{sandbox.origin}/order/sync/"
status_map = {{ booked = "CREATE_ORDER" }}
ttoclid = "click-1"
third_merchant_id = "m"
third_shop_id = "hotel-1"
third_shop_name = "Hotel"
order_country = "FR"
create_time = "{BASE}"
payment_value = "100"
total_value = "100"
length_of_stay = "2"
amount_of_room = "1"
check_in_date = "2026-03-01"
check_out_date = "2026-03-03"
[destinations.named]
kind = "events"
source = "segment"
credentials = "main"
base_url = "{sandbox.url}"
event_set = {{ advertiser_id = "7000000000000000001", name = "Stores" }}
"""
    )
    updates = [
        {
            "event_name": "booked",
            "id": f"o-{order}",
            "currency": "EUR",
            "items": [{"id": "room-7", "product": {"name": "Double room"}}],
            "context": {"event_timestamp": BASE + second},
        }
        for second in range(20)
        for order in range(15)
    ]
    fleet.start()
    fleet.start()
    lines = "\n".join(json.dumps(update) for update in updates)
    fleet.wait(lambda _: fleet.redis.hexists("tiktok-events:destinations", "hotel"))
    fleet.run("tiktok_events", "enqueue", "--destination", "hotel", "-", given=lines)
    fleet.wait(lambda now: now.totals.get("delivered", 0) > 60, destination="hotel")
    fleet.kill(fleet.workers[0])
    done = fleet.wait(
        lambda now: now.totals.get("delivered", 0) + now.totals.get("duplicate", 0) == len(updates), destination="hotel"
    )
    assert (done.waiting, done.in_flight, done.scheduled, done.dead) == (0, 0, 0, 0)
    assert "superseded" not in done.totals
    arrived: dict[str, list[int]] = defaultdict(list)
    for record in sandbox.events:
        info = record["event"]["order_info"]
        arrived[info["order_id"]].append(info["update_time"] - BASE)
    assert len(arrived) == 15
    for seconds in arrived.values():
        assert seconds == sorted(seconds)
        assert set(seconds) == set(range(20))
    made = json.loads(fleet.redis.get(Keys("named").event_set))
    assert made["id"].startswith("73")
