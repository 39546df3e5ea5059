"""What does an expression of a mapping mean, and what does it find in an event?

The language is JMESPath, with two additions that other products' users know: `products.0.name` for `products[0].name`,
and `user.consent_categories contains 'advertising'` for `contains(user.consent_categories, 'advertising')`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions

from schemas.paths import parts_of, read
from schemas.suggestions import did_you_mean

_PATH = re.compile(r"[^\W\d][\w$-]*(?:\.[\w$-]+)*")

_QUOTED = r"'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`|\"(?:\\.|[^\"\\])*\""
_OPERAND = r"(?:[\w@$\[\]*.-]|\"(?:\\.|[^\"\\])*\")+"
_INFIX_CONTAINS = re.compile(rf"({_OPERAND})\s+contains\s+('(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`|{_OPERAND})|{_QUOTED}")
_DOTTED_INDEX = re.compile(rf"{_QUOTED}|\.(\d+)(?!\w)")


class ExpressionError(ValueError):
    """An expression that cannot be compiled. Its message is a rule."""


class EvaluationError(Exception):
    """An expression met a value of a type it cannot work on. Carries nothing of the event."""


class Expression:
    """A compiled expression. `path` is the place it reads when it is nothing but a path, else None."""

    __slots__ = ("_parts", "_query", "path")

    def __init__(self, text: str) -> None:
        """Compile `text`. Raises ExpressionError."""
        text = text.strip()
        self.path = text if _PATH.fullmatch(text) else None
        self._parts = parts_of(self.path) if self.path else ()
        self._query = None if self.path else _compile(text)

    def find(self, event: Any) -> Any:
        """Return what the expression finds, None for nothing. Raises EvaluationError and nothing else."""
        if self._query is None:
            return read(event, self._parts)
        try:
            return self._query.search(event)
        except Exception:
            # JMESPath lets Python's own errors through (comparing, sorting, deep nesting), and their texts hold values.
            raise EvaluationError from None

    def holds(self, event: Any) -> bool:
        """Say whether the result is true as JMESPath has it: null, false and the empty text, list and object are not.

        Raises EvaluationError.
        """
        found = self.find(event)
        return bool(found) or (isinstance(found, int | float) and not isinstance(found, bool))


def _compile(text: str) -> Any:
    query = _DOTTED_INDEX.sub(_bracketed, _INFIX_CONTAINS.sub(_as_function, text))
    try:
        compiled = jmespath.compile(query)
    except (JMESPathError, RecursionError) as error:
        position = getattr(error, "lex_position", None)
        # After a rewriting the position is one of the rewritten text, which nobody wrote.
        where = f" at character {position + 1}" if isinstance(position, int) and query == text else ""
        raise ExpressionError(f"is not a valid expression{where}") from None
    for name in _functions(compiled.parsed):
        if name not in Functions.FUNCTION_TABLE:
            raise ExpressionError("calls an unknown function" + did_you_mean(name, Functions.FUNCTION_TABLE))
    return compiled


def _as_function(found: re.Match[str]) -> str:
    return f"contains({found[1]}, {found[2]})" if found[1] else found[0]


def _bracketed(found: re.Match[str]) -> str:
    return f"[{found[1]}]" if found[1] else found[0]


def _functions(tree: Any) -> Iterator[str]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if node.get("type") == "function_expression":
            yield node["value"]
        waiting += [child for child in node.get("children", ()) if isinstance(child, dict)]
