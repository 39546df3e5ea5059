"""What does a conversion event look like, in TikTok's own terms?

One schema for every source: each source first brings its events into this form (the `data[]` element of Events API 2.0
with identifiers in clear or hashed), and this is where every field's rule is written, once. Unknown keys are ignored.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError

from schemas.compiled import accepting
from schemas.currencies import CURRENCIES
from schemas.fields import (
    Choice,
    Flag,
    Identifiers,
    Integer,
    Number,
    Object,
    Sequence,
    Share,
    Text,
    Timestamp,
)
from schemas.legacy import EVENT_CHANNELS
from schemas.outcome import Fault

_CONTENT_TYPES = ("product", "product_group")


class _Part(Schema):
    class Meta:
        unknown = EXCLUDE


class User(_Part):
    """Who did it. Identifiers come out trimmed and in clear; `tiktok_events.identifiers` hashes them."""

    email = Identifiers()
    phone = Identifiers()
    external_id = Identifiers()
    ttclid = Text()
    ttp = Text()
    ip = Text()
    user_agent = Text()
    locale = Text()
    lead_id = Text()
    idfa = Text()
    idfv = Text()
    gaid = Text()
    att_status = Choice(("AUTHORIZED", "DENIED", "NOT_DETERMINED", "NOT_APPLICABLE", "RESTRICTED"), upper=True)
    first_name = Text()
    last_name = Text()
    zip_code = Text()
    city = Text()
    state = Text()
    country = Text()


class Content(_Part):
    """One product. `price` is that of one unit."""

    price = Number()
    quantity = Integer()
    content_id = Text()
    content_name = Text()
    content_category = Text()
    content_type = Choice(_CONTENT_TYPES)
    brand = Text()


class Properties(_Part):
    """What happened. `value` is that of the whole order."""

    contents = Sequence(Object(Content))
    content_ids = Sequence(Text(), or_one=True)
    content_type = Choice(_CONTENT_TYPES)
    currency = Choice(CURRENCIES, upper=True, rule="is not one of the currency codes that TikTok lists")
    value = Number()
    num_items = Integer()
    query = Text()
    search_string = Text()
    description = Text()
    order_id = Text()
    shop_id = Text()
    status = Text()
    # Of the legacy offline endpoints only; the mapper leaves it out elsewhere.
    event_channel = Choice(EVENT_CHANNELS)
    customer_type = Choice(("new", "returning"))
    delivery_category = Choice(("curbside", "home_delivery", "in_store"))
    predicted_ltv = Number()


class Page(_Part):
    """Where on the web."""

    url = Text()
    referrer = Text()


class App(_Part):
    """In which app."""

    app_id = Text()
    app_name = Text()
    app_version = Text()


class Ad(_Part):
    """Which ad led to it; documented for apps, `attribution_share` for the web too."""

    callback = Text()
    campaign_id = Text()
    ad_id = Text()
    creative_id = Text()
    is_retargeting = Flag()
    attributed = Flag()
    attribution_type = Text()
    attribution_provider = Text()
    attribution_share = Share()


class Lead(_Part):
    """Which lead of a CRM."""

    lead_id = Text()
    lead_event_source = Text()


class Event(_Part):
    """One element of `data`. Which parts an event source requires, `schemas.requirements` says."""

    event = Text(required=True)
    event_time = Timestamp()
    event_id = Text(required=True)
    limited_data_use = Flag()
    user = Object(User)
    properties = Object(Properties)
    page = Object(Page)
    app = Object(App)
    ad = Object(Ad)
    lead = Object(Lead)
    # Not an element's but the request's: taken out of the element and put at the root of the body.
    test_event_code = Text()


_EVENT = Event()
_accepted = accepting(_EVENT)


def load(plain: dict[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    """Return what is valid of the event, and every fault with its path in TikTok's form."""
    try:
        return _accepted(plain), []
    except ValidationError:
        # At least one rule is broken: marshmallow says which ones, and what is valid all the same.
        return load_by_marshmallow(plain)


def load_by_marshmallow(plain: dict[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    """Do what `load` does by marshmallow alone: the contract itself, of which `load` is the short cut."""
    try:
        # mypy cannot know that a schema with many=False returns one dict.
        return dict(_EVENT.load(plain)), []
    except ValidationError as error:
        return dict(error.valid_data), list(_faults(error.messages))  # type: ignore[arg-type]


def _faults(messages: Any) -> Iterator[Fault]:
    # As deep as the schema, not as the event: no schema here contains itself.
    if isinstance(messages, dict):
        for key, below in messages.items():
            for fault in _faults(below):
                yield Fault(f"{key}.{fault.path}".rstrip("."), fault.rule)
    else:
        for message in messages:
            yield Fault("", str(message))


def _targets(schema: Schema) -> Iterator[str]:
    for name, field in schema.fields.items():
        if isinstance(field, Object):
            yield from (f"{name}.{below}" for below in _targets(field.schema))
        else:
            yield name


# Every place a mapping may fill; `event` has a setting of its own.
TARGETS = frozenset(_targets(_EVENT)) - {"event"}
