"""Where does `celery -A worker` find the application? Here, by Celery's convention.

It stands not in the package itself: commands and pages load that, too, and are ready in half of the time without.
"""

from worker.app import app

__all__ = ["app"]
