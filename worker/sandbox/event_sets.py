"""Which event sets are there, and how are they managed? (reference 2.4)"""

import itertools
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from worker.sandbox import rules
from worker.sandbox.complaints import MISSING
from worker.sandbox.reply import Refusal
from worker.sandbox.rules import list_of, object_of
from worker.sandbox.track import refuse

_FIRST_ID: Final = 7_300_000_000_000_000_001
_MAX_LISTED: Final = 50

_text = rules.filled_string
_MEMBERS: Final = {
    "advertiser_id": _text,
    "event_set_id": _text,
    "name": _text,
    "description": rules.string,
    "auto_tracking": rules.boolean,
}
_CREATE: Final = object_of(_MEMBERS, "advertiser_id", "name")
_CHANGE: Final = object_of(_MEMBERS, "advertiser_id", "event_set_id")
_ids = list_of(rules.string)


class EventSets:
    """The offline and CRM event sets of every advertiser; names may repeat. Safe for threads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Forgets every event set."""
        with self._lock:
            self._numbers = itertools.count(_FIRST_ID)
            self._sets: dict[str, dict[str, dict[str, Any]]] = {"offline": {}, "crm": {}}

    def exists(self, event_set_id: str) -> bool:
        """Returns whether the id was given here and not deleted."""
        with self._lock:
            return any(event_set_id in sets for sets in self._sets.values())

    def create(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        """Answers offline/create/ and crm/create/ with the new id."""
        complaint = _CREATE(body)
        if complaint is not None:
            raise refuse(complaint)
        now = self._now()
        with self._lock:
            event_set_id = str(next(self._numbers))
            self._sets[kind][event_set_id] = {
                "advertiser_id": body["advertiser_id"],
                "event_set_id": event_set_id,
                "name": body["name"],
                "description": body.get("description", ""),
                "auto_tracking": body.get("auto_tracking", False),
                "create_time": now,
                "update_time": now,
            }
        return {"event_set_id": event_set_id}

    def update(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answers offline/update/ with the whole set; raises Refusal 40007 for an unknown one."""
        now = self._now()
        with self._lock:
            event_set = self._own(body)
            for name in ("name", "description", "auto_tracking"):
                if name in body:
                    event_set[name] = body[name]
            event_set["update_time"] = now
            return dict(event_set)

    def delete(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answers offline/delete/; raises Refusal 40007 for an unknown set."""
        with self._lock:
            del self._sets["offline"][self._own(body)["event_set_id"]]
        return {}

    def listing(self, kind: str, query: Mapping[str, str]) -> list[dict[str, Any]]:
        """Answers offline/get/ and crm/list/: the sets of an advertiser, by ids and exact name if given."""
        advertiser_id = query.get("advertiser_id", "")
        if not advertiser_id:
            raise refuse(MISSING.under("advertiser_id"))
        ids = _listed_ids(query["event_set_ids"]) if "event_set_ids" in query else None
        with self._lock:
            return [
                dict(event_set)
                for event_set in self._sets[kind].values()
                if event_set["advertiser_id"] == advertiser_id
                and (ids is None or event_set["event_set_id"] in ids)
                and query.get("name", event_set["name"]) == event_set["name"]
            ]

    def _own(self, body: dict[str, Any]) -> dict[str, Any]:
        complaint = _CHANGE(body)
        if complaint is not None:
            raise refuse(complaint)
        event_set = self._sets["offline"].get(body["event_set_id"])
        if event_set is None or event_set["advertiser_id"] != body["advertiser_id"]:
            raise Refusal(40007, "The event set does not exist.")
        return event_set

    def _now(self) -> str:
        return datetime.fromtimestamp(self._clock(), UTC).strftime("%Y-%m-%d %H:%M:%S")


def _listed_ids(parameter: str) -> list[str]:
    """Returns the ids of a query parameter, which carries a JSON list of strings."""
    try:
        ids = orjson.loads(parameter)
    except orjson.JSONDecodeError:
        raise Refusal(40002, "Invalid value for event_set_ids: not a valid list.") from None
    complaint = _ids(ids)
    if complaint is not None:
        raise refuse(complaint.under("event_set_ids"))
    if len(ids) > _MAX_LISTED:
        raise Refusal(40011, f"Too many ids in one request: at most {_MAX_LISTED} are allowed.")
    listed: list[str] = ids
    return listed
