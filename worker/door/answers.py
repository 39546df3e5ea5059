"""What does an answer look like? The contracts that the OpenAPI document is generated from."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from worker.door.problems import KINDS
from worker.reasons import REASONS

_IDS = "One for each event in its order: its id, or null if it was refused."


class EventErrorSchema(Schema):
    """What is wrong with one event."""

    index = fields.Integer(required=True, metadata={"description": "Which event, from 0."})
    reason = fields.String(
        required=True,
        validate=validate.OneOf(list(REASONS)),
        metadata={"description": "The reason of the dead letter that it would be."},
    )
    field = fields.String(required=True, metadata={"description": "Dotted place in the event; `$` is the whole."})
    rule = fields.String(required=True, metadata={"description": "The rule that is broken; never a value."})


class TakenSchema(Schema):
    """Every event was taken."""

    accepted = fields.Integer(required=True, metadata={"description": "How many were stored."})
    ids = fields.List(fields.String(allow_none=True), required=True, metadata={"description": _IDS})


class ProblemSchema(Schema):
    """Something was refused (RFC 9457)."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    code = fields.String(required=True, validate=validate.OneOf(list(KINDS)))
    detail = fields.String(required=True)
    accepted = fields.Integer(metadata={"description": "How many events were stored all the same."})
    ids = fields.List(fields.String(allow_none=True), metadata={"description": _IDS})
    errors = fields.List(fields.Nested(EventErrorSchema), metadata={"description": "The first 1,000."})
    more_errors = fields.Integer(metadata={"description": "How many errors are not listed."})
    next = fields.Integer(metadata={"description": "Events from here on were not looked at: go on with them."})
