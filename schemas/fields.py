"""Which kinds of field does the contract have, and what does each accept?

Every kind treats null and blank text as absent, and what is absent stays out of the result: TikTok gets no `""`, `[]`
or `{}`. Messages name the rule and never the value. A kind is one function, `accept`: marshmallow calls it field by
field, and `schemas.compiled` without marshmallow's machinery around it. Beside the rule a kind says what the rule makes
of the usual value, which spares the call: `usual` is a condition on `value` and what `value` then becomes, both as
Python text in which `{field}` is the field.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, ClassVar, NoReturn

from marshmallow import Schema, ValidationError, fields, missing

from schemas.numbers import HIGHEST, LOWEST, NotANumberError, read_integer, read_number
from schemas.suggestions import did_you_mean
from schemas.timestamps import NotATimeError, read_time
from tiktok_events.text import EDGES, NotTextError, read_text

# In ASCII the edges are what strip() takes off, and it returns the text itself where there are none.
_TRIMMED = "type(value) is str and value and value.isascii() and value.strip() is value"
_ACCEPTED = "each is not None and (read := {field}.accept_element(each)) is not missing"
_WHOLE = f"type(value) is int and {LOWEST} <= value <= {HIGHEST}"


class Plain(fields.Field[Any]):
    """A field whose rule is one function. Skips marshmallow's hooks for validators, which no field here has."""

    default_error_messages = {"required": "is required"}  # noqa: RUF012 - marshmallow's own name and type
    usual: ClassVar[tuple[str, str] | None] = None

    def deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> Any:
        loaded = missing if value is None or value is missing else self.accept(value)
        if loaded is missing and self.required:
            raise self.make_error("required")
        return loaded

    def accept(self, value: Any) -> Any:
        """Return what TikTok gets for a value that is not null, `missing` for nothing. Raises ValidationError."""
        return missing if type(value) is str and not value.strip(EDGES) else self.read(value)

    def read(self, value: Any) -> Any:
        """Return what TikTok gets for a value that is not blank, `missing` for nothing. Raises ValidationError."""
        raise NotImplementedError


class Text(Plain):
    """Trimmed text; numbers become text, as ids often come."""

    usual = (_TRIMMED, "value")

    def accept(self, value: Any) -> Any:
        # Trims once for both questions: is it blank, and what is it?
        try:
            return read_text(value) or missing
        except NotTextError as error:
            _refuse(error)


class Number(Plain):
    """A JSON number, or a text that `read_number` understands."""

    # What is no number or has no end differs from itself.
    usual = (f"type(value) is float and value - value == 0 or {_WHOLE}", "value")

    def read(self, value: Any) -> int | float:
        try:
            return read_number(value)
        except NotANumberError as error:
            _refuse(error)


class Share(Number):
    """A number from 0 to 1."""

    usual = ("type(value) is float and 0 <= value <= 1", "value")

    def read(self, value: Any) -> int | float:
        number = super().read(value)
        if not 0 <= number <= 1:
            raise ValidationError("must be between 0 and 1")
        return number


class Integer(Plain):
    """A whole number, also as text or as `2.0`."""

    usual = (_WHOLE, "value")

    def read(self, value: Any) -> int:
        try:
            return read_integer(value)
        except NotANumberError as error:
            _refuse(error)


class Flag(Plain):
    """true or false, also as the texts and as 0 and 1."""

    usual = ("type(value) is bool", "value")

    _values: ClassVar[dict[Any, bool]] = {
        True: True,
        False: False,
        "true": True,
        "false": False,
        "1": True,
        "0": False,
    }

    def read(self, value: Any) -> bool:
        key = value.strip(EDGES).lower() if type(value) is str else value
        if type(key) not in (bool, int, str) or key not in self._values:
            raise ValidationError("must be true or false")
        return self._values[key]


class Timestamp(Plain):
    """A point in time as whole Unix seconds."""

    def read(self, value: Any) -> int:
        try:
            return read_time(value)
        except NotATimeError as error:
            _refuse(error)


class Choice(Plain):
    """One text of a closed list. With `upper` case does not matter; `rule` says so where the list is long.

    The message names the nearest member of the list, never the value.
    """

    usual = ("type(value) is str and value in {field}.allowed", "value")

    def __init__(
        self, allowed: Collection[str], *, upper: bool = False, rule: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.allowed = allowed
        self.upper = upper
        self.rule = rule or f"must be {' or '.join(sorted(allowed))}"

    def read(self, value: Any) -> str:
        text = value.strip(EDGES) if type(value) is str else ""
        if self.upper:
            text = text.upper()
        if text not in self.allowed:
            raise ValidationError(self.rule + did_you_mean(text, self.allowed))
        return text


class Identifiers(Plain):
    """One identifier or a list of them, as a list of trimmed texts in which "" keeps the place of a blank one."""

    usual = (_TRIMMED, "[value]")

    def read(self, value: Any) -> Any:
        if type(value) is not list:
            return [_identifier(value)]
        texts: list[str] = []
        faults: dict[int, list[str]] = {}
        for position, element in enumerate(value):
            try:
                texts.append("" if element is None else _identifier(element))
            except ValidationError as error:
                faults[position] = [str(message) for message in error.messages]
        if faults:
            raise ValidationError(faults)
        return texts if any(texts) else missing


def _identifier(value: Any) -> str:
    try:
        return read_text(value)
    except NotTextError as error:
        if str(error) == "must be text":
            raise ValidationError("must be text, a number or a list of them") from None
        _refuse(error)


class Sequence(Plain):
    """A list of one kind of field, without absent elements. With `or_one` a single element stands for its list."""

    usual = ("type(value) is list", f"[read for each in value if {_ACCEPTED}] or missing")

    def __init__(self, inner: Plain, *, or_one: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner = inner
        self.accept_element: Callable[[Any], Any] = inner.accept
        self.or_one = or_one

    def read(self, value: Any) -> Any:
        if type(value) is not list:
            if not self.or_one:
                raise ValidationError("must be a list")
            value = [value]
        loaded: list[Any] = []
        faults: dict[int, Any] = {}
        for position, element in enumerate(value):
            try:
                read = missing if element is None else self.accept_element(element)
            except ValidationError as error:
                faults[position] = error.messages
                continue
            if read is not missing:
                loaded.append(read)
        if faults:
            raise ValidationError(faults)
        return loaded or missing


class Object(Plain):
    """A nested object with its own schema; one of which nothing is left is absent."""

    usual = ("type(value) is dict", "{field}.load(value) or missing")

    def __init__(self, schema: type[Schema], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.schema = schema()
        self.load: Callable[[dict[str, Any]], Any] = self.schema.load

    def read(self, value: Any) -> Any:
        if type(value) is not dict:
            raise ValidationError("must be an object")
        return self.load(value) or missing


def _refuse(error: Exception) -> NoReturn:
    raise ValidationError(str(error)) from None
