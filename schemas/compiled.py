"""How is an event that breaks no rule loaded without paying for marshmallow's machinery?

For every field of every event marshmallow makes a closure, a call with keywords and an entry in a store: five times the
cost of the rules themselves. A loader made once of a schema's own fields calls the same `accept` functions and nothing
else. What it does not accept is left to marshmallow, so that every fault is marshmallow's.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, missing
from marshmallow.fields import Field

from schemas.fields import Object, Plain, Sequence


def accepting(schema: Schema) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return a function that does what `schema.load` does with data in which no rule is broken.

    With any other data it raises a ValidationError, of which nothing but its coming is meant: `schema.load` knows what
    is wrong, and where.

    Raises:
        TypeError: the schema has something that the function would pass over, such as a hook or a foreign field.
    """
    if any(schema._hooks.values()) or schema.unknown != EXCLUDE or schema.many or schema.partial:
        raise TypeError(f"{type(schema).__name__} has hooks or options that only marshmallow knows")
    steps = [(name, _rule_of(field)) for name, field in schema.load_fields.items()]
    required = [name for name, field in schema.load_fields.items() if field.required]

    # A loop and no generated code: written out field by field it takes 0.91 of the time, for most of it are the rules.
    def load(data: dict[str, Any]) -> dict[str, Any]:
        loaded: dict[str, Any] = {}
        for name, accept in steps:
            value = data.get(name)
            if value is not None:
                value = accept(value)
                if value is not missing:
                    loaded[name] = value
        for name in required:
            if name not in loaded:
                raise ValidationError("is required", name)
        return loaded

    return load


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
