"""How is a setting such as `set-{{properties.region}}` filled from an event?"""

from __future__ import annotations

import re
from typing import Any

from schemas.expressions import EvaluationError, Expression, ExpressionError
from schemas.outcome import Fault
from tiktok_events.text import NotTextError, read_text

_SLOT = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


class TemplateError(Exception):
    """An event has no usable value for a slot of a template."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.rule)
        self.fault = fault


class Template:
    """A text in which `{{expression}}` stands for a value of the event; without braces it is literal."""

    __slots__ = ("_literal", "_name", "_parts")

    def __init__(self, text: str, *, name: str) -> None:
        """Compile `text`, the value of the setting `name`. Raises ExpressionError."""
        pieces = _SLOT.split(text.strip())
        self._name = name
        # split() alternates: literal, slot, literal, ...
        self._parts: list[str | Expression] = [
            Expression(piece) if position % 2 else piece
            for position, piece in enumerate(pieces)
            if piece or position % 2
        ]
        if any(isinstance(part, str) and ("{{" in part or "}}" in part) for part in self._parts):
            raise ExpressionError("has braces that are not paired")
        if not self._parts:
            raise ExpressionError("is required")
        (first, *more) = self._parts
        self._literal = first if isinstance(first, str) and not more else None

    def fill(self, event: Any) -> str:
        """Return the text for this event. Raises TemplateError when a slot is empty or no text."""
        if self._literal is not None:
            return self._literal
        return "".join(part if isinstance(part, str) else self._value(part, event) for part in self._parts)

    @property
    def only_path(self) -> str | None:
        """The path that the text is nothing but a slot for, else None."""
        (first, *more) = self._parts
        return first.path if isinstance(first, Expression) and not more else None

    def _value(self, slot: Expression, event: Any) -> str:
        path = slot.path or self._name
        try:
            found = slot.find(event)
            text = "" if found is None else read_text(found)
        except (EvaluationError, NotTextError):
            raise TemplateError(Fault(path, f"must be text, since {self._name} is made of it")) from None
        if not text:
            raise TemplateError(Fault(path, f"is required, since {self._name} is made of it"))
        return text
