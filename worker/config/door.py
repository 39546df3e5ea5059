"""What may be set about a destination's HTTP door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import fields

from worker.config.credentials import Secret, read_secret
from worker.config.fields import VariableName
from worker.config.rules import Strict, one_of


@dataclass(frozen=True, slots=True)
class DoorSettings:
    """How a destination's door checks what comes. `segment_batches`: whether one signed event vouches for its batch."""

    validate: str = "full"
    segment_secret: Secret | None = None
    segment_batches: bool = False


class DoorSchema(Strict):
    validate_ = fields.String(
        data_key="validate",
        load_default="full",
        validate=one_of("full", "shape"),
        metadata={
            "doc": "`full`: what would become a dead letter is refused at once, field by field; `shape`: only what "
            "is no JSON object, or too large. `?validate=` wins; of signed deliveries the shape is checked"
        },
    )
    segment_secret = VariableName(
        load_default=None,
        metadata={
            "doc": "`${NAME}` of the environment variable with the shared secret of Segment's Webhooks destination"
        },
    )
    segment_batches = fields.Boolean(
        load_default=False,
        metadata={"doc": "take Segment's batches, of which Segment signs only the first event"},
    )


def door(settings: Mapping[str, Any], place: str, environment: Mapping[str, str], faults: list[str]) -> DoorSettings:
    """Return what the checked settings of a door mean; every fault goes to `faults`, with its place."""
    variable = settings["segment_secret"]
    secret = variable and read_secret(f"{place}.segment_secret", variable, environment, faults)
    if settings["segment_batches"] and not secret:
        faults.append(f"{place}.segment_batches: has no meaning without segment_secret")
    return DoorSettings(settings["validate_"], secret or None, settings["segment_batches"])
