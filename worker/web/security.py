"""What is refused before a page sees it, and what every answer carries?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, Request, Response, abort, current_app, g, redirect, request, url_for
from werkzeug.datastructures import WWWAuthenticate

from worker.web.proxies import origin_of
from worker.web.settings import WebSettings, is_loopback
from worker.web.shell import shell
from worker.web.visitors import CSRF_COOKIE, cookie_name, csrf_matches, origin, visitor, welcome

ANYBODY = ""
"""Not a scope: pages that need none, such as the sign-in."""

_SAFE = ("GET", "HEAD", "OPTIONS")
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # With no-referrer browsers would call every form's origin "null".
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

_View = TypeVar("_View", bound=Callable[..., Any])


def requires(scope: str) -> Callable[[_View], _View]:
    """Say which scope a view needs. One that says nothing answers nobody."""

    def mark(view: _View) -> _View:
        view.needed_scope = scope  # type: ignore[attr-defined] # a mark on a function
        return view

    return mark


def guard(app: Flask, *, own_access: frozenset[str]) -> None:
    """Have `app` refuse what must not come in.

    Blueprints in `own_access` know their callers themselves, by nothing that a browser sends unasked, or tell nothing.
    """

    def check() -> Any:
        here = shell()
        g.origin = origin_of(request, here.settings)
        if request.blueprint in own_access:
            return None
        if not host_is_known(origin().host, here.settings):
            abort(421)
        if request.endpoint == "static":
            return None
        welcome(request, here.redis, here.settings, here.now())
        if request.endpoint is None:
            return None
        if request.method not in _SAFE and visitor().how != "token":
            _refuse_forgery(request, origin().host)
        return _refuse_stranger()

    app.before_request(check)
    app.after_request(_dress)


def host_is_known(asked: str, settings: WebSettings) -> bool:
    """Say whether a request was meant for us: a stranger's page may have its own name lead to this machine."""
    try:
        host = (urlsplit(f"//{asked}").hostname or "").lower()
    except ValueError:
        return False
    if host in settings.allowed_hosts:
        return True
    if settings.on_loopback:
        return is_loopback(host)
    return not settings.allowed_hosts


def local_path(target: str | None) -> str:
    """Return where to go next: `target` if it is a path of ours, else the first page."""
    plain = target or ""
    parts = urlsplit(plain)
    ours = plain.startswith("/") and not plain.startswith("//") and not parts.scheme and not parts.netloc
    # Browsers read a backslash as a slash, and drop tabs and line ends before they look.
    return plain if ours and plain.isprintable() and "\\" not in plain else url_for("overview.index")


def _refuse_forgery(asked: Request, host: str) -> None:
    if asked.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        abort(403, "This came from another site.")
    claimed = asked.headers.get("Origin")
    if claimed and urlsplit(claimed).netloc != host:
        abort(403, "This came from another site.")
    token = asked.headers.get("X-CSRF-Token") or asked.form.get("csrf_token", "")
    if not csrf_matches(token):
        abort(403, "The form is too old, or cookies are off. Go back, reload, and try again.")


def _refuse_stranger() -> Any:
    view = current_app.view_functions[str(request.endpoint)]
    needed = getattr(view, "needed_scope", None)
    if needed is None:
        abort(403, "This page says nothing about who may see it.")
    if needed == ANYBODY or visitor().may(needed):
        return None
    if visitor().how != "nobody":
        abort(403, f"You have not the scope {needed}: it takes an access token that has it.")
    # Machines, and an application without pages, get a plain refusal.
    wants_page = request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"
    if not wants_page or "sign_in.form" not in current_app.view_functions:
        advice = f"Send an access token with the scope {needed}, as `Authorization: Bearer TOKEN`."
        abort(401, advice, www_authenticate=WWWAuthenticate("bearer", {"realm": "tiktok-events"}))
    return redirect(url_for("sign_in.form", next=local_path(request.full_path.rstrip("?"))))


def _dress(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    if g.get("new_csrf") and response.mimetype == "text/html":
        response.set_cookie(
            cookie_name(CSRF_COOKIE), g.new_csrf, httponly=True, samesite="Strict", secure=origin().https
        )
    if "origin" in g and origin().https:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response
