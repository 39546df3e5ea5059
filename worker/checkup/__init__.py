"""Whether this machine, its Redis and its configuration are fit to keep events: what `doctor` asks."""

from worker.checkup.examination import examine, inboxes
from worker.checkup.finding import Finding
from worker.checkup.server import OLDEST_REDIS, of_redis

__all__ = ["OLDEST_REDIS", "Finding", "examine", "inboxes", "of_redis"]
