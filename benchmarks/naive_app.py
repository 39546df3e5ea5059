"""What would one write first? One Celery task for each event, which carries it."""

from __future__ import annotations

from typing import Any

from benchmarks.usual import NAIVE, application, deliver, task_of

app = application(NAIVE)


@app.task(name=task_of(NAIVE))
def send(event: dict[str, Any]) -> None:
    """Deliver one event."""
    deliver([event])
