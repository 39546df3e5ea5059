"""What may stand in `destinations.toml`: the contract of every setting, its default and its meaning."""

from __future__ import annotations

import re

from marshmallow import fields, validate

from worker.config.consent import ConsentSchema
from worker.config.credentials import CredentialsSchema
from worker.config.door import DoorSchema
from worker.config.fields import Duration
from worker.config.order_sync import OrderSyncSchema
from worker.config.rules import POSITIVE, SHARE, Strict, at_most, check_base_url, check_url, one_of

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z")


class RetrySchema(Strict):
    max_attempts = fields.Integer(
        strict=True,
        load_default=12,
        validate=POSITIVE,
        metadata={
            "doc": "attempts before an event is dead-lettered as `exhausted`; throttling, pauses and an open breaker use none"
        },
    )
    min_backoff_seconds = Duration(
        data_key="min_backoff",
        load_default=1.0,
        at_least=0.01,
        metadata={"doc": "wait after the first failed attempt", "default": "1s"},
    )
    max_backoff_seconds = Duration(
        data_key="max_backoff",
        load_default=600.0,
        at_least=0.01,
        metadata={
            "doc": "longest wait between two attempts; the delay is drawn from its upper half",
            "default": "10m",
        },
    )
    max_age_seconds = Duration(
        data_key="max_age",
        load_default=7 * 86400.0,
        at_least=1.0,
        metadata={"doc": "how long after it was enqueued an event is still retried", "default": "7d"},
    )


class RateLimitSchema(Strict):
    requests_per_second = fields.Integer(
        strict=True,
        load_default=1000,
        validate=POSITIVE,
        metadata={"doc": "shared by all workers; TikTok's published limit for event endpoints"},
    )
    requests_per_minute = fields.Integer(
        strict=True, load_default=600_000, validate=POSITIVE, metadata={"doc": "as above, a minute"}
    )


class BreakerSchema(Strict):
    failure_rate = fields.Float(
        load_default=0.5,
        validate=SHARE,
        metadata={"doc": "share of failed requests in the window that opens the breaker"},
    )
    min_requests = fields.Integer(
        strict=True,
        load_default=5,
        validate=POSITIVE,
        metadata={"doc": "requests in the window below which the breaker stays closed"},
    )
    window_seconds = Duration(
        data_key="window",
        load_default=60.0,
        at_least=1.0,
        metadata={"doc": "length of the window", "default": "60s"},
    )
    min_open_seconds = Duration(
        data_key="min_open",
        load_default=5.0,
        at_least=0.05,
        metadata={"doc": "wait before the first probe; doubled with each failed probe", "default": "5s"},
    )
    max_open_seconds = Duration(
        data_key="max_open",
        load_default=300.0,
        at_least=0.05,
        metadata={"doc": "longest wait between two probes", "default": "5m"},
    )


class GuardSchema(Strict):
    max_dead_share = fields.Float(
        load_default=0.5,
        validate=SHARE,
        metadata={
            "doc": "share of the last five minutes' events that may become dead letters before the destination pauses instead; 1 switches the guard off"
        },
    )
    min_events = fields.Integer(
        strict=True,
        load_default=200,
        validate=POSITIVE,
        metadata={"doc": "events in five minutes below which the guard does not judge"},
    )


class DeadLettersSchema(Strict):
    max_age_seconds = Duration(
        data_key="max_age",
        load_default=90 * 86400.0,
        at_least=60.0,
        metadata={"doc": "how long a dead letter is kept", "default": "90d"},
    )
    max_count = fields.Integer(
        strict=True,
        load_default=1_000_000,
        validate=POSITIVE,
        metadata={"doc": "how many are kept; the oldest go first"},
    )


class MappingSchema(Strict):
    action = fields.String(
        load_default=None,
        metadata={"doc": "source segment: the action a mapping was carried over from; it changes nothing"},
    )
    event = fields.String(load_default=None, metadata={"doc": "TikTok event name to send"})
    when = fields.String(
        load_default=None,
        metadata={"doc": "JMESPath expression that must hold for the event; absent: always"},
    )
    fields_ = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        data_key="fields",
        load_default=dict,
        metadata={"doc": 'target field = source path or expression; `""` removes the target'},
    )


class EventSetSchema(Strict):
    advertiser_id = fields.String(
        required=True, validate=validate.Length(min=1, error="must not be empty"), metadata={"doc": "whose it is"}
    )
    name = fields.String(
        required=True,
        validate=validate.Length(min=1, max=40, error="must have 1 to 40 characters"),
        metadata={"doc": "its exact name; one is made if there is none"},
    )
    description = fields.String(load_default="", metadata={"doc": "of one that is made"})
    auto_tracking = fields.Boolean(
        load_default=False, metadata={"doc": "of one that is made: use it for ad tracking and attribution"}
    )


class DestinationSchema(Strict):
    kind = fields.String(
        required=True,
        validate=one_of("events", "offline", "order_sync"),
        metadata={"doc": "`events` (Events API 2.0), `offline` (legacy `/offline/`), `order_sync`"},
    )
    source = fields.String(
        required=True,
        validate=one_of("tiktok", "segment", "commanders_act", "amperity"),
        metadata={"doc": "whose shape the enqueued events have; `tiktok` is the plain format for apps of one's own"},
    )
    credentials = fields.String(required=True, metadata={"doc": "name of a `[credentials.NAME]` table"})
    event_source = fields.String(
        load_default="offline",
        validate=one_of("offline", "web", "crm", "app"),
        metadata={"doc": "TikTok's event source"},
    )
    event_source_id = fields.String(
        load_default=None,
        validate=validate.Length(min=1, error="must not be empty"),
        metadata={"doc": "event set or pixel id: a literal, or `{{path.in.event}}`, or a mix"},
    )
    event_set = fields.Nested(
        EventSetSchema,
        load_default=None,
        metadata={"doc": "instead of `event_source_id`: the event set with this name, made at start if there is none"},
    )
    base_url = fields.String(
        load_default="https://business-api.tiktok.com/open_api/v1.3/",
        validate=check_base_url,
        metadata={"doc": "where requests go; https outside loopback"},
    )
    partner_name = fields.String(load_default=None, metadata={"doc": "integration label in each request"})
    event_names = fields.String(
        load_default=None,
        validate=one_of("current", "legacy"),
        metadata={
            "doc": "`current` (Purchase, Lead) or `legacy` (CompletePayment, SubmitForm)",
            "default_text": "`current`; `legacy` for kind `offline`",
        },
    )
    default_region = fields.String(
        load_default=None,
        metadata={"doc": "ISO 3166 country for phone numbers without a country code; unset: such a number is dropped"},
    )
    max_event_age_seconds = Duration(
        data_key="max_event_age",
        load_default=28 * 86400.0,
        at_least=1.0,
        metadata={"doc": "older events are dead-lettered as `expired`, not sent", "default": "28d"},
    )
    max_future_seconds = Duration(
        data_key="max_future",
        load_default=600.0,
        metadata={"doc": "how far ahead of the clock an event's time may be", "default": "10m"},
    )
    accept_external_id = fields.Boolean(
        load_default=False, metadata={"doc": "offline: whether an external id alone is match key enough"}
    )
    web_fields = fields.String(
        load_default="send",
        validate=one_of("send", "drop"),
        metadata={
            "doc": "offline: `send` or `drop` the fields TikTok documents for web and app only (page, ttclid, ttp, ip, user agent, locale, external id, limited data use)"
        },
    )
    test_event_code = fields.String(
        load_default=None, metadata={"doc": "sends everything as test events; remove for production"}
    )
    unmapped = fields.String(
        load_default="dead_letter",
        validate=one_of("dead_letter", "discard"),
        metadata={"doc": "what becomes of an event that no mapping asks for; discarded ones are counted"},
    )
    batch_size = fields.Integer(
        strict=True,
        load_default=None,
        validate=at_most(1000),
        metadata={
            "doc": "most events in one request; TikTok's cap for events is 1,000, that of `offline/batch/` is not public",
            "default_text": "`1000`; `50` for kind `offline`",
        },
    )
    timeout_seconds = Duration(
        data_key="timeout",
        load_default=10.0,
        at_least=0.1,
        metadata={"doc": "longest wait for TikTok's answer", "default": "10s"},
    )
    take_back_after_seconds = Duration(
        data_key="take_back_after",
        load_default=60.0,
        at_least=1.0,
        metadata={
            "doc": "how long a silent worker keeps what it claimed; at least three times `timeout`",
            "default": "60s",
        },
    )
    max_deliveries = fields.Integer(
        strict=True,
        load_default=6,
        validate=validate.Range(min=2, error="must be at least 2"),
        metadata={"doc": "how often workers may die over an event before it is dead-lettered as `crash_loop`"},
    )
    max_in_flight = fields.Integer(
        strict=True,
        load_default=16,
        validate=POSITIVE,
        metadata={"doc": "most deliver tasks at once for this destination, over all workers"},
    )
    linger_seconds = Duration(
        data_key="linger",
        load_default=0.1,
        metadata={
            "doc": "how long an event waits for company where more than 200 a second come; below that none waits",
            "default": "100ms",
        },
    )
    max_inbox = fields.Integer(
        strict=True,
        load_default=1_000_000,
        validate=POSITIVE,
        metadata={"doc": "events waiting above which producers get `InboxFull`"},
    )
    inbox_max_age_seconds = Duration(
        data_key="inbox_max_age",
        load_default=None,
        at_least=60.0,
        metadata={
            "doc": "how long an event may wait in a stream, however long the destination is paused; then it is removed and counted as `purged`",
            "default_text": "unset: until it is delivered or dead-lettered",
        },
    )
    max_event_bytes = fields.Integer(
        strict=True,
        load_default=262_144,
        validate=POSITIVE,
        metadata={"doc": "largest event, in bytes of JSON"},
    )
    require_encryption = fields.Boolean(
        load_default=False,
        metadata={
            "doc": "whether events that come in clear are refused: by producers, and, as `unencrypted`, by workers"
        },
    )
    ledger_seconds = Duration(
        data_key="ledger",
        load_default=3 * 86400.0,
        metadata={
            "doc": "how long delivered ids are remembered, so that none is sent twice; 0 switches the ledger off",
            "default": "3d",
        },
    )
    backlog_alert_seconds = Duration(
        data_key="backlog_alert",
        load_default=900.0,
        at_least=1.0,
        metadata={"doc": "age of the oldest waiting event that raises an alert", "default": "15m"},
    )
    dead_letters_alert = fields.Integer(
        strict=True,
        load_default=100,
        validate=POSITIVE,
        metadata={"doc": "dead letters in a minute above which an alert is raised"},
    )
    retry = fields.Nested(RetrySchema, load_default=lambda: RetrySchema().load({}))
    rate_limit = fields.Nested(RateLimitSchema, load_default=lambda: RateLimitSchema().load({}))
    breaker = fields.Nested(BreakerSchema, load_default=lambda: BreakerSchema().load({}))
    guard = fields.Nested(GuardSchema, load_default=lambda: GuardSchema().load({}))
    dead_letters = fields.Nested(DeadLettersSchema, load_default=lambda: DeadLettersSchema().load({}))
    door = fields.Nested(DoorSchema, load_default=lambda: DoorSchema().load({}))
    hash_at_door = fields.Boolean(
        load_default=False,
        metadata={
            "doc": "producers hash e-mail addresses, phone numbers, external ids, names and postal codes before they store an event"
        },
    )
    consent = fields.Nested(
        ConsentSchema,
        load_default=None,
        metadata={"doc": "what an event must say of its person's consent; unset: nothing is asked"},
    )
    order_sync = fields.Nested(
        OrderSyncSchema, load_default=None, metadata={"doc": "kind `order_sync`: everything about the endpoint"}
    )
    mappings = fields.List(
        fields.Nested(MappingSchema),
        load_default=list,
        metadata={"doc": "at most 50; the source's presets apply when there is none"},
    )


class AlertsSchema(Strict):
    webhook = fields.String(
        load_default=None, validate=check_url, metadata={"doc": "URL that gets one POST of JSON an incident"}
    )


_NAMED = fields.String(validate=validate.Regexp(_NAME, error="must be 1 to 63 of a-z, 0-9, - and _"))


VERSION = 1
"""Of the configuration's form: what this release reads. It grows when a setting changes its meaning."""


class ConfigSchema(Strict):
    version = fields.Integer(
        strict=True,
        load_default=VERSION,
        validate=validate.OneOf([VERSION], error="this release reads version 1: upgrade the workers before the file"),
        metadata={"doc": "version of the file's form"},
    )
    credentials = fields.Dict(keys=_NAMED, values=fields.Nested(CredentialsSchema), required=True)
    destinations = fields.Dict(keys=_NAMED, values=fields.Nested(DestinationSchema), required=True)
    alerts = fields.Nested(AlertsSchema, load_default=lambda: AlertsSchema().load({}))
