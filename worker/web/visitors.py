"""Who sent this request, and what may they do?

In this order: a bearer token; the user whom a trusted proxy names; a session. Without any token configured, whoever is
on this machine may do everything.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from typing import cast

from flask import Request, g
from redis import Redis

from worker import audit
from worker.access import SCOPES, AccessTokens
from worker.web.proxies import Origin
from worker.web.sessions import Sessions
from worker.web.settings import WebSettings, is_loopback

SESSION_COOKIE = "te_session"
CSRF_COOKIE = "te_csrf"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who it is. `how` is open (no sign-in needed), session, token, proxy, or nobody."""

    name: str
    scopes: frozenset[str]
    how: str

    def may(self, scope: str) -> bool:
        """Say whether the visitor has a scope."""
        return scope in self.scopes


NOBODY = Visitor("", frozenset(), "nobody")


def visitor() -> Visitor:
    """Return who sent the present request."""
    return cast("Visitor", g.get("visitor", NOBODY))


def origin() -> Origin:
    """Return where the present request came from."""
    return cast("Origin", g.origin)


def welcome(request: Request, redis: Redis, settings: WebSettings, now: float) -> None:
    """Find out who sent `request`, for :func:`visitor`, and which CSRF token is theirs."""
    g.visitor, g.csrf = NOBODY, ""
    g.visitor = _found(request, redis, settings, now)
    if not g.csrf:
        # Without a session the cookie itself is what a form has to repeat.
        g.csrf = request.cookies.get(cookie_name(CSRF_COOKIE), "") or secrets.token_urlsafe(24)
        g.new_csrf = g.csrf


def cookie_name(name: str) -> str:
    """Return a cookie's name: behind https one that no other host and no http page can set."""
    return f"__Host-{name}" if origin().https else name


def csrf_matches(token: str) -> bool:
    """Say whether a form came with the visitor's own token."""
    return bool(g.csrf) and hmac.compare_digest(token.encode(), g.csrf.encode())


def is_open(redis: Redis, settings: WebSettings) -> bool:
    """Say whether no sign-in is needed: only this machine can reach it, and no token was made."""
    return settings.on_loopback and settings.proxy is None and not AccessTokens(redis).exist()


def _found(request: Request, redis: Redis, settings: WebSettings, now: float) -> Visitor:
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        access = AccessTokens(redis).verify(text.strip())
        return Visitor(access.name, access.scopes, "token") if access else NOBODY
    here = origin()
    if settings.proxy and settings.proxy.user_header and here.by_proxy:
        user = request.headers.get(settings.proxy.user_header, "").strip()
        if user and user.isprintable() and len(user) <= 200:
            return Visitor(user, settings.proxy.scopes, "proxy")
    if session_id := request.cookies.get(cookie_name(SESSION_COOKIE)):
        session = Sessions(redis, settings).find(session_id, now=now)
        if session:
            g.csrf = session.csrf
            return Visitor(session.name, session.scopes, "session")
    # What came through a proxy that nobody vouched for is not from this machine, whatever its address.
    if not here.forwarded and is_loopback(here.address) and is_open(redis, settings):
        return Visitor(f"{audit.who()} by web", frozenset(SCOPES), "open")
    return NOBODY
