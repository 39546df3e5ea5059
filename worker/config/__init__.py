"""What an operator has set: `destinations.toml`, read, checked as a whole and frozen."""

from worker.config.load import ConfigError, load
from worker.config.model import (
    BreakerSettings,
    Config,
    Credentials,
    DeadLetterSettings,
    Destination,
    GuardSettings,
    RateLimit,
    RetrySettings,
    Secret,
)

__all__ = [
    "BreakerSettings",
    "Config",
    "ConfigError",
    "Credentials",
    "DeadLetterSettings",
    "Destination",
    "GuardSettings",
    "RateLimit",
    "RetrySettings",
    "Secret",
    "load",
]
