"""What would one write first? One Celery task for each event, which carries it, and a session for each process.

Celery's own defaults, which acknowledge early: its fastest, and the one that loses what a killed worker held.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import requests
from celery import Celery

from benchmarks.straight import body

QUEUE = "naive"

app = Celery("naive", broker=os.environ["BENCH_BROKER_URL"])
app.conf.update(task_default_queue=QUEUE, task_ignore_result=True, broker_connection_retry_on_startup=True)


@cache
def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    return session


@app.task(name="naive.send")
def send(event: dict[str, Any]) -> None:
    """Deliver one event."""
    _session().post(os.environ["BENCH_SINK_URL"], json=body([event]), timeout=10).raise_for_status()
