"""Which environment variables are read: the closed list that docs/configure.md is generated from.

Those that a configuration names itself, as `${TIKTOK_ACCESS_TOKEN}`, come on top.
"""

from __future__ import annotations

VARIABLES: dict[str, tuple[str, str]] = {
    "REDIS_URL": (
        "where events live: `redis://`, `rediss://`, `unix://`, `redis+sentinel://`, `redis+cluster://`",
        "the embedded server, for one machine only",
    ),
    "CELERY_BROKER_URL": ("where Celery's wake-ups go: as `REDIS_URL`, or in Celery's own spelling", "`REDIS_URL`"),
    "TIKTOK_EVENTS_CONFIG": ("path of the configuration", "`destinations.toml`"),
    "TIKTOK_EVENTS_ENCRYPTION_KEYS": (
        "keys that seal payloads at rest, `id:base64key,...`: the first one seals, all of them open",
        "payloads lie in Redis in clear",
    ),
    "TIKTOK_EVENTS_CA_FILE": (
        "PEM file with the certificate authorities that servers must be vouched for by, TikTok's too",
        "those that `certifi` carries",
    ),
    "TIKTOK_EVENTS_INDEX_KEY": (
        "secret of 32 characters or more, by which the [index of people](people.md#the-index) is made unreadable",
        "a random one, kept in Redis",
    ),
    "SENTRY_DSN": ("where incidents, crashes, dead letters by reason and spans are reported", "nowhere"),
    "SENTRY_ENVIRONMENT": ("environment that Sentry shows them in", "`production`"),
    "SENTRY_RELEASE": ("release that Sentry shows them in", "`tiktok-events@` and the version"),
    "SENTRY_TRACES_SAMPLE_RATE": (
        "share of batches, 0 to 1, that begin a trace where no producer did",
        "`0`: what producers sampled is continued, nothing else",
    ),
    "METRICS_PORT": ("port on which a worker answers `/metrics` and `/healthz`", "neither is served"),
    "METRICS_HOST": ("address that it listens on", "`127.0.0.1`"),
    "TIKTOK_EVENTS_STATE_DIR": (
        "folder in which workers keep the state files that `healthcheck` reads",
        "`tiktok-events-UID` below the folder for temporary files",
    ),
    "PORT": ("where `python -m worker web` listens", "`8000`"),
    "LOG_LEVEL": ("least level of the log lines", "`INFO`"),
    "LOG_FORMAT": ("`json`, `text`, or `auto`: text on a terminal, else JSON", "`auto`"),
    "XDG_STATE_HOME": (
        "folder in which the embedded server keeps `tiktok-events/`",
        "`~/.local/state`",
    ),
}
"""Variable: (what it means, what holds without it)."""
