"""Audit: who replayed, edited, paused, discarded, revealed what?"""

from __future__ import annotations

from flask import Blueprint, render_template, request

from worker import audit
from worker.web.security import requires
from worker.web.shell import shell

blueprint = Blueprint("audit", __name__)

_ROWS = 50


@blueprint.get("/audit")
@requires("read")
def index() -> str:
    """Show what was done, newest first, a page at a time."""
    page = audit.page(shell().redis, before=request.args.get("before"), limit=_ROWS)
    return render_template("audit.html", records=page.records, older=page.older)
