"""How is an event that breaks no rule loaded without paying for marshmallow's machinery?

For every field of every event marshmallow makes a closure, a call with keywords and an entry in a store: five times the
cost of the rules themselves. A loader made once of a schema's own fields asks each whether the value is good `as_is`,
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
    # Generated, since asking a value in place is what makes it quick: 3.9 µs for an order of three products, of which
    # a loop that calls `accept` for every field takes 11.1.
    given: dict[str, Any] = {"missing": missing, "ValidationError": ValidationError}
    return function_of("\n".join(_lines(schema, given)), given, name=f"load of {type(schema).__name__}")


def _lines(schema: Schema, given: dict[str, Any]) -> Iterator[str]:
    """Yield the function's lines, and put what they name into `given`.

    For the field `ip` they are, `kept` being its kind's `as_is`:

        value = get('ip')
        if value is not None:
            if kept:
                loaded['ip'] = value
            else:
                value = accept_5(value)
                if value is not missing:
                    loaded['ip'] = value
    """
    yield "def load(data):"
    yield "    get = data.get"
    yield "    loaded = {}"
    for number, (name, field) in enumerate(schema.load_fields.items()):
        given[f"accept_{number}"] = _rule_of(field)
        given[f"field_{number}"] = field
        kept = _as_is(field)
        yield f"    value = get({name!r})"
        yield "    if value is not None:"
        if kept:
            yield f"        if {kept.format(field=f'field_{number}')}:"
            yield f"            loaded[{name!r}] = value"
            yield "        else:"
        else:
            yield "        if True:"
        yield f"            value = accept_{number}(value)"
        yield "            if value is not missing:"
        yield f"                loaded[{name!r}] = value"
    for name, field in schema.load_fields.items():
        if field.required:
            yield f"    if {name!r} not in loaded:"
            yield f"        raise ValidationError('is required', {name!r})"
    yield "    return loaded"


def _as_is(field: Plain) -> str:
    """Return the condition under which the field's rule changes nothing, "" for none.

    A kind that has a rule of its own needs a condition of its own: that of another kind is not inherited.
    """
    for kind in type(field).__mro__:
        if "as_is" in vars(kind):
            return str(vars(kind)["as_is"])
        if "accept" in vars(kind) or "read" in vars(kind):
            return ""
    return ""


def _rule_of(field: Field[Any]) -> Callable[[Any], Any]:
    """Return the function that both ways share; what is inside of the field goes the fast way, too."""
    if not isinstance(field, Plain) or type(field).deserialize is not Plain.deserialize:
        raise TypeError(f"{type(field).__name__} is no kind of field whose rule is one function")
    if field.validators or field.data_key or field.attribute:
        raise TypeError(f"{type(field).__name__} has options that only marshmallow knows")
    # Copies of the same classes, so that nothing is written twice: only what they call for their inside differs.
    if isinstance(field, Object):
        of_object = copy(field)
        of_object.load = accepting(field.schema)
        return of_object.accept
    if isinstance(field, Sequence):
        of_list = copy(field)
        of_list.accept_element = _rule_of(field.inner)
        return of_list.accept
    return field.accept
