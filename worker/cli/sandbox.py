"""`sandbox`: a TikTok to develop against."""

from __future__ import annotations

from pathlib import Path

import click

from worker.sandbox import serve


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=int, default=8900, show_default=True, help="0 picks a free one.")
@click.option(
    "--script",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Faults to play, TOML or JSON.",
)
def sandbox(host: str, port: int, script: Path | None) -> None:
    """Run a stand-in for TikTok that speaks the documented contract strictly.

    Set a destination's base_url to http://127.0.0.1:8900/open_api/v1.3/ to use it. What arrived is at
    /_sandbox/events, counts at /_sandbox/stats.
    """
    serve(host, port, script)
