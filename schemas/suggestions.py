"""Which allowed value did the writer most likely mean?"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(written: object, allowed: Iterable[str]) -> str:
    """Return `; did you mean X?` with the nearest of `allowed`, or nothing.

    Only a member of the closed list is ever repeated, never what was written: that may be a person's data.
    Comparison ignores case, spaces and underscores, since those are the usual slips.
    """
    # A long text is no slip of a name, and comparing it costs time that whoever sent it decides.
    if not isinstance(written, str) or len(written) > 80:
        return ""
    names = {_folded(name): name for name in allowed}
    near = get_close_matches(_folded(written), names, n=1, cutoff=0.75)
    return f"; did you mean {names[near[0]]}?" if near else ""


def _folded(name: str) -> str:
    return name.replace(" ", "").replace("_", "").lower()
