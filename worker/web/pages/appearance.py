"""Light, dark, or as the system has it? Kept in a cookie, so that a page comes right at once and without scripts."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, request

from worker.web.security import ANYBODY, local_path, requires
from worker.web.visitors import origin

blueprint = Blueprint("appearance", __name__)

THEMES = ("auto", "light", "dark")
_YEAR_SECONDS = 365 * 86400


@blueprint.post("/appearance")
@requires(ANYBODY)
def choose() -> Any:
    """Remember a theme and go back."""
    theme = request.form.get("theme", "")
    if theme not in THEMES:
        abort(400, "There is no such theme.")
    response = redirect(local_path(request.form.get("next")), 303)
    response.set_cookie("te_theme", theme, max_age=_YEAR_SECONDS, httponly=True, samesite="Lax", secure=origin().https)
    return response


def chosen() -> str:
    """Return the theme this visitor chose; a cookie may hold anything."""
    theme = request.cookies.get("te_theme", "auto")
    return theme if theme in THEMES else "auto"
