"""What does celery-batches make of it? One task for each event, collected in the worker, a thousand a request.

It runs in an environment of its own, since celery-batches wants an older Celery than this project.
"""

from __future__ import annotations

from typing import Any

from celery_batches import Batches  # type: ignore[import-not-found] # not in this environment

from benchmarks.usual import BATCH, BATCHES, application, deliver, task_of

app = application(BATCHES)
# A worker that may not hold a whole batch would never fill one.
app.conf.worker_prefetch_multiplier = BATCH


@app.task(name=task_of(BATCHES), base=Batches, flush_every=BATCH, flush_interval=0.1)
def send(calls: list[Any]) -> None:
    """Deliver a batch."""
    deliver([call.args[0] for call in calls])
