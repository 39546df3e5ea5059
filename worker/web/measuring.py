"""How long does each request take? Told to Prometheus by the part of the web process it was for."""

from __future__ import annotations

import time

from flask import Flask, Response, g, request

from worker.metrics.meter import Meter
from worker.web.pages import health


def measure(app: Flask, meter: Meter, *, door: str | None) -> None:
    """Have `meter` note each answer of `app`. Call it before anything else that looks at requests."""

    def begin() -> None:
        g.began = time.monotonic()

    def end(response: Response) -> Response:
        meter.served(_area(door), response.status_code, time.monotonic() - g.began)
        return response

    app.before_request(begin)
    app.after_request(end)


def _area(door: str | None) -> str:
    if request.endpoint is None:
        return "other"
    if request.endpoint == "static":
        return "static"
    if request.blueprint == health.blueprint.name:
        return "health"
    if request.blueprint == door:
        return "door"
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        return "action"
    return "api" if request.path.endswith(".json") else "page"
