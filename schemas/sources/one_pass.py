"""How is an event in which nothing is unusual read and accepted in one go?

Reading makes a dict of what a source's event holds, and the contract makes another of what TikTok gets of it: two walks
over every field. A function generated of the source's table and of the contract's schema goes there once: 4 instead of
10 µs for an order of three products. It knows no rule of its own and no fault: whatever is not plainly in its place, or
breaks a rule, makes it give up, and the two walks say what is to be said of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from marshmallow import Schema, ValidationError, missing

from schemas.compiled import accept_lines
from schemas.fields import Object, Sequence
from schemas.generated import function_of
from schemas.paths import Parts
from schemas.sources.reading import FieldSource, goes_into_lists, indented
from tiktok_events.text import is_blank

OnePass = Callable[..., dict[str, Any]]
_GIVE_UP = "raise ValidationError('is unusual')"


@dataclass(frozen=True, slots=True)
class Elements:
    """Where the objects of a list are: in a list at `path`, or `listed` is false and the one object is there."""

    path: Parts
    fields: tuple[FieldSource, ...]
    listed: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """What is read for an event in the contract's form.

    - `elements`: targets that are lists of objects.
    - `given`: targets for which the caller has a value where the event has none; each is a keyword of the function.
    - `derived`: targets that a function makes of what lies at another path, where their own have nothing.
    - `kept`: targets that come out as they stand in the event, for the caller to look at.
    """

    fields: tuple[FieldSource, ...]
    elements: Mapping[str, Elements] = field(default_factory=dict)
    given: tuple[str, ...] = ()
    derived: Mapping[str, tuple[Callable[[Any], Any], Parts]] = field(default_factory=dict)
    kept: tuple[str, ...] = ()

    def paths(self) -> Iterator[Parts]:
        """Yield every path that is read."""
        for each in self.fields:
            yield from each.paths
        for elements in self.elements.values():
            yield elements.path if elements.listed else (*elements.path, "")
        for _, path in self.derived.values():
            yield path


def one_pass(schema: Schema, table: Table, *, name: str) -> OnePass:
    """Return a function that does what `schema.load` does with what the table reads, where nothing is unusual.

    Else it raises a ValidationError, of which nothing but its coming is meant. `name` is what a traceback shows.

    Raises:
        TypeError: the table reads something that the function would pass over.
    """
    writer = _Writer(schema, table)
    return function_of("\n".join(writer.lines()), writer.known, name=name)


class _Writer:
    """Writes the function. For the holder `context.traits` and the field `user.email` its lines are

    at_1 = at_0.get('context')
    if type(at_1) is dict:
        at_2 = at_1.get('traits')
        if at_2 is None: at_2 = NOTHING
        elif type(at_2) is not dict: give up
    elif at_1 is None: at_1 = at_2 = NOTHING
    else: give up
    user = {}
    value = at_2.get('email')
    if value is not None:
        if type(value) is str and value and value.isascii() and value.strip() is value:
            user['email'] = [value]
        else:
            value = field_7.accept(value)
            if value is not missing: user['email'] = value
    if user: loaded['user'] = user
    """

    def __init__(self, schema: Schema, table: Table) -> None:
        self._schema = schema
        self._table = table
        self._field_of_target = {each.target: each for each in table.fields}
        self._places: dict[Parts, str] = {(): "at_0"}
        self.known: dict[str, Any] = {
            "ValidationError": ValidationError,
            "missing": missing,
            "is_blank": is_blank,
            "NOTHING": {},
        }

    def lines(self) -> Iterator[str]:
        if any(goes_into_lists(path) for path in self._table.paths()):
            raise TypeError("a path goes into a list, which only a walk does")
        keywords = f", *, {', '.join(self._table.given)}" if self._table.given else ""
        yield f"def load(at_0{keywords}):"
        yield from indented(self._holders((), [path[:-1] for path in self._table.paths()]))
        yield "    loaded = {}"
        written = set()
        for name, field_ in self._schema.load_fields.items():
            if isinstance(field_, Object):
                targets = {inner: f"{name}.{inner}" for inner in field_.schema.load_fields}
                yield "    part = {}"
                for inner, target in targets.items():
                    yield from indented(self._field(field_.schema.load_fields[inner], target, f"part[{inner!r}]"))
                yield f"    if part: loaded[{name!r}] = part"
                written |= {*targets.values()}
            else:
                yield from indented(self._field(field_, name, f"loaded[{name!r}]"))
                written.add(name)
        for name, field_ in self._schema.load_fields.items():
            if field_.required:
                yield f"    if {name!r} not in loaded: {_GIVE_UP}"
        unwritten = {*self._field_of_target, *self._table.elements} - written
        if unwritten:
            raise TypeError(f"the contract has no {', '.join(sorted(unwritten))}")
        yield "    return loaded"

    def _holders(self, above: Parts, wanted: list[Parts]) -> Iterator[str]:
        """Yield the lines that step from `above` into every holder below it, of those that are `wanted`."""
        depth = len(above)
        for key in dict.fromkeys(path[depth] for path in wanted if len(path) > depth and path[:depth] == above):
            here = (*above, key)
            before = len(self._places)
            place = self._places[here] = f"at_{before}"
            below = list(self._holders(here, wanted))
            yield f"{place} = {self._places[above]}.get({key!r})"
            yield f"if type({place}) is dict:"
            yield from indented(iter(below or ["pass"]))
            yield f"elif {place} is None: {' = '.join(list(self._places.values())[before:])} = NOTHING"
            yield f"else: {_GIVE_UP}"

    def _field(self, field_: Any, target: str, place: str) -> Iterator[str]:
        """Yield the lines that put what the contract makes of a target into `place`."""
        elements = self._table.elements.get(target)
        if elements:
            yield from self._elements(field_, elements, place)
            return
        source = self._field_of_target.get(target)
        paths = source.paths if source else ()
        reads = [self._at(path) for path in paths]
        if target in self._table.derived:
            derive, path = self._table.derived[target]
            self.known[f"derive_{len(self.known)}"] = derive
            reads.append(f"derive_{len(self.known) - 1}({self._at(path)}) or None")
        if target in self._table.given:
            reads.append(target)
        if reads:
            yield f"value = {reads[0]}"
            for read in reads[1:]:
                yield f"if value is None: value = {read}"
            constant = source.constant if source else None
            yield "if value is not None:"
            # A blank does not hide what lies at the next path.
            blank = f"if is_blank(value): {_GIVE_UP}" if len(reads) > 1 or constant else None
            yield from indented(iter(self._accepted(field_, target, place, blank)))
            if constant:
                yield f"else: {place} = {field_.accept(constant)!r}"
        elif source and source.constant:
            yield f"{place} = {field_.accept(source.constant)!r}"

    def _accepted(self, field_: Any, target: str, place: str, blank: str | None) -> list[str]:
        if target in self._table.kept:
            return [*([blank] if blank else []), f"{place} = value"]
        keep = f"{place} = value"
        return list(accept_lines(field_, f"field_{len(self.known)}", self.known, keep=keep, first=blank))

    def _elements(self, field_: Any, elements: Elements, place: str) -> Iterator[str]:
        if not isinstance(field_, Sequence) or not isinstance(field_.inner, Object):
            raise TypeError("the contract has no list of objects there")
        read = f"read_{len(self.known)}"
        self.known[read] = one_pass(field_.inner.schema, Table(elements.fields), name=f"one pass of {place}")
        if not elements.listed:
            yield f"value = {read}({self._places[elements.path]})"
            yield f"if value: {place} = [value]"
            return
        yield f"value = {self._at(elements.path)}"
        yield "if value is not None:"
        yield f"    if type(value) is not list: {_GIVE_UP}"
        yield "    found = []"
        yield "    for each in value:"
        yield f"        if type(each) is not dict: {_GIVE_UP}"
        yield f"        each = {read}(each)"
        yield "        if each: found.append(each)"
        yield f"    if found: {place} = found"

    def _at(self, path: Parts) -> str:
        return f"{self._places[path[:-1]]}.get({path[-1]!r})"
