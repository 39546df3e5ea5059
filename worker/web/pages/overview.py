"""Overview: how is each destination, and what has a person to do about it?"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for

from worker.config import Destination
from worker.keys import UNKNOWN, Keys
from worker.pauses import REASONS, Pauses
from worker.web.figures import state_of, story_of
from worker.web.security import local_path, requires
from worker.web.shell import figures, record, shell
from worker.web.visitors import visitor
from worker.workers import workers

blueprint = Blueprint("overview", __name__)

_LONGEST_REASON = 200


@blueprint.get("/")
@requires("read")
def index() -> str:
    """Show every destination, those in trouble first; `q` picks those whose names hold it."""
    wanted = request.args.get("q", "").strip().lower()
    found = [each for each in figures().overviews() if wanted in each.destination]
    return render_template(
        "overview.html",
        destinations=found,
        healthy={each.destination for each in found if state_of(each)[1] in ("good", "plain")},
        q=wanted,
        workers=workers(shell().redis),
        state_of=state_of,
        story_of=story_of,
        unknown=UNKNOWN,
    )


@blueprint.get("/overview.json")
@requires("read")
def index_figures() -> dict[str, Any]:
    """Tell the figures of every destination, and the minutes of all of them together."""
    return figures().told()


@blueprint.get("/destinations/<name>")
@requires("read")
def show(name: str) -> str:
    """Show one destination."""
    _known(name)
    (found,) = figures().overviews([name])
    return render_template(
        "destination.html",
        each=found,
        state_of=state_of,
        story_of=story_of,
        reasons=REASONS,
        unknown=UNKNOWN,
        minutes=figures().minutes(name),
    )


@blueprint.get("/destinations/<name>.json")
@requires("read")
def show_figures(name: str) -> dict[str, Any]:
    """Tell the figures of one destination, and its minutes."""
    _known(name)
    return figures().told(name)


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


def _known(name: str) -> None:
    if name != UNKNOWN:
        _settings(name)


def _back() -> str:
    return local_path(request.form.get("next") or url_for("overview.index"))
