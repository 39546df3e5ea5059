"""What does a mapping of the configuration do to an event, once it is compiled?"""

from __future__ import annotations

from typing import Any

from schemas.contract import TARGETS
from schemas.event_sources import EventSource, name_rule
from schemas.expressions import EvaluationError, Expression, ExpressionError
from schemas.outcome import Fault
from schemas.settings import Rule
from schemas.suggestions import did_you_mean


class CompiledRule:
    """One mapping, ready to be asked and applied."""

    __slots__ = ("_fields", "event", "path", "when")

    def __init__(
        self, path: str, event: str | None, when: Expression | None, fields: dict[str, Expression | None]
    ) -> None:
        self.path = path
        self.event = event
        self.when = when
        self._fields = fields

    def applies(self, event: Any, notes: list[Fault]) -> bool:
        """Say whether the mapping asks for the event. A condition that cannot be worked out does not, and is noted."""
        if self.when is None:
            return True
        try:
            return self.when.holds(event)
        except EvaluationError:
            notes.append(Fault(f"{self.path}.when", "cannot be worked out for this event and counts as false"))
            return False

    def fill(self, plain: dict[str, Any], event: Any) -> list[Fault]:
        """Put what the mapping's fields find in the event into `plain`; return a fault for each that fails."""
        faults: list[Fault] = []
        for target, expression in self._fields.items():
            part, _, field = target.rpartition(".")
            try:
                value = expression.find(event) if expression else None
            except EvaluationError:
                faults.append(Fault(target, "the mapping's expression cannot be worked out for this event"))
                continue
            # A part of the wrong type is the contract's to refuse, unless the mapping has something to put there.
            holder = plain.setdefault(part, {}) if part else plain
            if type(holder) is not dict:
                if value is None:
                    continue
                holder = plain[part] = {}
            if value is None:
                holder.pop(field, None)
            else:
                holder[field] = value
        return faults

    def origin(self, target: str) -> str | None:
        """Return where the mapping reads a target, the target itself if from no single place, None if not at all."""
        for filled, expression in self._fields.items():
            if target == filled or target.startswith(filled + "."):
                place = expression.path if expression and expression.path else filled
                return place + target[len(filled) :]
        return None


def compile_rule(
    rule: Rule, path: str, *, event_source: EventSource, names_events: bool, faults: list[Fault]
) -> CompiledRule:
    """Compile a mapping; every fault is added to `faults`, with its place below `path`."""
    event = rule.event.strip() if rule.event else None
    if event:
        broken = name_rule(event, event_source)
        if broken:
            faults.append(Fault(f"{path}.event", broken))
    elif not names_events:
        faults.append(Fault(f"{path}.event", "is required: it is the TikTok event to send"))
    when = _compiled(rule.when, f"{path}.when", faults)
    fields: dict[str, Expression | None] = {}
    for target, source in rule.fields.items():
        place = f"{path}.fields.{target}"
        if target not in TARGETS:
            faults.append(Fault(place, "is not a field of TikTok's" + did_you_mean(target, TARGETS)))
            continue
        fields[target] = _compiled(source, place, faults)
    return CompiledRule(path, event, when, fields)


def _compiled(text: str | None, path: str, faults: list[Fault]) -> Expression | None:
    if text is None or not text.strip():
        return None
    try:
        return Expression(text)
    except ExpressionError as error:
        faults.append(Fault(path, str(error)))
        return None
