"""`dead-letters replay`, `jobs` and `cancel`."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections import Counter
from contextlib import nullcontext
from dataclasses import asdict
from typing import Any

import click
from redis import Redis
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from worker import audit
from worker.calls import REPLAY_TASK
from worker.cli import context
from worker.cli.dead_letters.selection import everything, filters, find, sentence, wanted
from worker.cli.output import console, print_json, print_table, when
from worker.config import Config
from worker.dead_letters import Changes, Replayed
from worker.keys import UNKNOWN, Keys
from worker.replay_jobs import Expired, Job, Plan, ReplayJobs, expiry, plan


@click.command()
@click.argument("refs", nargs=-1, metavar="[REF]...")
@filters
@everything
@click.option("--force", is_flag=True, help="Send even what the ledger knows as delivered.")
@click.option("--rate", type=click.FloatRange(1), default=500.0, show_default=True, help="Dead letters a second.")
@click.option("--detach", is_flag=True, help="Leave the job to the workers and return at once.")
@context.dry_run
@context.yes
@context.as_json
@context.redis_errors
def replay(refs: tuple[str, ...], *, as_json: bool, dry_run: bool, yes: bool, **options: Any) -> None:
    """Put dead letters back: the REFs, those that match the filter, or --all.

    Each goes back atomically and is never in both places or in none. Its attempts start anew. Many go back as a
    job: at a rate, into a stream that is served last; it can be watched (`jobs`), cancelled, and is resumed by a
    worker if this command dies. Events that are too old by now stay where they are.
    """
    redis = context.redis()
    if refs:
        _one_by_one(redis, refs, options, dry_run=dry_run, as_json=as_json)
        return
    chosen = wanted(options)
    if not options["everything"] and not chosen.describe():
        raise click.ClickException("say which: REFs, a filter such as --reason, or --all")
    config = context.config()
    plans: list[tuple[Keys, Expired, Plan]] = []
    for keys in context.keys_of(options["destination"]):
        # Nothing can be put back where no destination is: those are replayed by hand, into one that exists.
        if keys.destination != UNKNOWN:
            expired = _expired(config, keys)
            plans.append((keys, expired, plan(redis, keys, chosen, expired)))
    total = sum(each.dead_letters for _, _, each in plans)
    reasons: Counter[str] = Counter()
    for _, _, each in plans:
        reasons.update(each.by_reason)
    if dry_run:
        _show_plans(plans, as_json=as_json)
        return
    context.confirm(sentence("will be replayed", total, reasons) + ". Go on?", yes=yes)
    jobs_done = []
    for keys, expired, each in plans:
        if each.dead_letters:
            jobs = ReplayJobs(redis, keys, owner=f"command:{socket.gethostname()}:{os.getpid()}")
            job = jobs.start(
                chosen,
                planned=each.dead_letters,
                rate=options["rate"],
                forced=options["force"],
                by=audit.who(),
            )
            details = {"job": job.id, "filter": chosen.describe(), "planned": job.planned, "forced": job.forced}
            audit.record(redis, "replay", destination=keys.destination, details=details)
            if options["detach"]:
                from worker.app import app  # Celery takes half a second to load, and nothing else here needs it

                app.send_task(REPLAY_TASK, (keys.destination, job.id))
            else:
                job = _follow(jobs, job, expired)
            jobs_done.append(job)
    _tell(jobs_done, as_json=as_json)


def _one_by_one(redis: Redis, refs: tuple[str, ...], options: dict[str, Any], *, dry_run: bool, as_json: bool) -> None:
    found = [find(redis, ref, options["destination"]) for ref in refs]
    reasons = Counter(letter.reason for _, letter in found)
    if dry_run:
        told = {"dead_letters": len(found), "by_reason": dict(reasons)}
        print_json(told) if as_json else click.echo(sentence("would be replayed", len(found), reasons))
        return
    if any(keys.destination == UNKNOWN for keys, _ in found):
        raise click.ClickException("its destination is unknown: first `dead-letters move` it --to one that exists")
    results: Counter[str] = Counter()
    for keys, letter in found:
        results[Changes(redis, keys).replay(letter.ref, forced=options["force"]).value] += 1
        details = {"ref": letter.ref, "forced": options["force"]}
        audit.record(redis, "replay", destination=keys.destination, details=details)
    if as_json:
        print_json({each.value: results[each.value] for each in Replayed})
    else:
        click.echo(f"{results['replayed']} replayed, {results['gone']} gone meanwhile")


def _expired(config: Config, keys: Keys) -> Expired:
    settings = config.destinations[keys.destination]
    return expiry(settings, settings.mapper())


def _show_plans(plans: list[tuple[Keys, Expired, Plan]], *, as_json: bool) -> None:
    if as_json:
        print_json([{"destination": keys.destination, **asdict(each)} for keys, _, each in plans])
        return
    # Of two hundred destinations those are told that have some.
    plans = [plan for plan in plans if plan[2].dead_letters or plan[2].expired_now]
    if not plans:
        click.echo("nothing matches: 0 would be replayed")
        return
    for keys, _, each in plans:
        click.echo(f"{keys.destination}: {sentence('would be replayed', each.dead_letters, each.by_reason)}")
    rows = [
        (keys.destination, by, name, count)
        for keys, _, each in plans
        for by, counts in (("reason", each.by_reason), ("event", each.by_event), ("age", each.by_age))
        for name, count in sorted(counts.items(), key=lambda item: -item[1])
    ]
    rows += [(keys.destination, "", "too old by now, would stay", each.expired_now) for keys, _, each in plans]
    print_table(("destination", "by", "", "dead letters"), rows)


_PROGRESS = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TextColumn("{task.fields[too_old]} too old"),
    TimeRemainingColumn(),
)


def _follow(jobs: ReplayJobs, job: Job, expired: Expired) -> Job:
    """Run a job here, with a progress bar on a terminal."""
    bar = Progress(*_PROGRESS, console=console()) if sys.stdout.isatty() else nullcontext()
    with bar as progress:
        task = progress.add_task(job.destination, total=job.planned, too_old=0) if progress is not None else None
        for now in jobs.run(job.id, expired):
            job = now
            if progress is not None and task is not None:
                progress.update(task, completed=now.replayed + now.expired, too_old=now.expired)
    return job


def _tell(done: list[Job], *, as_json: bool) -> None:
    if as_json:
        print_json([_told(job) for job in done])
        return
    for job in done:
        click.echo(f"{job.destination}: job {job.id} {job.state}: {job.replayed} replayed, {job.expired} too old")
    if not done:
        click.echo("nothing to replay")


def _told(job: Job) -> dict[str, Any]:
    found = {name: value for name, value in asdict(job).items() if name != "place"}
    return {**found, "filter": job.filter.describe(), "started_at": when(job.started_at)}


@click.command()
@click.option("--destination", "-d", help="Of this destination; default: all.")
@context.limit
@context.as_json
@context.redis_errors
def jobs(*, destination: str | None, limit: int, as_json: bool) -> None:
    """List replay jobs, newest first: filter, progress, who started them."""
    redis = context.redis()
    found = [job for keys in context.keys_of(destination) for job in ReplayJobs(redis, keys, owner="").all()]
    found = sorted(found, key=lambda job: -job.started_at)[:limit]
    if as_json:
        print_json([_told(job) for job in found])
        return
    print_table(
        ("job", "destination", "state", "planned", "replayed", "too old", "a second", "started", "by"),
        [
            (
                job.id,
                job.destination,
                job.state,
                job.planned,
                job.replayed,
                job.expired,
                f"{job.rate:g}",
                when(job.started_at),
                job.by,
            )
            for job in found
        ],
    )


@click.command()
@click.argument("job_id", metavar="JOB")
@context.redis_errors
def cancel(job_id: str) -> None:
    """Stop a replay JOB. What was put back stays so; the rest stays a dead letter."""
    redis = context.redis()
    for keys in context.keys_of(None):
        if ReplayJobs(redis, keys, owner="").cancel(job_id):
            audit.record(redis, "cancel", destination=keys.destination, details={"job": job_id})
            click.echo(f"{job_id}: cancelled at {time.strftime('%H:%M:%S')}")
            return
    raise click.ClickException("there is no such running job")
