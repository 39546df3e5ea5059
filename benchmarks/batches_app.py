"""What does celery-batches make of it? One task for each event, collected in the worker, a thousand a request.

It runs in an environment of its own, since celery-batches wants an older Celery than this project.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import requests
from celery import Celery
from celery_batches import Batches

from benchmarks.straight import body

QUEUE = "batches"
TASK = "batches.send"
_BATCH = 1000

app = Celery("batches", broker=os.environ["BENCH_BROKER_URL"])
app.conf.update(
    task_default_queue=QUEUE,
    task_ignore_result=True,
    broker_connection_retry_on_startup=True,
    # A worker that may not hold a whole batch would never fill one.
    worker_prefetch_multiplier=_BATCH,
)


@cache
def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    return session


@app.task(name=TASK, base=Batches, flush_every=_BATCH, flush_interval=0.1)
def send(calls: list[Any]) -> None:
    """Deliver a batch."""
    events = [call.args[0] for call in calls]
    _session().post(os.environ["BENCH_SINK_URL"], json=body(events), timeout=10).raise_for_status()
