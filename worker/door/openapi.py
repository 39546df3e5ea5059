"""What does the door look like to a machine? OpenAPI 3.1, made of the schemas that check events and answers."""

from __future__ import annotations

from functools import cache
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema

from schemas import contract
from schemas import fields as kinds
from worker.door.answers import ProblemSchema, TakenSchema
from worker.door.body import MAX_BODY_BYTES, MAX_EVENTS, MAX_UNPACKED_BYTES
from worker.door.problems import KINDS
from worker.door.request import EVENT_ID, KEY

PATH = "/v1/destinations/{destination}/events"

_ABOUT = (
    "Sends conversion events to the workers that deliver them to TikTok. What an event looks like depends on the "
    "destination's `source`: the Events API's own fields (`PlainEvent`), or whatever Segment, Commanders Act or "
    "Amperity send. Null and blank text count as absent; unknown fields are ignored; numbers may also come as text."
)


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    plugin = MarshmallowPlugin(schema_name_resolver=lambda schema: _name(schema))
    spec = APISpec(
        title="TikTok events: HTTP door",
        version="1",
        openapi_version="3.1.0",
        info={"description": _ABOUT},
        plugins=[plugin],
        servers=[{"url": "/"}],
    )
    assert plugin.converter is not None  # noqa: S101 # APISpec has just made it
    plugin.converter.add_attribute_function(_kind_to_schema)  # type: ignore[no-untyped-call] # apispec
    for name, schema in (("PlainEvent", contract.Event), ("Taken", TakenSchema), ("Problem", ProblemSchema)):
        spec.components.schema(name, schema=schema)
    plain = spec.components.schemas["PlainEvent"]
    # The door gives an event without an id its own.
    plain["required"] = [field for field in plain["required"] if field != "event_id"]
    spec.components.schema("SourceEvent", _SOURCE_EVENT)
    spec.components.schema("AnyEvent", {"anyOf": [_ref("PlainEvent"), _ref("SourceEvent")]})
    spec.components.security_scheme("token", {"type": "http", "scheme": "bearer", "description": _TOKEN})
    spec.components.security_scheme(
        "segment", {"type": "apiKey", "in": "header", "name": "X-Signature", "description": _SIGNATURE}
    )
    spec.path(PATH, operations={"post": _operation()})
    return spec.to_dict()


_TOKEN = "An access token with the scope enqueue: python -m worker tokens create --name NAME --scope enqueue"  # noqa: S105
_SIGNATURE = "HMAC-SHA1 of the body in hexadecimal, as Segment's Webhooks destination sends it"
_SOURCE_EVENT = {
    "type": "object",
    "description": "An event in the form of the destination's source, as it is: docs/sources.md.",
    "additionalProperties": True,
}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _name(schema: Any) -> str:
    kind = schema if isinstance(schema, type) else type(schema)
    return str(kind.__name__).removesuffix("Schema")


def _operation() -> dict[str, Any]:
    array = {"type": "array", "maxItems": MAX_EVENTS, "items": _ref("AnyEvent")}
    return {
        "operationId": "enqueue",
        "summary": "Enqueue events",
        "description": (
            "One event, an array, or NDJSON; plain or gzip. Good events are taken and the others named, unless "
            f"`Prefer: handling=strict` asks for all or nothing. At most {MAX_EVENTS} events, {MAX_BODY_BYTES} bytes, "
            f"{MAX_UNPACKED_BYTES} when unpacked."
        ),
        "security": [{"token": []}, {"segment": []}],
        "parameters": [
            _parameter("path", "destination", "A destination of the workers' configuration.", required=True),
            _parameter("query", "validate", "`full`: also whether it would be sent.", enum=["full", "shape"]),
            _parameter(
                "header",
                "Prefer",
                "`handling=strict`: all or nothing. Other preferences are passed over (RFC 7240).",
            ),
            _parameter(
                "header",
                "Idempotency-Key",
                "The same key and request are answered alike and stored once, for 24 hours.",
                pattern=f"^{KEY}$",
            ),
            _parameter(
                "header",
                "Event-Id",
                "The id of a single event; default: its own.",
                pattern=f"^{EVENT_ID}$",
            ),
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"anyOf": [_ref("AnyEvent"), array]}, "example": _EXAMPLE},
                "application/x-ndjson": {"schema": {"type": "string", "description": "One event a line."}},
            },
        },
        "responses": dict(_responses()),
    }


_EXAMPLE = {
    "event": "Purchase",
    "event_id": "order-1001",
    "user": {"email": "ada@example.com"},
    "properties": {"value": 46, "currency": "USD", "order_id": "1001"},
    "page": {"url": "https://shop.example.com/thanks"},
}


def _parameter(place: str, name: str, about: str, *, required: bool = False, **rules: Any) -> dict[str, Any]:
    return {
        "in": place,
        "name": name,
        "required": required,
        "description": about,
        "schema": {"type": "string", **rules},
    }


def _responses() -> dict[str, Any]:
    text = {"schema": {"type": "string"}}
    replayed = {"Idempotent-Replayed": {"description": "true: this was answered before.", **text}}
    found: dict[str, Any] = {
        "202": {
            "description": "Every event was taken.",
            "headers": replayed,
            "content": {"application/json": {"schema": _ref("Taken")}},
        }
    }
    for code, kind in KINDS.items():
        told = f"`{code}`: {kind.title}. {kind.advice[0].upper()}{kind.advice[1:]}."
        if (status := str(kind.status)) in found:
            found[status]["description"] += f" {told}"
            continue
        found[status] = {
            "description": told,
            "content": {"application/problem+json": {"schema": _ref("Problem")}},
            "headers": {},
        }
        if kind.retry:
            seconds = {"description": "Seconds to wait.", "schema": {"type": "string", "pattern": "^[0-9]+$"}}
            found[status]["headers"]["Retry-After"] = seconds
    found["400"]["headers"] = replayed
    return found


def _kind_to_schema(converter: Any, field: Any, **_: Any) -> dict[str, Any]:
    """Return the JSON Schema of the contract's own kinds of field, which apispec does not know."""
    if isinstance(field, kinds.Object):
        return dict(converter.resolve_nested_schema(field.schema))
    if isinstance(field, kinds.Sequence):
        inner = converter.field2property(field.inner)
        array = {"type": "array", "items": inner}
        return {"anyOf": [inner, array]} if field.or_one else array
    if isinstance(field, kinds.Choice):
        allowed = sorted(field.allowed)
        return {"type": "string", "enum": allowed}
    if isinstance(field, kinds.Share):
        return {"type": "number", "minimum": 0, "maximum": 1}
    for kind, schema in _PLAIN_KINDS.items():
        if isinstance(field, kind):
            return dict(schema)
    return {}


_PLAIN_KINDS: dict[type[kinds.Plain], dict[str, Any]] = {
    kinds.Text: {"type": "string"},
    kinds.Integer: {"type": "integer"},
    kinds.Number: {"type": "number"},
    kinds.Flag: {"type": "boolean"},
    kinds.Timestamp: {
        "description": "A Unix time in seconds or milliseconds, or ISO 8601.",
        "anyOf": [{"type": "integer"}, {"type": "string"}],
    },
    kinds.Identifiers: {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
}


def unknown_kinds(schema: type[Schema]) -> list[str]:
    """Return the fields of a schema of which the document could say nothing."""
    found: list[str] = []
    for name, field in schema().fields.items():
        if isinstance(field, kinds.Object):
            found += [f"{name}.{inner}" for inner in unknown_kinds(type(field.schema))]
        elif not isinstance(field, (kinds.Sequence, kinds.Choice, *_PLAIN_KINDS)):
            found.append(name)
    return found
