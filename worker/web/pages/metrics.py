"""What does Prometheus read of the web process? For whoever may read: on its own machine, or with a bearer token."""

from __future__ import annotations

from flask import Blueprint, Response

from worker.metrics.exposition import CONTENT_TYPE
from worker.web.security import requires
from worker.web.shell import shell

blueprint = Blueprint("metrics", __name__)


@blueprint.get("/metrics")
@requires("read")
def scrape() -> Response:
    """Tell the fleet's figures and this process's own."""
    return Response(shell().metrics.text(), content_type=CONTENT_TYPE)
