"""Does a body of event/track/ keep TikTok's rules? (reference 1.1 to 1.5)

Strict where TikTok is silent: identifiers that are not hashed, the hash of a blank, a test event code inside
an event, nulls, and milliseconds are refused here, because a stand-in that let them pass would let mistakes
pass.
"""

from collections.abc import Mapping
from typing import Any, Final

from worker.sandbox import rules, vocabulary
from worker.sandbox.complaints import Complaint, index_prefix
from worker.sandbox.reply import Refusal
from worker.sandbox.rules import Rule, list_of, object_of, one_of, one_or_list_of
from worker.sandbox.settings import Settings
from worker.sandbox.store import Intake

EVENT_TRACK_LIMIT: Final = 1000

_content_type = one_of(vocabulary.CONTENT_TYPES, "content type")
_currency = one_of(vocabulary.CURRENCIES, "currency")
_standard_event = one_of(vocabulary.STANDARD_EVENT_NAMES, "standard event")

_HASHED: Final = ("email", "phone", "external_id", "first_name", "last_name", "zip_code")
_MANY: Final = frozenset({"email", "phone", "external_id"})
_IDENTIFIER: Final = one_or_list_of(rules.digest)

_PROPERTIES: Final = object_of(
    {
        "content_ids": list_of(rules.string),
        "contents": list_of(
            object_of(
                {
                    "price": rules.price,
                    "quantity": rules.integer,
                    "content_id": rules.string,
                    "content_category": rules.string,
                    "content_name": rules.string,
                    "brand": rules.string,
                    "content_type": _content_type,
                }
            )
        ),
        "content_type": _content_type,
        "currency": _currency,
        "value": rules.price,
        "num_items": rules.integer,
        "search_string": rules.string,
        "query": rules.string,
        "description": rules.string,
        "order_id": rules.string,
        "shop_id": rules.string,
        "customer_type": one_of(vocabulary.CUSTOMER_TYPES, "customer type"),
    }
)


def _user(identifier: Rule) -> Rule:
    texts = (
        "ttclid",
        "ttp",
        "ip",
        "user_agent",
        "idfa",
        "idfv",
        "gaid",
        "locale",
        "city",
        "state",
        "country",
    )
    members: dict[str, Rule] = dict.fromkeys(texts, rules.string)
    members["att_status"] = one_of(vocabulary.TRACKING_STATUSES, "tracking status")
    for name in _HASHED:
        members[name] = one_or_list_of(identifier) if name in _MANY else identifier
    return object_of(members)


def _event(event_source: str, *, strict_hashes: bool) -> Rule:
    members: dict[str, Rule] = {
        "event": _standard_event if event_source == "offline" else rules.filled_string,
        "event_time": rules.unix_seconds,
        "event_id": rules.filled_string,
        "user": _user(rules.digest if strict_hashes else rules.string),
        "properties": _PROPERTIES,
        "page": object_of({"url": rules.filled_string, "referrer": rules.string}, "url"),
        "app": object_of(
            {"app_id": rules.filled_string, "app_name": rules.string, "app_version": rules.string}, "app_id"
        ),
        "ad": object_of(
            {
                "attribution_share": rules.share,
                "is_retargeting": rules.boolean,
                "attributed": rules.boolean,
            }
        ),
        "lead": object_of({"lead_id": rules.filled_string, "lead_event_source": rules.string}, "lead_id"),
        "limited_data_use": rules.boolean,
        "test_event_code": rules.misplaced_test_code,
    }
    own = {"web": ("page",), "app": ("app",), "offline": (), "crm": ("lead",)}[event_source]
    return object_of(members, "event", "event_time", *own)


_EVENT: Final[Mapping[tuple[str, bool], Rule]] = {
    (source, strict): _event(source, strict_hashes=strict)
    for source in vocabulary.EVENT_SOURCES
    for strict in (True, False)
}

_ROOT: Final = object_of(
    {
        "event_source": one_of(vocabulary.EVENT_SOURCES, "event source"),
        "event_source_id": rules.filled_string,
        "data": rules.filled_list,
        "test_event_code": rules.filled_string,
        "partner_name": rules.string,
    },
    "event_source",
    "event_source_id",
    "data",
)


def refuse(complaint: Complaint, prefix: str = "") -> Refusal:
    """Returns the refusal that says ``complaint`` about the event at ``prefix``."""
    return Refusal(complaint.code, complaint.message(prefix))


def check_root(body: dict[str, Any], settings: Settings) -> str:
    """Returns the event source id of a body whose root keeps the rules; raises Refusal."""
    complaint = _ROOT(body)
    if complaint is not None:
        raise refuse(complaint)
    count = len(body["data"])
    if count > EVENT_TRACK_LIMIT:
        raise Refusal(40002, f"Invalid value for data: {count} events, at most {EVENT_TRACK_LIMIT} are allowed.")
    if body["event_source"] == "app" and not settings.app_events_allowed:
        raise Refusal(40118, "The app is not on the allow-list for this feature.")
    source_id: str = body["event_source_id"]
    return source_id


def check_events(body: dict[str, Any], raw: bytes, path: str, settings: Settings) -> Intake:
    """Returns the events of a body whose root was checked; raises Refusal about the first event at fault."""
    events, source = body["data"], body["event_source"]
    rule = _EVENT[source, settings.strict_hashes]
    for index, event in enumerate(events):
        complaint = rule(event)
        if complaint is not None:
            prefix = index_prefix(settings.index_form, index, count=len(events), member="data")
            raise refuse(complaint, prefix)
    return Intake(
        path=path,
        body=raw,
        member="data",
        event_source=source,
        event_source_id=body["event_source_id"],
        keys=[(event["event"], event.get("event_id")) for event in events],
        test_event_code=body.get("test_event_code"),
        partner_name=body.get("partner_name"),
        unhashed=() if settings.strict_hashes else _unhashed(events),
    )


def _unhashed(events: list[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(
        f"data.{index}.user.{name}"
        for index, event in enumerate(events)
        for name in _HASHED
        if name in event.get("user", {}) and _IDENTIFIER(event["user"][name]) is not None
    )
