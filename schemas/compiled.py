"""How is an event that breaks no rule loaded without paying for marshmallow's machinery?

For every field of every event marshmallow makes a closure, a call with keywords and an entry in a store: five times the
cost of the rules themselves. A loader made once of a schema's own fields asks each whether the value is a `usual` one,
else calls its `accept`, and does nothing else. What it does not accept is left to marshmallow, so that every fault is
marshmallow's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, missing
from marshmallow.fields import Field

from schemas.fields import Object, Plain, Sequence
from schemas.generated import function_of

Load = Callable[[dict[str, Any]], dict[str, Any]]


def accepting(schema: Schema) -> Load:
    """Return a function that does what `schema.load` does with data in which no rule is broken.

    With any other data it raises a ValidationError, of which nothing but its coming is meant: `schema.load` knows what
    is wrong, and where.

    Raises:
        TypeError: the schema has something that the function would pass over, such as a hook or a foreign field.
    """
    if any(schema._hooks.values()) or schema.unknown != EXCLUDE or schema.many or schema.partial:
        raise TypeError(f"{type(schema).__name__} has hooks or options that only marshmallow knows")
    # Generated, since asking in place is what makes it quick: 5.3 µs for an order of three products, of which a loop
    # that calls `accept` for every field takes 11.1.
    given: dict[str, Any] = {"missing": missing, "ValidationError": ValidationError}
    return function_of("\n".join(_load_lines(schema, given)), given, name=f"load of {type(schema).__name__}")


def _load_lines(schema: Schema, given: dict[str, Any]) -> Iterator[str]:
    """Yield the loader's lines, and put what they name into `given`."""
    yield "def load(data):"
    yield "    get = data.get"
    yield "    loaded = {}"
    for number, (name, field) in enumerate(schema.load_fields.items()):
        yield f"    value = get({name!r})"
        yield "    if value is not None:"
        for line in accept_lines(field, f"field_{number}", given, keep=f"loaded[{name!r}] = value"):
            yield f"        {line}"
    for name, field in schema.load_fields.items():
        if field.required:
            yield f"    if {name!r} not in loaded:"
            yield f"        raise ValidationError('is required', {name!r})"
    yield "    return loaded"


def accept_lines(
    field: Field[Any], place: str, given: dict[str, Any], *, keep: str, first: str | None = None
) -> Iterator[str]:
    """Yield the lines that do to `value` what the field's `accept` does, and then `keep`, unless nothing is left of it.

    `place` is what the field is called in `given`, into which it is put; `first` is done before `accept` is called. For
    a trimmed text they are

        if type(value) is str and value and value.isascii() and value.strip() is value:
            loaded['ip'] = value
        else:
            value = field_5.accept(value)
            if value is not missing:
                loaded['ip'] = value
    """
    given[place] = compiled = _with_fast_inside(field)
    usual = _usual(compiled)
    before = ""
    if usual:
        condition, becomes = (text.format(field=place) for text in usual)
        yield f"if {condition}:"
        if becomes != "value":
            yield f"    value = {becomes}"
        yield f"    if value is not missing: {keep}" if "missing" in becomes else f"    {keep}"
        yield "else:"
        before = "    "
    if first:
        yield f"{before}{first}"
    yield f"{before}value = {place}.accept(value)"
    yield f"{before}if value is not missing: {keep}"


def _usual(field: Plain) -> tuple[str, str] | None:
    """Return the field's `usual`, unless it is that of a kind above and the field's own kind has a rule of its own."""
    for kind in type(field).__mro__:
        if "usual" in vars(kind):
            return field.usual
        if "accept" in vars(kind) or "read" in vars(kind):
            break
    return None


def _with_fast_inside(field: Field[Any]) -> Plain:
    """Return the field, or a copy whose inside goes the fast way, too. Raises TypeError for what has no one rule."""
    if not isinstance(field, Plain) or type(field).deserialize is not Plain.deserialize:
        raise TypeError(f"{type(field).__name__} is no kind of field whose rule is one function")
    if field.validators or field.data_key or field.attribute:
        raise TypeError(f"{type(field).__name__} has options that only marshmallow knows")
    # Copies of the same classes, so that nothing is written twice: only what they call for their inside differs.
    if isinstance(field, Object):
        of_object = copy(field)
        of_object.load = accepting(field.schema)
        return of_object
    if isinstance(field, Sequence):
        of_list = copy(field)
        given: dict[str, Any] = {"missing": missing}
        lines = (f"    {line}" for line in accept_lines(field.inner, "inner", given, keep="return value"))
        source = "\n".join(["def accept(value):", *lines, "    return missing"])
        of_list.accept_element = function_of(source, given, name="accept of an element")
        return of_list
    return field
