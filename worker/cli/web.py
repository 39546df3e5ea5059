"""`web`: the pages, in a process of their own."""

from __future__ import annotations

import os
import sys

import click
from redis import Redis
from redis.exceptions import RedisError

from worker import logs, sentry
from worker.access import SCOPES, AccessTokens
from worker.cli import context
from worker.config import Config
from worker.web import TrustedProxy, WebSettings
from worker.web.serving import serve

_EXIT_CONFIG = 78  # EX_CONFIG of sysexits.h


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--port", type=click.IntRange(0, 65535), help="0 picks a free one. Default: PORT, or 8000.")
@click.option("--allowed-host", "allowed_hosts", multiple=True, help="A name by which it is asked for; repeatable.")
@click.option("--trusted-proxy", "networks", metavar="CIDR", multiple=True, help="Believe its headers; repeatable.")
@click.option("--user-header", metavar="NAME", help="The trusted proxy's header that names the user.")
@click.option(
    "--user-scope",
    "scopes",
    multiple=True,
    default=("read",),
    show_default=True,
    type=click.Choice([scope for scope in SCOPES if scope != "enqueue"]),
    help="What such a user may do; repeatable.",
)
@click.option("--door", is_flag=True, help="Also take events: POST /v1/destinations/NAME/events.")
@click.option("--only-door", is_flag=True, help="Take events and show no page.")
def web(
    host: str,
    port: int | None,
    *,
    door: bool,
    only_door: bool,
    allowed_hosts: tuple[str, ...],
    networks: tuple[str, ...],
    user_header: str | None,
    scopes: tuple[str, ...],
) -> None:
    """Serve the pages: overview, retries, dead letters, playground, audit."""
    if user_header and not networks:
        raise click.UsageError("--user-header needs --trusted-proxy: anybody can send a header")
    try:
        proxy = TrustedProxy.of(networks, user_header=user_header, scopes=scopes)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--trusted-proxy") from None
    settings = WebSettings(host=host, proxy=proxy, allowed_hosts=frozenset(name.lower() for name in allowed_hosts))
    config, redis = context.config(), context.redis()
    if only_door and not settings.on_loopback and not _somebody_may_enqueue(redis, config):
        click.echo(
            f"{host} can be reached from elsewhere, and nobody could send anything. Make a token first: "
            "python -m worker tokens create --name NAME --scope enqueue; or set door.segment_secret.",
            err=True,
        )
        sys.exit(_EXIT_CONFIG)
    open_to_all = not settings.on_loopback and not (proxy and proxy.user_header) and not only_door
    if open_to_all and not _somebody_may_read(redis):
        click.echo(
            f"{host} can be reached from elsewhere, and nobody could sign in. Make a token first: "
            "python -m worker tokens create --name NAME --scope read; or name a sign-on proxy with "
            "--trusted-proxy and --user-header; or listen on 127.0.0.1.",
            err=True,
        )
        sys.exit(_EXIT_CONFIG)
    try:
        sentry.start()
        logs.start()
    except ValueError as error:
        print(error, file=sys.stderr)
        sys.exit(_EXIT_CONFIG)
    serve(config, redis, settings, port=_port() if port is None else port, door=door, only_door=only_door)


def _somebody_may_read(redis: Redis) -> bool:
    try:
        return AccessTokens(redis).exist("read", "operate", "reveal")
    except RedisError:
        # Nobody can be asked: then nobody may come in.
        return False


def _somebody_may_enqueue(redis: Redis, config: Config) -> bool:
    if any(destination.door.segment_secret for destination in config.destinations.values()):
        return True
    try:
        return AccessTokens(redis).exist("enqueue")
    except RedisError:
        return False


def _port() -> int:
    text = os.environ.get("PORT") or "8000"
    if not text.isdecimal() or int(text) > 65535:
        raise click.ClickException("PORT is no port")
    return int(text)
