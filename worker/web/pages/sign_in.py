"""Sign in with an access token, and out again."""

from __future__ import annotations

import logging
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for

from worker import audit
from worker.access import AccessTokens
from worker.web.attempts import Attempts
from worker.web.security import ANYBODY, local_path, requires
from worker.web.sessions import Sessions
from worker.web.shell import shell
from worker.web.visitors import SESSION_COOKIE, cookie_name, origin

blueprint = Blueprint("sign_in", __name__)

log = logging.getLogger(__name__)


@blueprint.get("/sign-in")
@requires(ANYBODY)
def form() -> str:
    """Ask for a token."""
    return render_template("sign_in.html", next=local_path(request.args.get("next")), fault="")


@blueprint.post("/sign-in")
@requires(ANYBODY)
def enter() -> Any:
    """Begin a session for who shows a token that may read."""
    here = shell()
    attempts = Attempts(here.redis)
    wait = attempts.take(origin().address)
    if wait:
        log.warning("too many sign-ins")
        body = render_template("error.html", title="Too many attempts", detail=f"Try again in {wait} s.")
        return body, 429, {"Retry-After": str(wait)}
    target = local_path(request.form.get("next"))
    access = AccessTokens(here.redis).verify(request.form.get("token", "").strip())
    if access is None or not access.scopes & {"read", "operate", "reveal"}:
        log.warning("sign-in refused")
        fault = "There is no such token." if access is None else "This token may only send events."
        return render_template("sign_in.html", next=target, fault=fault), 401
    attempts.forget(origin().address)
    sessions = Sessions(here.redis, here.settings)
    audit.record(here.redis, "sign-in", destination="", details={}, by=access.name)
    response = redirect(target, 303)
    response.set_cookie(
        cookie_name(SESSION_COOKIE),
        sessions.start(access, now=here.now()),
        httponly=True,
        samesite="Lax",
        secure=origin().https,
        path="/",
    )
    return response


@blueprint.post("/sign-out")
@requires(ANYBODY)
def leave() -> Any:
    """End the session."""
    here, name = shell(), cookie_name(SESSION_COOKIE)
    session_id = request.cookies.get(name)
    if session_id is None:
        abort(400, "You are not signed in.")
    Sessions(here.redis, here.settings).end(session_id)
    response = redirect(url_for("sign_in.form"), 303)
    response.delete_cookie(name, httponly=True, samesite="Lax", secure=origin().https, path="/")
    return response
