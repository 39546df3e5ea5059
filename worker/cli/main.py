"""`python -m worker`: the list of commands."""

from __future__ import annotations

import click

from worker.cli.access_tokens import tokens
from worker.cli.audit import audit
from worker.cli.credentials import credentials
from worker.cli.dead_letters import dead_letters
from worker.cli.doctor import doctor
from worker.cli.event_sets import event_sets
from worker.cli.healthcheck import healthcheck
from worker.cli.pauses import pause, resume
from worker.cli.people import export_person, forget
from worker.cli.preview import preview
from worker.cli.reencrypt import reencrypt
from worker.cli.retries import retries
from worker.cli.sandbox import sandbox
from worker.cli.status import status, workers
from worker.cli.web import web


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def main() -> None:
    """Operate the workers that deliver events to TikTok.

    The workers themselves run with `celery -A worker worker`.
    """


for command in (
    doctor,
    healthcheck,
    status,
    workers,
    retries,
    preview,
    dead_letters,
    reencrypt,
    audit,
    forget,
    export_person,
    pause,
    resume,
    credentials,
    event_sets,
    tokens,
    sandbox,
    web,
):
    main.add_command(command)
