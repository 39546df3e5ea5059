"""`credentials check`: does every credential and event set work, and what is to be done if not."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from worker.cli import context
from worker.cli.access import base_urls
from worker.cli.output import print_json, print_table
from worker.permissions import Finding, check_all
from worker.runtime import Runtime


@click.group()
def credentials() -> None:
    """See whether TikTok accepts the configured credentials."""


@credentials.command()
@click.option("--advertiser", help="The advertiser's id, without which most event sets cannot be asked for.")
@context.as_json
@context.redis_errors
def check(*, advertiser: str | None, as_json: bool) -> None:
    """Ask TikTok about every credential and event set; nothing is sent. Exit 1 if one does not work.

    A refreshing credential whose token has ended is renewed by this, and the new one kept.
    """
    config = context.config()
    here = Runtime(config, connect=context.redis)
    found: list[Finding] = []
    for name, credential in config.credentials.items():
        destinations = [each for each in config.destinations.values() if each.credentials.name == name]
        for_orders_alone = bool(destinations) and all(each.order_sync for each in destinations)
        addresses = [] if for_orders_alone else base_urls(config, credential)
        apis = {address: here.management(credential, address) for address in addresses}
        found += check_all(name, destinations, apis, advertiser)
    if as_json:
        print_json([asdict(finding) for finding in found])
    else:
        words = {True: "works", False: "DOES NOT WORK", None: "not known"}
        print_table(
            ("credential", "what", "", "found", "what to do"),
            [(f.credential, f.what, words[f.works], f.detail, f.advice) for f in found],
        )
    if any(finding.works is False for finding in found):
        sys.exit(1)
