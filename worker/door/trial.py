"""Where a person reads what the door takes, and tries it: `/v1/docs`, and `/v1/openapi.json` for machines.

Both are open to anybody who can reach the door: they say what this software takes, and nothing of an installation.
"""

from __future__ import annotations

from pathlib import Path

import orjson
from flask import Blueprint, Response, abort

from worker.door.openapi import document

_STATIC = Path(__file__).parent / "static"
_TYPES = {"docs.html": "text/html; charset=utf-8", "docs.css": "text/css", "docs.js": "text/javascript"}
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


def add_to(blueprint: Blueprint) -> None:
    """Add the pages to the door's blueprint."""
    blueprint.add_url_rule("/v1/openapi.json", "openapi", _openapi)
    blueprint.add_url_rule("/v1/docs", "docs", _docs)
    blueprint.add_url_rule("/v1/docs/<name>", "docs_file", _file)


def _openapi() -> Response:
    return Response(orjson.dumps(document()), content_type="application/json")


def _docs() -> Response:
    return _page("docs.html")


def _file(name: str) -> Response:
    return _page(name) if name in _TYPES else abort(404)


def _page(name: str) -> Response:
    response = Response((_STATIC / name).read_bytes(), content_type=_TYPES[name])
    response.headers["Content-Security-Policy"] = _CSP
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
