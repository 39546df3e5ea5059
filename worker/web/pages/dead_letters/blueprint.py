"""Which blueprint do the pages of dead letters belong to, and which dead letter does an address mean?"""

from __future__ import annotations

from flask import Blueprint, abort

from worker.config import Destination
from worker.dead_letters import DeadLetter, Queries
from worker.keys import UNKNOWN, Keys
from worker.web.shell import shell

blueprint = Blueprint("dead_letters", __name__, url_prefix="/dead-letters")


def destinations() -> list[str]:
    """Return the destinations that may have dead letters."""
    return [*shell().config.destinations, UNKNOWN]


def keys_of(destination: str) -> Keys:
    """Return the keys of a destination, or end the request."""
    if destination not in destinations():
        abort(404, "There is no such destination.")
    return Keys(destination)


def settings_of(destination: str) -> Destination:
    """Return the settings of a destination, or end the request."""
    settings = shell().config.destinations.get(destination)
    if settings is None:
        abort(400, "Choose a destination that exists.")
    return settings


def letter_of(destination: str, ref: str) -> DeadLetter:
    """Return one dead letter with its event, or end the request."""
    letter = Queries(shell().redis, keys_of(destination)).get(ref)
    if letter is None:
        abort(404, "There is no such dead letter: it was replayed or discarded, or never was one.")
    return letter
