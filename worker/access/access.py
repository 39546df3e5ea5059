"""What may the bearer of an access token do?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SCOPES: Mapping[str, str] = {
    "enqueue": "send events through the HTTP door, to all destinations or to those the token names",
    "read": "see the pages and metrics, identifiers masked",
    "operate": "replay, edit, pause, discard",
    "reveal": "see identifiers in clear; each look is audited",
}
"""Scope: what it allows. None includes another."""


@dataclass(frozen=True, slots=True)
class Access:
    """What one token allows. `destinations` limits `enqueue`; None: all. `token_id` is no secret."""

    name: str
    scopes: frozenset[str]
    destinations: frozenset[str] | None = None
    token_id: str = ""

    def may_enqueue(self, destination: str) -> bool:
        """Say whether events for `destination` are taken from it."""
        return "enqueue" in self.scopes and (self.destinations is None or destination in self.destinations)
