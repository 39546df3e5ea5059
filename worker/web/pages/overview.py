"""Overview: how is each destination, and what has a person to do about it?"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for

from worker.config import Destination
from worker.keys import Keys
from worker.overview import look
from worker.pauses import Pauses
from worker.web.security import local_path, requires
from worker.web.shell import record, shell
from worker.web.visitors import visitor

blueprint = Blueprint("overview", __name__)

_LONGEST_REASON = 200


@blueprint.get("/")
@requires("read")
def index() -> str:
    """Show every destination."""
    here = shell()
    found = [look(here.redis, name, now=here.now()) for name in here.config.destinations]
    return render_template("overview.html", destinations=found)


@blueprint.post("/destinations/<name>/pause")
@requires("operate")
def pause(name: str) -> Any:
    """Claim no more events of a destination."""
    here, settings = shell(), _settings(name)
    reason = request.form.get("reason", "").strip()[:_LONGEST_REASON]
    fresh = Pauses(here.redis, Keys(name)).pause(
        "command",
        detail=reason,
        by=visitor().name,
        credential=settings.credentials.fingerprint(),
        now=here.now(),
    )
    if fresh:
        record("pause", destination=name, details={"reason": reason})
    flash(f"{name} is paused." if fresh else f"{name} was paused already.")
    return redirect(_back(), 303)


@blueprint.post("/destinations/<name>/resume")
@requires("operate")
def resume(name: str) -> Any:
    """Let a destination go on."""
    here = shell()
    _settings(name)
    was = Pauses(here.redis, Keys(name)).resume(now=here.now())
    if was:
        record("resume", destination=name, details={})
    flash(f"{name} goes on." if was else f"{name} was not paused.")
    return redirect(_back(), 303)


def _settings(name: str) -> Destination:
    settings = shell().config.destinations.get(name)
    if settings is None:
        abort(404, "There is no such destination.")
    return settings


def _back() -> str:
    return local_path(request.form.get("next") or url_for("overview.index"))
