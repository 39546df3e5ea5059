"""Which event sets an advertiser has at TikTok, and how one that a destination names comes to be."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from redis import Redis

from worker.config import EventSetSettings
from worker.errors import Outcome, Verdict
from worker.keys import Keys
from worker.management import Management, ManagementError
from worker.scripts import run

KINDS = {
    "offline": ("offline/get/", "event_set_list", "offline/create/"),
    "crm": ("crm/list/", "crm_event_sets", "crm/create/"),
}
"""Kind of event set: (path of the list, its member in the answer, path to create one)."""

_LOCK_MS = 60_000
_PATIENCE_SECONDS = 45.0
_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class EventSet:
    """One event set. What TikTok does not tell of a kind is None. Times are as TikTok writes them."""

    event_set_id: str
    name: str
    description: str | None = None
    auto_tracking: bool | None = None
    create_time: str | None = None
    update_time: str | None = None


@dataclass(frozen=True, slots=True)
class EventSets:
    """The event sets of one advertiser. Every method raises ManagementError."""

    api: Management
    advertiser_id: str
    kind: str = "offline"

    def list(self, *, name: str | None = None, event_set_id: str | None = None) -> list[EventSet]:
        """Return them all, or those with this exact name or this id."""
        path, member, _ = KINDS[self.kind]
        query: dict[str, object] = {"advertiser_id": self.advertiser_id}
        if name is not None:
            query["name"] = name
        if event_set_id is not None:
            query["event_set_ids"] = [event_set_id]
        found = self.api.get(path, query).get(member)
        return [_read(each) for each in found if isinstance(each, dict)] if isinstance(found, list) else []

    def create(self, name: str, *, description: str = "", auto_tracking: bool = False) -> str:
        """Make one and return its id. TikTok lets names repeat."""
        body: dict[str, object] = {"advertiser_id": self.advertiser_id, "name": name}
        if self.kind == "offline":
            body |= {"description": description, "auto_tracking": auto_tracking}
        made = self.api.post(KINDS[self.kind][2], body).get("event_set_id")
        if not isinstance(made, str) or not made:
            raise ManagementError(Verdict(Outcome.MISCONFIGURED, message="the answer has no event_set_id"))
        return made

    def update(self, event_set_id: str, **changes: object) -> EventSet:
        """Change an offline event set: `name`, `description`, `auto_tracking`; return it as TikTok then has it."""
        body = {"advertiser_id": self.advertiser_id, "event_set_id": event_set_id, **changes}
        return _read({"event_set_id": event_set_id, **self.api.post("offline/update/", body)})

    def delete(self, event_set_id: str) -> None:
        """Remove an offline event set for good."""
        self.api.post("offline/delete/", {"advertiser_id": self.advertiser_id, "event_set_id": event_set_id})


def _read(told: dict[str, Any]) -> EventSet:
    def text(name: str) -> str | None:
        value = told.get(name)
        return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else None

    tracking = told.get("auto_tracking")
    return EventSet(
        event_set_id=text("event_set_id") or "",
        name=text("name") or "",
        description=text("description"),
        auto_tracking=tracking if isinstance(tracking, bool) else None,
        create_time=text("create_time"),
        update_time=text("update_time"),
    )


@dataclass(frozen=True, slots=True)
class Ensured:
    """The event set that a destination asks for by name: found, or made once, and remembered in Redis."""

    redis: Redis
    keys: Keys
    settings: EventSetSettings
    kind: str
    sets: EventSets
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def event_set_id(self) -> str:
        """Return its id. Of several with the name the oldest is taken; one that is there is not changed.

        One worker asks at a time, since TikTok would make two. Raises ManagementError.
        """
        if (known := self._known()) is not None:
            return known
        token, end = secrets.token_hex(8), self.clock() + _PATIENCE_SECONDS
        while not self.redis.set(self.keys.event_set_lock, token, nx=True, px=_LOCK_MS):
            if (known := self._known()) is not None:
                return known
            if self.clock() > end:
                raise ManagementError(Verdict(Outcome.UNAVAILABLE, message="another worker is at it for too long"))
            self.sleep(_POLL_SECONDS)
        try:
            return self._known() or self._found_or_made()
        finally:
            run(self.redis, "unlock", [self.keys.event_set_lock], [token])

    def _found_or_made(self) -> str:
        wanted = self.settings
        found = sorted(self.sets.list(name=wanted.name), key=lambda each: (each.create_time or "", each.event_set_id))
        # The filter is TikTok's; a set with another name must not be taken for this one.
        named = [each.event_set_id for each in found if each.name == wanted.name and each.event_set_id]
        event_set_id = (
            named[0]
            if named
            else self.sets.create(wanted.name, description=wanted.description, auto_tracking=wanted.auto_tracking)
        )
        self.redis.set(self.keys.event_set, orjson.dumps({"of": self._of(), "id": event_set_id}))
        return event_set_id

    def _known(self) -> str | None:
        raw: Any = self.redis.get(self.keys.event_set)
        told = orjson.loads(raw) if raw is not None else {}
        return str(told["id"]) if told.get("of") == self._of() else None

    def _of(self) -> str:
        told = "\0".join((self.kind, self.settings.advertiser_id, self.settings.name, self.sets.api.base_url))
        return hashlib.sha256(told.encode()).hexdigest()[:16]
