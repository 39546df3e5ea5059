"""The events that need a person: kept, found, mended, put back."""

from worker.dead_letters.changes import Changes, Replayed
from worker.dead_letters.letter import DeadLetter
from worker.dead_letters.queries import Filter, Position, Queries, position
from worker.dead_letters.requeueing import JobStep, Wanted, requeue

__all__ = [
    "Changes",
    "DeadLetter",
    "Filter",
    "JobStep",
    "Position",
    "Queries",
    "Replayed",
    "Wanted",
    "position",
    "requeue",
]
