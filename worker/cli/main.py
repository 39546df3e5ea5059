"""`python -m worker`: the list of commands."""

from __future__ import annotations

import click

from worker.cli.lazy import LazyGroup

_PLACES = {
    "doctor": "worker.cli.doctor:doctor",
    "healthcheck": "worker.cli.healthcheck:healthcheck",
    "status": "worker.cli.status:status",
    "workers": "worker.cli.status:workers",
    "retries": "worker.cli.retries:retries",
    "preview": "worker.cli.preview:preview",
    "dead-letters": "worker.cli.dead_letters:dead_letters",
    "reencrypt": "worker.cli.reencrypt:reencrypt",
    "audit": "worker.cli.audit:audit",
    "forget": "worker.cli.people:forget",
    "export-person": "worker.cli.people:export_person",
    "pause": "worker.cli.pauses:pause",
    "resume": "worker.cli.pauses:resume",
    "credentials": "worker.cli.credentials:credentials",
    "event-sets": "worker.cli.event_sets:event_sets",
    "tokens": "worker.cli.access_tokens:tokens",
    "sandbox": "worker.cli.sandbox:sandbox",
    "web": "worker.cli.web:web",
}


@click.group(
    cls=LazyGroup,
    places=_PLACES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
def main() -> None:
    """Operate the workers that deliver events to TikTok.

    The workers themselves run with `celery -A worker worker`.
    """
