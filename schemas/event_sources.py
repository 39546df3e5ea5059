"""What does each event source (offline, web, crm, app) require, and what is not meant for it?"""

from __future__ import annotations

from typing import Any, Literal

from schemas.event_names import OFFLINE_EVENTS
from schemas.outcome import Fault
from schemas.suggestions import did_you_mean
from tiktok_events.text import is_blank

EventSource = Literal["offline", "web", "crm", "app"]
EVENT_SOURCES: tuple[EventSource, ...] = ("offline", "web", "crm", "app")

# Documented for web and app only. TikTok accepts them offline and does nothing with them.
WEB_FIELDS = (
    "limited_data_use",
    "page.referrer",
    "page.url",
    "user.external_id",
    "user.ip",
    "user.locale",
    "user.ttclid",
    "user.ttp",
    "user.user_agent",
)

# Where TikTok knows no person without it, beside user.*: (part, field).
_REQUIRED: dict[str, tuple[str, str]] = {"web": ("page", "url"), "app": ("app", "app_id")}


def name_rule(name: str, event_source: EventSource) -> str | None:
    """Return the rule that an event name breaks, or None. Offline knows standard events only, case-sensitively."""
    if event_source != "offline" or name in OFFLINE_EVENTS:
        return None
    return "is not one of TikTok's standard events" + did_you_mean(name, OFFLINE_EVENTS)


def required_part(event: dict[str, Any], event_source: EventSource) -> Fault | None:
    """Return the fault of an event that lacks what its source requires beside a match key."""
    if event_source not in _REQUIRED:
        return None
    part, field = _REQUIRED[event_source]
    if event.get(part, {}).get(field):
        return None
    return Fault(f"{part}.{field}", f"is required for {event_source} events")


def match_key(event: dict[str, Any], event_source: EventSource, *, accept_external_id: bool) -> Fault | None:
    """Return the fault of a hashed event by which TikTok could recognize nobody.

    TikTok documents e-mail and phone for offline and `lead.lead_id` for crm; for the web its setup guide takes any
    identifier, of which ip and user agent count only together.
    """
    user = event.get("user", {})
    if event_source == "crm":
        if event.get("lead", {}).get("lead_id"):
            return None
        return Fault("lead.lead_id", "is required for crm events")
    if event_source == "app" or "email" in user or "phone" in user:
        return None
    if event_source == "offline":
        if accept_external_id and "external_id" in user:
            return None
        either = (
            "an e-mail address, a phone number or an external id"
            if accept_external_id
            else ("an e-mail address or a phone number")
        )
        return Fault("user", f"needs {either}")
    if {"external_id", "ttclid", "ttp"} & user.keys() or {"ip", "user_agent"} <= user.keys():
        return None
    return Fault("user", "needs an e-mail address, phone number, external id, ttclid, ttp, or ip with user agent")


_HEADS = {"page": "url", "app": "app_id", "lead": "lead_id"}


def drop_headless(body: dict[str, Any]) -> list[Fault]:
    """Take out a part that lacks the one field TikTok requires in it, and say so: alone, the rest is refused."""
    dropped = []
    for part, head in _HEADS.items():
        if part in body and head not in body[part]:
            dropped += [
                Fault(f"{part}.{field}", f"is left out, since {part}.{head} is missing") for field in body[part]
            ]
            del body[part]
    return dropped


def drop_web_fields(plain: dict[str, Any], *, accept_external_id: bool) -> list[Fault]:
    """Take the web's fields out of an offline event that is not validated yet, and return a note for each."""
    notes: list[Fault] = []
    for target in WEB_FIELDS:
        part, _, field = target.rpartition(".")
        if target == "user.external_id" and accept_external_id:
            continue
        holder = plain.get(part) if part else plain
        if not isinstance(holder, dict) or field not in holder:
            continue
        kept = {name: value for name, value in holder.items() if name != field}
        if not is_blank(holder[field]):
            notes.append(Fault(target, "is documented for web and app events only and was left out"))
        if part:
            plain[part] = kept
        else:
            del plain[field]
    return notes
