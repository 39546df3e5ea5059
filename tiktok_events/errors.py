"""What can go wrong at the door, sorted by what to do next?

::

    EnqueueError
    ├── InvalidEvent         mend the event; the same one will be refused again
    ├── EventTooLarge        send less in one event
    ├── UnknownDestination   mend the name, or add the destination to the workers' configuration
    ├── EncryptionRequired   set TIKTOK_EVENTS_ENCRYPTION_KEYS where this app runs
    ├── InboxFull            wait and try again: the workers are behind
    └── Unavailable          try again later, or mend REDIS_URL; see ``maybe_stored``

No message holds a value of an event, and none holds the URL of Redis, which may hold a password.
"""

# ruff: noqa: N818  (the names say what to do next; "Error" is in the name of the one to catch)

from __future__ import annotations


class EnqueueError(Exception):
    """An event was not taken.

    Attributes:
        stored: how many events of this call were certainly stored. After ``enqueue_many`` these are
            the first ones: go on with ``events[error.stored:]``.
        ids: the ids of those events.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.stored = 0
        self.ids: list[str] = []


class InvalidEvent(EnqueueError):
    """The event is not a JSON object that can be delivered; the message names the place and the rule."""


class EventTooLarge(EnqueueError):
    """The event has more bytes of JSON than the destination allows."""


class UnknownDestination(EnqueueError):
    """The workers have no destination of this name."""


class EncryptionRequired(EnqueueError):
    """The destination takes sealed events only, and this process has no keys to seal with."""


class InboxFull(EnqueueError):
    """The destination holds as many waiting events as it may: the workers are behind."""


class Unavailable(EnqueueError):
    """Redis cannot be reached, is silent, or refuses.

    Attributes:
        maybe_stored: True if the event, or the part of the events after ``stored`` that was on its
            way, may have been stored nevertheless, because the answer did not come. Sending it again
            may put it into the queue twice; both copies carry the same id, by which the worker's
            ledger and TikTok drop the repeat.
    """

    def __init__(self, message: str, *, maybe_stored: bool = False) -> None:
        super().__init__(message)
        self.maybe_stored = maybe_stored
