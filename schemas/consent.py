"""May an event be sent at all, by what it says of its person's consent?"""

from __future__ import annotations

from schemas.expressions import EvaluationError, Expression
from schemas.mapping import EventMapper
from schemas.outcome import Fault, Mapped, Refused

NO_CONSENT = "no_consent"
_RULE = "does not come out as true, which consent.require asks for"


class Consenting:
    """A mapper that refuses whatever its condition is not true for, before anything else is looked at.

    Nothing but `true` counts: an expression that finds a text ("false" is one), a number or nothing, or that cannot be
    worked out, is no consent. A mapping's `when` is laxer; here a mistake would send what nobody agreed to.
    """

    __slots__ = ("_condition", "_mapper")

    def __init__(self, mapper: EventMapper, require: str) -> None:
        """Compile the condition. Raises ExpressionError."""
        self._mapper = mapper
        self._condition = Expression(require)

    def map(
        self, event: object, *, event_id: str, received_at: float, now: float, explain: bool = False
    ) -> Mapped | Refused:
        """Return what the mapper makes of the event, or the refusal; see `schemas.mapping.EventMapper`."""
        try:
            agreed = self._condition.find(event) is True
        except EvaluationError:
            agreed = False
        if not agreed:
            return Refused(NO_CONSENT, (Fault(self._condition.path or "$", _RULE),), None)
        return self._mapper.map(event, event_id=event_id, received_at=received_at, now=now, explain=explain)
