"""Which environment variables are read: the closed list that docs/configure.md is generated from.

Those that a configuration names itself, as `${TIKTOK_ACCESS_TOKEN}`, come on top.
"""

from __future__ import annotations

VARIABLES: dict[str, tuple[str, str]] = {
    "REDIS_URL": (
        "where events live: `redis://`, `rediss://`, `unix://`, `redis+sentinel://`, `redis+cluster://`",
        "the embedded server, for one machine only",
    ),
    "CELERY_BROKER_URL": ("where Celery's wake-ups go, in Celery's own spelling", "`REDIS_URL`"),
    "TIKTOK_EVENTS_CONFIG": ("path of the configuration", "`destinations.toml`"),
    "METRICS_PORT": ("port on which a worker answers `/metrics` and `/healthz`", "neither is served"),
    "METRICS_HOST": ("address that it listens on", "`127.0.0.1`"),
    "TIKTOK_EVENTS_STATE_DIR": (
        "folder in which workers keep the state files that `healthcheck` reads",
        "`tiktok-events-UID` below the folder for temporary files",
    ),
    "SENTRY_DSN": ("where incidents and crashes are reported", "nowhere"),
    "PORT": ("where `python -m worker web` listens", "`8000`"),
    "LOG_LEVEL": ("least level of the log lines", "`INFO`"),
    "XDG_STATE_HOME": (
        "folder in which the embedded server keeps `tiktok-events/`",
        "`~/.local/state`",
    ),
}
"""Variable: (what it means, what holds without it)."""
