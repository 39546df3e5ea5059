"""How does a Flask shop report a sale?

`REDIS_URL=... flask --app examples.flask_shop run`, then `curl -X POST localhost:5000/orders/1001`.
What the shop itself would test: tests/examples/test_shops.py.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Flask, current_app

from tiktok_events import EnqueueError, enqueue

app = Flask(__name__)


@app.post("/orders/<number>")
def pay(number: str) -> dict[str, Any]:
    """Take an order's payment."""
    # ... the shop writes the order here ...
    event = {
        "type": "track",
        "event": "Order Completed",
        "messageId": f"order-{number}",
        "timestamp": datetime.now(UTC).isoformat(),
        "properties": {"order_id": number, "currency": "EUR", "value": 46.0},
    }
    try:
        event_id = enqueue(event, destination="stores")
    except EnqueueError:
        # A sale is a sale, also while Redis is away; the message holds no value of the event.
        current_app.logger.exception("order %s was not reported", number)
        event_id = None
    return {"paid": True, "event_id": event_id}
