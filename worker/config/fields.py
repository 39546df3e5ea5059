"""Which kinds of value a configuration holds beside marshmallow's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
SECRETS = frozenset({"segment_secret"})
"""Settings outside `credentials` that hold a variable's name: what it holds must not stand in a fault's text."""

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class UnsetVariableError(Exception):
    """A text of the configuration names an environment variable that is not set."""


class Duration(fields.Field[float]):
    """A length of time: `"28d"`, `"10m"`, `"1.5s"`, `"250ms"`, or a number of seconds."""

    def __init__(self, *, at_least: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._at_least = at_least

    def _deserialize(self, value: object, attr: str | None, data: object, **kwargs: object) -> float:  # noqa: ARG002
        seconds = self._seconds(value)
        if seconds < self._at_least:
            raise ValidationError(f"must be at least {self._at_least:g} s")
        return seconds

    def _seconds(self, value: object) -> float:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
        match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
        if match is None:
            raise ValidationError('must be a duration such as "250ms", "1s", "10m", "6h" or "28d"')
        return float(match[1]) * _UNIT_SECONDS[match[2]]


class VariableName(fields.Field[str]):
    """The name of an environment variable, written `${NAME}`: a secret never stands in the file itself."""

    def _deserialize(self, value: object, attr: str | None, data: object, **kwargs: object) -> str:  # noqa: ARG002
        match = _VARIABLE.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise ValidationError(
                "must name an environment variable, as ${TIKTOK_ACCESS_TOKEN}: no secret stands in the file"
            )
        return match[1]


def expand(value: object, environment: Mapping[str, str]) -> object:
    """Return `value` with every `${NAME}` in its texts read from the environment, but in settings that are secret.

    Raises:
        UnsetVariableError: a variable that a text names is not set.
    """
    if isinstance(value, str):
        return _VARIABLE.sub(lambda found: _read(found[1], environment), value)
    if isinstance(value, list):
        return [expand(each, environment) for each in value]
    if isinstance(value, dict):
        return {key: each if key in SECRETS else expand(each, environment) for key, each in value.items()}
    return value


def _read(name: str, environment: Mapping[str, str]) -> str:
    if name not in environment:
        raise UnsetVariableError(name)
    return environment[name]
