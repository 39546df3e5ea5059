"""What do the usual set-ups have in common: what their tasks are called, and how one delivers?"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import requests
from celery import Celery

from benchmarks.straight import body

NAIVE, BATCHES = "naive", "batches"
"""Names of the applications' queues."""

BATCH = 1000


def task_of(queue: str) -> str:
    """Return the name of the task that a queue holds."""
    return f"{queue}.send"


def application(queue: str) -> Celery:
    """Return a Celery application on the benchmark's Redis.

    Celery's own defaults acknowledge early: its fastest, and what loses the events that a killed worker held.
    """
    app = Celery(queue, broker=os.environ["BENCH_BROKER_URL"])
    app.conf.update(task_default_queue=queue, task_ignore_result=True, broker_connection_retry_on_startup=True)
    return app


def deliver(events: Sequence[Mapping[str, Any]]) -> None:
    """Post events to the sink, over one session for each process.

    Raises:
        requests.RequestException: it does not take them.
    """
    _session().post(os.environ["BENCH_SINK_URL"], json=body(events), timeout=10).raise_for_status()


@cache
def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    return session
