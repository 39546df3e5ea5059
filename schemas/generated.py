"""How does the text of a generated function become the function?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def function_of(source: str, given: dict[str, Any], *, name: str) -> Callable[..., Any]:
    """Return the one function that `source` defines; it knows what is in `given`. `name` is what a traceback shows.

    The text is made of the tables and schemas of this package alone. Nothing of an event or a configuration may be in
    it: that would be run.
    """
    found: dict[str, Callable[..., Any]] = {}
    exec(compile(source, f"<{name}>", "exec"), given, found)  # noqa: S102 - our own text, see above
    (function,) = found.values()
    return function
