"""How events travel: everything that touches Redis, HTTP, Sentry or the clock. `celery -A worker worker` runs it."""
