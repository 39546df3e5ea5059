"""What is measured, and how it gets to Prometheus."""

from __future__ import annotations

from worker.metrics.meter import Meter
from worker.metrics.process import meter, take_place

__all__ = ["Meter", "meter", "take_place"]
