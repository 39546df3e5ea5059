"""Does a body of the legacy offline endpoints keep TikTok's rules? (reference 2.1, 2.2)"""

from typing import Any, Final

from worker.sandbox import rules, vocabulary
from worker.sandbox.complaints import MISSING, Complaint, index_prefix
from worker.sandbox.reply import Refusal
from worker.sandbox.rules import Rule, list_of, object_of, one_of
from worker.sandbox.settings import Settings
from worker.sandbox.store import Intake
from worker.sandbox.track import refuse

_content_type = one_of(vocabulary.CONTENT_TYPES, "content type")

_PROPERTIES: Final = object_of(
    {
        "order_id": rules.string,
        "shop_id": rules.string,
        "currency": one_of(vocabulary.CURRENCIES, "currency"),
        "value": rules.price,
        "event_channel": one_of(vocabulary.EVENT_CHANNELS, "event channel"),
        "contents": list_of(
            object_of(
                {
                    "price": rules.price,
                    "quantity": rules.integer,
                    "content_type": _content_type,
                    "content_id": rules.string,
                    "content_name": rules.string,
                    "content_category": rules.string,
                }
            )
        ),
    }
)


def _context(identifier: Rule) -> Rule:
    user = object_of({"emails": list_of(identifier), "phone_numbers": list_of(identifier)})

    def with_match_key(value: Any) -> Complaint | None:
        complaint = user(value)
        if complaint is None and not value.get("emails") and not value.get("phone_numbers"):
            return MISSING.under("emails or phone_numbers")
        return complaint

    return object_of({"user": with_match_key}, "user")


def _item(*, strict_hashes: bool) -> Rule:
    return object_of(
        {
            "event": one_of(vocabulary.STANDARD_EVENT_NAMES, "standard event"),
            "event_id": rules.filled_string,
            "timestamp": rules.iso_8601,
            "context": _context(rules.digest if strict_hashes else rules.string),
            "properties": _PROPERTIES,
            "partner_name": rules.string,
            "test_event_code": rules.misplaced_test_code,
        },
        "event",
        "timestamp",
        "context",
        "properties",
    )


_ITEM: Final = {strict: _item(strict_hashes=strict) for strict in (True, False)}
_SINGLE_ROOT: Final = object_of({"event_set_id": rules.filled_string, "partner_name": rules.string}, "event_set_id")
_BATCH_ROOT: Final = object_of(
    {
        "event_set_id": rules.filled_string,
        "partner_name": rules.string,
        "batch": rules.filled_list,
    },
    "event_set_id",
    "batch",
)


def check_root(body: dict[str, Any], settings: Settings, *, batch: bool) -> str:
    """Returns the event set id of a body whose root keeps the rules; raises Refusal."""
    complaint = (_BATCH_ROOT if batch else _SINGLE_ROOT)(body)
    if complaint is not None:
        raise refuse(complaint)
    if batch and len(body["batch"]) > settings.legacy_batch_limit:
        raise Refusal(
            40002,
            f"Invalid value for batch: {len(body['batch'])} events, at most {settings.legacy_batch_limit} are allowed.",
        )
    event_set_id: str = body["event_set_id"]
    return event_set_id


def check_events(body: dict[str, Any], raw: bytes, path: str, settings: Settings, *, batch: bool) -> Intake:
    """Returns the events of a body whose root was checked; raises Refusal about the first event at fault."""
    items = body["batch"] if batch else [body]
    rule = _ITEM[settings.strict_hashes]
    for index, item in enumerate(items):
        complaint = rule(item)
        if complaint is None and item.get("event_set_id", body["event_set_id"]) != body["event_set_id"]:
            complaint = Complaint("not the event set of the batch", "event_set_id")
        if complaint is not None:
            form = settings.index_form
            prefix = index_prefix(form, index, count=len(items), member="batch") if batch else ""
            raise refuse(complaint, prefix)
    return Intake(
        path=path,
        body=raw,
        member="batch" if batch else None,
        event_source="offline",
        event_source_id=body["event_set_id"],
        keys=[(item["event"], item.get("event_id")) for item in items],
        partner_name=body.get("partner_name"),
    )
