"""Playground: paste an event, pick a destination, see what would be sent, and what was dropped and why."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Blueprint, render_template, request

from worker.layout import lay_out
from worker.preview import Stopped, become
from worker.web.pages.dead_letters.showing import bodies
from worker.web.security import requires
from worker.web.shell import shell

blueprint = Blueprint("playground", __name__, url_prefix="/playground")


@blueprint.get("")
@requires("read")
def index() -> str:
    """Show the empty form."""
    return _page("", None)


@blueprint.post("")
@requires("read")
def look() -> str:
    """Show what would become of an event. Nothing is stored, nothing is sent."""
    return _page(request.form.get("event", ""), _found())


@blueprint.post("/check")
@requires("read")
def check() -> str:
    """Say the same as a part of the page, as it is typed."""
    return render_template("playground_result.html", result=_found())


def _page(text: str, result: dict[str, Any] | None) -> str:
    return render_template(
        "playground.html",
        text=text,
        wanted=request.form.get("destination", ""),
        destinations=list(shell().config.destinations),
        result=result,
    )


def _found() -> dict[str, Any] | None:
    here, text = shell(), request.form.get("event", "").strip()
    if not text:
        return None
    settings = here.config.destinations.get(request.form.get("destination", ""))
    if settings is None:
        return {"fault": "There is no such destination."}
    try:
        event = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return {"fault": f"It is not JSON at line {error.lineno}, column {error.colno}."}
    if not isinstance(event, dict):
        return {"fault": "It is JSON, but not an object."}
    found = become(event, settings, settings.mapper(), now=here.now(), ref="playground")
    if isinstance(found, Stopped):
        return {"stopped": found, "event": lay_out(event, found.faults)}
    return {
        "event": lay_out(event, found.notes),
        "events": [item.event for item in found.items],
        "requests": bodies(found, settings, clear=True),
    }
