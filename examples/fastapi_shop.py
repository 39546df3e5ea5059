"""How does a FastAPI shop report a sale: without holding up its event loop, over connections that it closes?

`REDIS_URL=... uvicorn examples.fastapi_shop:app`, then `curl -X POST localhost:8000/orders/1001`.
What the shop itself would test: tests/examples/test_shops.py.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI, Request

from tiktok_events import AsyncProducer, EnqueueError

log = logging.getLogger(__name__)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """One producer for the app's life; nothing is connected before the first event."""
    async with AsyncProducer() as producer:
        app.state.producer = producer
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/orders/{number}")
async def pay(number: str, request: Request) -> dict[str, Any]:
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
        event_id = await request.app.state.producer.enqueue(event, destination="stores")
    except EnqueueError:
        # A sale is a sale, also while Redis is away; the message holds no value of the event.
        log.exception("order %s was not reported", number)
        event_id = None
    return {"paid": True, "event_id": event_id}
