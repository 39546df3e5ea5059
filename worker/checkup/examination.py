"""What is asked, in which order; and what stands for all of it when Redis does not answer."""

from __future__ import annotations

import os
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from tiktok_events.sealing import KeyringError, read_keyring
from worker.checkup.destinations import of_credentials, of_destinations, of_workers
from worker.checkup.finding import Finding
from worker.checkup.server import of_redis
from worker.config import Config, ConfigError
from worker.keys import Keys


def examine(redis: Redis, config: Config | ConfigError) -> list[Finding]:
    """Ask everything. A Redis that does not answer and a configuration that cannot be read are findings, too."""
    found = [*_of_configuration(config), _of_encryption()]
    try:
        found += of_redis(redis)
        if isinstance(config, Config):
            found += of_credentials(redis, config)
            found += of_destinations(redis, config, known=inboxes(redis))
        found += of_workers(redis)
    except RedisError as error:
        advice = "check REDIS_URL and the server"
        found.append(Finding("redis", "fail", f"does not answer ({type(error).__name__})", advice))
    return found


def _of_configuration(config: Config | ConfigError) -> list[Finding]:
    if isinstance(config, Config):
        return [Finding("configuration", "pass", f"{len(config.destinations)} destination(s), no faults")]
    advice = f"mend {config.source}: see docs/configure.md"
    return [Finding("configuration", "fail", fault, advice) for fault in config.faults]


def _of_encryption() -> Finding:
    try:
        keyring = read_keyring()
    except KeyringError:
        return Finding("encryption", "fail", "the keys cannot be used", "mend what the configuration says of them")
    if keyring is not None:
        others = len(keyring.ids) - 1
        return Finding("encryption", "pass", f"seals with {keyring.current}, opens with {others} more")
    if not os.environ.get("REDIS_URL"):
        return Finding("encryption", "pass", "off; the embedded server's files are their owner's alone")
    return Finding("encryption", "warn", "off: payloads lie in Redis in clear", "see docs/encryption.md")


def inboxes(redis: Redis) -> set[str]:
    """Return the destinations whose inbox exists in Redis, configured or not."""
    before, after = Keys("*").inbox.split("*")
    pattern = f"{before.replace('{', '[{]')}*{after.replace('}', '[}]')}"
    found: Any = redis.scan_iter(match=pattern, count=1000, _type="stream")
    return {key.decode().removeprefix(before).removesuffix(after) for key in found if redis.xlen(key)}
