"""Which credential and which TikTok a command speaks with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from worker.cli import context
from worker.config import Config, Credentials
from worker.management import Management
from worker.runtime import Runtime

TIKTOK = "https://business-api.tiktok.com/open_api/v1.3/"

_C = TypeVar("_C", bound=Callable[..., Any])


def access(command: _C) -> _C:
    """Add the options that say with what to speak."""
    for option in (
        click.option("--destination", "-d", help="Speak with this destination's credential and base_url."),
        click.option("--credentials", "credential", help="Speak with this credential; default: the only one."),
    ):
        command = option(command)
    return command


def management(destination: str | None, credential: str | None) -> Management:
    """Return the management endpoints that the options of :func:`access` mean, or end the command."""
    config = context.config()
    here = Runtime(config, connect=context.redis)
    if destination is not None:
        settings = config.destinations.get(destination)
        if settings is None:
            raise click.ClickException("there is no such destination")
        return here.management(settings.credentials, settings.base_url)
    chosen = _only(config, credential)
    addresses = base_urls(config, chosen)
    if len(addresses) > 1:
        raise click.ClickException("its destinations have different base_urls: say which with --destination")
    return here.management(chosen, addresses[0])


def base_urls(config: Config, credential: Credentials) -> list[str]:
    """Return where the destinations of a credential send to; TikTok itself if it has none."""
    found = {
        each.base_url for each in config.destinations.values() if each.credentials == credential and not each.order_sync
    }
    return sorted(found) or [TIKTOK]


def _only(config: Config, name: str | None) -> Credentials:
    names = ", ".join(sorted(config.credentials))
    if name is not None:
        if name not in config.credentials:
            raise click.ClickException(f"there is no such credential; there are: {names}")
        return config.credentials[name]
    if len(config.credentials) != 1:
        raise click.ClickException(f"there are several credentials, say which with --credentials: {names}")
    return next(iter(config.credentials.values()))
