"""When a replay job goes on: started to run on the workers, or left behind by a command that died."""

from __future__ import annotations

import logging

from celery import shared_task
from kombu.exceptions import OperationalError

from worker.calls import REPLAY_TASK
from worker.keys import Keys
from worker.replay_jobs import ReplayJobs, expiry
from worker.runtime import Runtime, runtime

log = logging.getLogger(__name__)

_SLICE_SECONDS = 5.0
_SLICE_EXPIRES_SECONDS = 60
"""A sweep has sent another by then."""


def replay_slice(here: Runtime, destination: str, job_id: str, *, seconds: float = _SLICE_SECONDS) -> bool:
    """Do a slice of a replay job; return whether another should follow."""
    settings = here.config.destinations.get(destination)
    if settings is None:
        return False
    jobs = ReplayJobs(here.redis, Keys(destination), owner=here.name)
    seen = list(jobs.run(job_id, expiry(settings, settings.mapper()), seconds=seconds))
    return bool(seen) and seen[-1].state == "running"


@shared_task(name=REPLAY_TASK, ignore_result=True)
def replay(destination: str, job_id: str) -> None:
    """Do a slice of a replay job. Running twice is harmless: the job's lease lets one in."""
    if replay_slice(runtime(), destination, job_id):
        try:
            replay.apply_async((destination, job_id), expires=_SLICE_EXPIRES_SECONDS)
        except OperationalError as error:
            # Nobody holds its lease now, so the next sweep finds it.
            log.warning("broker takes no message; the replay goes on later", extra={"cause": type(error).__name__})
