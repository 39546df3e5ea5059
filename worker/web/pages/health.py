"""Is the web process alive, and is it ready to answer?"""

from __future__ import annotations

from flask import Blueprint

from worker.metrics.readiness import readiness
from worker.web.security import ANYBODY, requires
from worker.web.shell import shell

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@requires(ANYBODY)
def alive() -> tuple[str, int]:
    """Say that the process answers. It says nothing about Redis: a restart would not mend that."""
    return "ok\n", 200


@blueprint.get("/readyz")
@requires(ANYBODY)
def ready() -> tuple[str, int]:
    """Say whether it can do its work: whether Redis answers."""
    found = readiness(shell().redis)
    return found.text, found.status
