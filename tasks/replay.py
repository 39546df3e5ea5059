"""When a replay job goes on: started to run on the workers, or left behind by a command that died."""

from __future__ import annotations

from celery import shared_task

from worker.keys import Keys
from worker.replay_jobs import ReplayJobs, expiry
from worker.runtime import runtime

_SLICE_SECONDS = 5.0


@shared_task(name="tiktok_events.replay", ignore_result=True)
def replay(destination: str, job_id: str) -> None:
    """Do a slice of a replay job. Running twice is harmless: the job's lease lets one in."""
    here = runtime()
    settings = here.config.destinations.get(destination)
    if settings is None:
        return
    jobs = ReplayJobs(here.redis, Keys(destination), owner=here.name)
    for job in jobs.run(job_id, expiry(settings, settings.mapper()), seconds=_SLICE_SECONDS):
        if job.state != "running":
            return
