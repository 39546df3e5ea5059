"""The events that need a person: kept, found, mended, put back."""

from worker.dead_letters.browsing import Look, Tally, facets, look, tally
from worker.dead_letters.changes import Changes, Replayed
from worker.dead_letters.letter import DeadLetter
from worker.dead_letters.queries import Filter, Queries

__all__ = ["Changes", "DeadLetter", "Filter", "Look", "Queries", "Replayed", "Tally", "facets", "look", "tally"]
