"""What an operator has set: `destinations.toml`, read, checked as a whole and frozen."""

from worker.config.credentials import Credentials, Refresh, Secret
from worker.config.door import DoorSettings
from worker.config.load import ConfigError, load
from worker.config.model import (
    BreakerSettings,
    Config,
    DeadLetterSettings,
    Destination,
    EventSetSettings,
    GuardSettings,
    RateLimit,
    RetrySettings,
)

__all__ = [
    "BreakerSettings",
    "Config",
    "ConfigError",
    "Credentials",
    "DeadLetterSettings",
    "Destination",
    "DoorSettings",
    "EventSetSettings",
    "GuardSettings",
    "RateLimit",
    "Refresh",
    "RetrySettings",
    "Secret",
    "load",
]
