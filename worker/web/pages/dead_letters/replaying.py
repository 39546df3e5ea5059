"""Dead letters, putting back: one, those that were ticked, or all that match; planned, watched, cancelled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from celery.exceptions import CeleryError
from flask import abort, flash, redirect, render_template, request, url_for
from kombu.exceptions import KombuError

from worker.app import app as celery
from worker.calls import REPLAY_TASK
from worker.dead_letters import Changes, DeadLetter, Queries, Replayed, Tally, look, tally
from worker.keys import UNKNOWN, Keys
from worker.preparation import check
from worker.replay_jobs import Job, ReplayJobs
from worker.web.pages.dead_letters.blueprint import blueprint, keys_of
from worker.web.pages.dead_letters.selection import Selection, selection
from worker.web.security import requires
from worker.web.shell import record, shell
from worker.web.visitors import visitor

_SAMPLE = 100
_USUAL_RATE = 500.0
_MOST_RATE = 100_000.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What putting back would do: how many, and of those that were looked into, how many would die again of what."""

    tally: Tally
    looked_into: int
    refused: dict[str, int]


@blueprint.get("/replay")
@requires("operate")
def plan() -> str:
    """Show what would be put back, before it is."""
    chosen = selection(request.args)
    letters = chosen.letters() if chosen.ticked else _sample(chosen)
    return render_template(
        "letters/replay.html", chosen=chosen, plan=_plan(chosen, letters), usual_rate=int(_USUAL_RATE)
    )


@blueprint.post("/replay")
@requires("operate")
def replay() -> Any:
    """Put back what the plan showed: few at once, many as a job of the workers."""
    chosen = selection(request.form)
    forced = request.form.get("forced") == "yes"
    if chosen.ticked:
        _put_back(chosen.ticked, forced=forced)
        return redirect(url_for("dead_letters.index"), 303)
    started = _start(chosen, rate=_rate(), forced=forced)
    if not started:
        flash("Nothing matches: nothing was started.")
        return redirect(url_for("dead_letters.index"), 303)
    return redirect(url_for("dead_letters.jobs"), 303)


@blueprint.get("/jobs")
@requires("read")
def jobs() -> str:
    """Show the replay jobs, and how far each is."""
    return render_template("letters/jobs.html", jobs=_jobs())


@blueprint.get("/jobs/now")
@requires("read")
def jobs_now() -> str:
    """Show the table of the jobs alone: the page asks for it while one is running."""
    return render_template("letters/jobs_table.html", jobs=_jobs())


@blueprint.post("/jobs/<destination>/<job_id>/cancel")
@requires("operate")
def cancel(destination: str, job_id: str) -> Any:
    """Stop a job; what was put back stays so."""
    if ReplayJobs(shell().redis, keys_of(destination), owner="").cancel(job_id):
        record("cancel", destination=destination, details={"job": job_id})
        flash(f"{job_id} is cancelled. What was put back stays so.")
    else:
        flash(f"{job_id} is not running.")
    return redirect(url_for("dead_letters.jobs"), 303)


def _sample(chosen: Selection) -> list[DeadLetter]:
    found = look(shell().redis, chosen.filter, _with_a_place(chosen), size=_SAMPLE, seconds=0.05).letters
    refs: dict[str, list[str]] = {}
    for letter in found:
        refs.setdefault(letter.destination, []).append(letter.ref)
    whole = [Queries(shell().redis, Keys(name)).get_many(own) for name, own in refs.items()]
    return [letter for letters in whole for letter in letters if letter is not None]


def _with_a_place(chosen: Selection) -> list[str]:
    """Return the destinations to which something can be put back."""
    return [name for name in chosen.destinations if name != UNKNOWN]


def _plan(chosen: Selection, letters: Iterable[DeadLetter]) -> Plan:
    here = shell()
    refused: Counter[str] = Counter()
    looked_into = 0
    for letter in letters:
        settings = here.config.destinations.get(letter.destination)
        if settings is None:
            refused["unknown_destination"] += 1
        else:
            again = check(letter.envelope.payload, letter.envelope, settings, settings.mapper(), now=here.now())
            if again is not None:
                refused[again.reason] += 1
        looked_into += 1
    count = Tally(looked_into, True) if chosen.ticked else tally(here.redis, chosen.filter, _with_a_place(chosen))
    return Plan(count, looked_into, dict(refused.most_common()))


def _put_back(ticked: Iterable[tuple[str, str]], *, forced: bool) -> None:
    here = shell()
    told: Counter[str] = Counter()
    done: dict[str, list[str]] = {}
    for destination, ref in ticked:
        if destination == UNKNOWN:
            told["without a destination"] += 1
            continue
        became = Changes(here.redis, Keys(destination)).replay(ref, forced=forced)
        told["gone meanwhile" if became is Replayed.GONE else "replayed"] += 1
        if became is Replayed.REPLAYED:
            done.setdefault(destination, []).append(ref)
    for destination, refs in done.items():
        record("replay", destination=destination, details={"refs": refs, "forced": forced})
    flash(", ".join(f"{count} {what}" for what, count in told.items()) or "Nothing was ticked.")


def _start(chosen: Selection, *, rate: float, forced: bool) -> int:
    here = shell()
    started = 0
    for name in _with_a_place(chosen):
        planned = tally(here.redis, chosen.filter, [name]).count
        if not planned:
            continue
        owner = ReplayJobs(here.redis, Keys(name), owner="")
        job = owner.start(chosen.filter, planned=planned, rate=rate, forced=forced, by=visitor().name)
        details = {"job": job.id, "filter": chosen.described(), "planned": planned, "forced": forced}
        record("replay", destination=name, details=details)
        _wake(job)
        started += 1
    return started


def _wake(job: Job) -> None:
    try:
        celery.send_task(REPLAY_TASK, (job.destination, job.id))
    except (CeleryError, KombuError, OSError):
        flash("The broker does not answer: a worker finds the job by itself within a minute.")


def _rate() -> float:
    try:
        rate = float(request.form.get("rate") or _USUAL_RATE)
    except ValueError:
        abort(400, "A rate is a number.")
    if not 1 <= rate <= _MOST_RATE:
        abort(400, f"A rate is between 1 and {_MOST_RATE:,.0f} a second.")
    return rate


def _jobs() -> list[Job]:
    here = shell()
    names = list(here.config.destinations)
    pipe = here.redis.pipeline(transaction=False)
    for name in names:
        pipe.exists(Keys(name).jobs)
    having = [name for name, exists in zip(names, pipe.execute(), strict=True) if exists]
    found = [job for name in having for job in ReplayJobs(here.redis, Keys(name), owner="").all()]
    return sorted(found, key=lambda job: -job.started_at)[:100]
