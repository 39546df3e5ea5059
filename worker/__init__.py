"""How events travel: everything that touches Redis, HTTP, Sentry or the clock. `celery -A worker worker` runs it."""

from worker.app import app

__all__ = ["app"]
