"""What may be set about consent: `[destinations.X.consent]`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError, fields

from schemas.expressions import Expression, ExpressionError
from worker.config.rules import Strict, one_of


@dataclass(frozen=True, slots=True)
class ConsentSettings:
    """Which events may be sent, and whether those that may not are dropped or kept as dead letters."""

    require: str
    drops: bool


def _check_expression(value: str) -> None:
    try:
        Expression(value)
    except ExpressionError as error:
        raise ValidationError(str(error)) from None


class ConsentSchema(Strict):
    require = fields.String(
        required=True,
        validate=_check_expression,
        metadata={
            "doc": "JMESPath expression that must come out as `true`, and as nothing else, for an event to be sent"
        },
    )
    refused = fields.String(
        load_default="drop",
        validate=one_of("drop", "dead_letter"),
        metadata={"doc": "what becomes of the others: `drop` them, counted, or keep them as dead letters `no_consent`"},
    )


def consent(settings: Mapping[str, Any] | None) -> ConsentSettings | None:
    """Return what the checked settings mean, None where there are none."""
    return ConsentSettings(settings["require"], settings["refused"] == "drop") if settings else None
