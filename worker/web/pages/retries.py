"""Retries: what is tried again when, why it failed; try it now, or give it up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for

from worker import retries as schedule
from worker.keys import Keys
from worker.paging import place
from worker.retries import Retries
from worker.web.pages.dead_letters.blueprint import keys_of
from worker.web.pages.dead_letters.selection import ticked
from worker.web.security import local_path, requires
from worker.web.shell import record, shell

blueprint = Blueprint("retries", __name__, url_prefix="/retries")

_ROWS = 50


@blueprint.get("")
@requires("read")
def index() -> str:
    """Show a page of the schedule, the next one first."""
    here, wanted = shell(), request.args.get("destination", "")
    counts = schedule.count(here.redis, list(here.config.destinations))
    names = [keys_of(wanted).destination] if wanted else list(counts)
    start = place(request.args.get("behind", ""))
    page = schedule.page(here.redis, names, start=start, sooner=request.args.get("towards") == "now", size=_ROWS)
    fields: dict[str, Any] = {"destination": wanted} if wanted else {}
    return render_template(
        "retries.html",
        page=page,
        counts=counts,
        wanted=wanted,
        now=here.now(),
        total=sum(counts.get(name, 0) for name in names),
        sooner=url_for("retries.index", behind=page.sooner.text(), towards="now", **fields) if page.sooner else None,
        later=url_for("retries.index", behind=page.later.text(), **fields) if page.later else None,
        first=url_for("retries.index", **fields) if start else None,
    )


@blueprint.post("/now")
@requires("operate")
def now() -> Any:
    """Try those that were ticked as soon as a worker is free."""
    moved = 0
    for name, refs in _by_destination(ticked(request.form)).items():
        changed = Retries(shell().redis, Keys(name)).now(refs)
        record("retry now", destination=name, details={"refs": refs, "count": changed})
        moved += changed
    flash(f"{moved} will be tried now.")
    return redirect(_back(), 303)


@blueprint.post("/all-now")
@requires("operate")
def all_now() -> Any:
    """Try all of them as soon as workers are free."""
    here, wanted = shell(), request.form.get("destination", "")
    names = [keys_of(wanted).destination] if wanted else list(here.config.destinations)
    moved = 0
    for name in schedule.count(here.redis, names):
        changed = Retries(here.redis, Keys(name)).all_now()
        record("retry now", destination=name, details={"all": True, "count": changed})
        moved += changed
    flash(f"{moved} will be tried now.")
    return redirect(_back(), 303)


@blueprint.post("/give-up")
@requires("operate")
def give_up() -> Any:
    """Make those that were ticked dead letters, with their history."""
    here = shell()
    buried = total = 0
    for name, refs in _by_destination(ticked(request.form)).items():
        own = Retries(here.redis, Keys(name))
        done = [ref for ref in refs if own.bury(ref, settings=here.config.destinations.get(name), now=here.now())]
        if done:
            record("give up", destination=name, details={"refs": done})
        buried, total = buried + len(done), total + len(refs)
    stayed = f"; {total - buried} were being tried, or gone, and are left as they are" if buried < total else ""
    flash(f"{buried} became dead letters{stayed}.")
    return redirect(_back(), 303)


def _by_destination(chosen: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    refs: dict[str, list[str]] = {}
    for name, ref in chosen:
        refs.setdefault(name, []).append(ref)
    return refs


def _back() -> str:
    return local_path(request.form.get("next") or url_for("retries.index"))
