"""Dead letters: found, looked at, mended, put back, discarded. One file for each of these."""

from worker.web.pages.dead_letters import discarding, editing, finding, moving, replaying, showing
from worker.web.pages.dead_letters.blueprint import blueprint

__all__ = ["blueprint", "discarding", "editing", "finding", "moving", "replaying", "showing"]
