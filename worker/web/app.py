"""How is the web application put together?"""

from __future__ import annotations

import hashlib
import logging
import secrets
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, g, render_template, request, url_for
from flask.sessions import SecureCookieSessionInterface
from redis import Redis
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException

from worker import sentry
from worker.config import Config
from worker.metrics.exposition import WebMetrics
from worker.web.display import FILTERS
from worker.web.figures import Figures
from worker.web.measuring import measure
from worker.web.pages import OF_MACHINES, PAGES, appearance, health
from worker.web.security import guard
from worker.web.settings import WebSettings
from worker.web.shell import EXTENSION, Shell, shell
from worker.web.visitors import origin, visitor

log = logging.getLogger(__name__)

_MOST_FORM_BYTES = 2 * 1024 * 1024

NAVIGATION = (
    ("overview.index", "Overview", "o"),
    ("retries.index", "Retries", "r"),
    ("dead_letters.index", "Dead letters", "d"),
    ("playground.index", "Playground", "p"),
    ("audit.index", "Audit", "a"),
)
"""Endpoint, title, and the key that goes there after `g`. One that is not registered is not shown."""


def create_app(
    config: Config,
    redis: Redis,
    settings: WebSettings = WebSettings(),  # noqa: B008 # frozen
    *,
    clock: Callable[[], float] = time.time,
    door: Blueprint | None = None,
    only_door: bool = False,
) -> Flask:
    """Return the application. `door` is the HTTP door's blueprint; it knows its callers by their tokens itself.

    `only_door` leaves the pages out, but for what machines read: health and metrics.
    """
    app = _Application("worker.web", static_url_path="/static")
    app.config["MAX_CONTENT_LENGTH"] = _MOST_FORM_BYTES
    app.config["MAX_FORM_MEMORY_SIZE"] = _MOST_FORM_BYTES
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 31536000
    # Flask's own session holds nothing but the messages of the next page; who signed in is in worker/web/sessions.py.
    app.secret_key = secrets.token_bytes(32)
    app.config.update(SESSION_COOKIE_NAME="te_messages", SESSION_COOKIE_SAMESITE="Lax")
    app.session_interface = _Messages()
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    metrics = WebMetrics(redis, config)
    app.extensions[EXTENSION] = Shell(
        redis=redis,
        config=config,
        settings=settings,
        clock=clock,
        figures=Figures(redis, config.destinations, clock),
        metrics=metrics,
    )
    app.jinja_env.filters.update(FILTERS)
    measure(app, metrics.meter, door=door.name if door else None)
    guard(app, own_access=frozenset({health.blueprint.name, *([door.name] if door else ())}))
    for page in OF_MACHINES if only_door else PAGES:
        app.register_blueprint(page)
    if door is not None:
        app.register_blueprint(door)
    app.context_processor(lambda: _at_hand(app))
    app.register_error_handler(HTTPException, _refused_plainly if only_door else _refused)
    app.register_error_handler(RedisError, _no_redis_plainly if only_door else _no_redis)
    return app


class _Application(Flask):
    """Flask, but what it logs names no path: a person's address may stand in one."""

    def log_exception(self, exc_info: Any) -> None:
        sentry.capture(exc_info)
        log.error("page failed", extra={"endpoint": request.endpoint}, exc_info=exc_info)


class _Messages(SecureCookieSessionInterface):
    """Flask's cookie, Secure where the visitor speaks https."""

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002
        return "origin" in g and origin().https


def _at_hand(app: Flask) -> dict[str, Any]:
    return {
        "navigation": [each for each in NAVIGATION if each[0] in app.view_functions],
        "visitor": visitor(),
        "csrf_token": lambda: g.get("csrf", ""),
        "asset": _asset,
        "theme": appearance.chosen(),
        "endpoints": app.view_functions,
        "now": shell().now(),
    }


def _asset(name: str) -> str:
    return url_for("static", filename=name, v=_version(name))


@cache
def _version(name: str) -> str:
    content = (Path(__file__).parent / "static" / name).read_bytes()
    return hashlib.sha256(content).hexdigest()[:12]


def _refused(error: HTTPException) -> Any:
    if isinstance(error.response, Response):
        return error.response
    if _wants_json():
        return _refused_plainly(error)
    status = error.code or 500
    return render_template("error.html", title=error.name, detail=error.description), status


def _refused_plainly(error: HTTPException) -> Any:
    kept = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After", "WWW-Authenticate")}
    return {"error": error.name, "detail": error.description}, error.code or 500, kept


def _no_redis(error: RedisError) -> Any:
    if _wants_json():
        return _no_redis_plainly(error)
    return render_template("error.html", title="Redis is away", detail=_advice(error)), 503


def _no_redis_plainly(error: RedisError) -> Any:
    return {"error": "Service Unavailable", "detail": _advice(error)}, 503


def _advice(error: RedisError) -> str:
    return f"Redis does not answer ({type(error).__name__}): check REDIS_URL and the server."


def _wants_json() -> bool:
    return request.accept_mimetypes.best_match(["application/json", "text/html"], default="text/html") != "text/html"
