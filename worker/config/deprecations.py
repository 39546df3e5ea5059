"""Which settings still work but should be written otherwise?"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from schemas.sources.segment_actions import ACTIONS
from worker.config.model import Destination

log = logging.getLogger(__name__)


def warn_of_deprecations(destinations: Mapping[str, Destination]) -> None:
    """Log each deprecated Segment action once, at the first place that names it."""
    told: set[str] = set()
    for name, destination in destinations.items():
        for position, rule in enumerate(destination.mapping.mappings):
            instead = ACTIONS.get(rule.action) if rule.action else None
            if rule.action and instead and rule.action not in told:
                told.add(rule.action)
                place = f"destinations.{name}.mappings.{position}.action"
                log.warning("%s: %s is deprecated and does what %s does", place, rule.action, instead)
