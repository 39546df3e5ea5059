"""Where did a request really come from?"""

from __future__ import annotations

from dataclasses import dataclass

from flask import Request

from worker.web.settings import WebSettings, as_address

_FORWARDING = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via")


@dataclass(frozen=True, slots=True)
class Origin:
    """The client's address, the host it asked for, whether by https, and whether a proxy, or the trusted one, stands
    between."""

    address: str
    host: str
    https: bool
    by_proxy: bool
    forwarded: bool


def origin_of(request: Request, settings: WebSettings) -> Origin:
    """Return where `request` came from. A header is believed only from the trusted proxy."""
    address = request.remote_addr or ""
    host = request.headers.get("Host", "")
    forwarded = any(name in request.headers for name in _FORWARDING)
    https = request.environ.get("wsgi.url_scheme") == "https"
    if settings.proxy is None or not settings.proxy.sent(address):
        return Origin(address, host, https=https, by_proxy=False, forwarded=forwarded)
    # From the right: each proxy appends whom it saw, and what a client wrote itself stands on the left.
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",")]
    client = next((hop for hop in reversed(hops) if as_address(hop) and not settings.proxy.sent(hop)), address)
    https = https or request.headers.get("X-Forwarded-Proto", "").split(",")[-1].strip().lower() == "https"
    host = request.headers.get("X-Forwarded-Host", host).split(",")[-1].strip()
    return Origin(client, host, https=https, by_proxy=True, forwarded=forwarded)
