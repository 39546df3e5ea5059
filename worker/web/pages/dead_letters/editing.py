"""Dead letters, mending one: checked as it is typed, compared with the original, kept beside it."""

from __future__ import annotations

import hmac
from dataclasses import replace
from typing import Any

import orjson
from flask import abort, current_app, flash, redirect, render_template, request, url_for

from worker.config import Destination
from worker.dead_letters import Changes, DeadLetter, Queries
from worker.keys import Keys
from worker.mending import MendingError, for_an_editor, mended
from worker.people import index_of
from worker.preparation import check
from worker.web.pages.dead_letters.blueprint import blueprint, letter_of
from worker.web.pages.dead_letters.showing import compare, shown
from worker.web.security import requires
from worker.web.shell import record, shell
from worker.web.visitors import visitor


@blueprint.get("/<destination>/<ref>/edit")
@requires("operate")
def edit(destination: str, ref: str) -> str:
    """Show the form that sets single places: nothing is seen that is not to be seen."""
    letter = letter_of(destination, ref)
    _settings(letter)
    return _form(letter, "", clear=False, verdict=_judged(letter, letter.envelope.payload, None, clear=False))


@blueprint.post("/<destination>/<ref>/edit/clear")
@requires("reveal")
def edit_in_clear(destination: str, ref: str) -> str:
    """Show the whole event in an editor, which the audit remembers."""
    if not visitor().may("operate"):
        abort(403, "You have not the scope operate.")
    letter = letter_of(destination, ref)
    _settings(letter)
    record("reveal", destination=destination, details={"ref": ref, "for": "editing"})
    payload = letter.envelope.payload
    try:
        text = for_an_editor(orjson.loads(payload))
    except (orjson.JSONDecodeError, RecursionError):
        text = payload.decode("utf-8", "replace")
    return _form(letter, text, clear=True, verdict=_judged(letter, payload, None, clear=True))


@blueprint.post("/<destination>/<ref>/check")
@requires("operate")
def check_edit(destination: str, ref: str) -> str:
    """Say what would become of the event as it stands in the form: a part of the page."""
    letter = letter_of(destination, ref)
    clear = _is_clear(letter)
    payload, fault = _mended(letter)
    return render_template("letters/verdict.html", verdict=_judged(letter, payload, fault, clear=clear))


@blueprint.post("/<destination>/<ref>/edit")
@requires("operate")
def save(destination: str, ref: str) -> Any:
    """Keep the mended event beside its original. One that would be refused again is not taken."""
    letter, here = letter_of(destination, ref), shell()
    settings = _settings(letter)
    payload, fault = _mended(letter)
    refused = fault or check(payload, letter.envelope, settings, settings.mapper(), now=here.now())
    if refused:
        clear = _is_clear(letter)
        verdict = _judged(letter, payload, fault, clear=clear)
        text = request.form.get("event" if "event" in request.form else "settings", "")
        return _form(letter, text, clear=clear, verdict=verdict), 422
    if not Changes(here.redis, Keys(destination)).edit(ref, payload):
        abort(404, "It was replayed or discarded meanwhile.")
    index_of(here.redis, destination, settings).note([replace(letter.envelope, payload=payload)])
    record("edit", destination=destination, details={"ref": ref})
    flash("Mended. Replay sends the mended event.")
    return redirect(url_for("dead_letters.show", destination=destination, ref=ref), 303)


def _form(letter: DeadLetter, text: str, *, clear: bool, verdict: dict[str, Any]) -> str:
    return render_template(
        "letters/edit.html",
        letter=letter,
        text=text,
        clear=clear,
        opened=_seal(letter) if clear else "",
        verdict=verdict,
    )


def _mended(letter: DeadLetter) -> tuple[bytes, str | None]:
    """Return the event as the form has it, and what keeps it from being read."""
    try:
        if "event" in request.form:
            return orjson.dumps(orjson.loads(request.form["event"])), None
        return orjson.dumps(mended(letter.envelope.payload, request.form.get("settings", ""))), None
    except orjson.JSONDecodeError as error:
        if "event" in request.form:
            return letter.envelope.payload, f"is not JSON at line {error.lineno}, column {error.colno}"
        return letter.envelope.payload, "the event is not JSON: it has no places to set"
    except (orjson.JSONEncodeError, RecursionError):
        return letter.envelope.payload, "is nested too deep, or holds what JSON has no form for"
    except MendingError as error:
        return letter.envelope.payload, str(error)


def _judged(letter: DeadLetter, payload: bytes, fault: str | None, *, clear: bool) -> dict[str, Any]:
    settings, here = _settings(letter), shell()
    refusal = None if fault else check(payload, letter.envelope, settings, settings.mapper(), now=here.now())
    original = Queries(here.redis, Keys(letter.destination)).original(letter.ref) or letter.envelope.payload
    return {
        "fault": fault,
        "refusal": refusal,
        "event": shown(payload, refusal.faults if refusal else (), clear=clear),
        "comparison": compare(original, payload, clear=clear),
    }


def _settings(letter: DeadLetter) -> Destination:
    settings = shell().config.destinations.get(letter.destination)
    if settings is None:
        abort(409, "Its destination is not in the configuration: there is nothing to check the event against.")
    if letter.envelope.locked is not None:
        abort(409, f"Its event {letter.envelope.locked}.")
    return settings


def _seal(letter: DeadLetter) -> str:
    """Return what proves that the event was opened in clear by this visitor, and so stands in the audit."""
    secret = current_app.secret_key
    assert isinstance(secret, bytes)  # noqa: S101 # made in app.py
    told = "\n".join((visitor().name, letter.destination, letter.ref))
    return hmac.new(secret, told.encode(), "sha256").hexdigest()


def _is_clear(letter: DeadLetter) -> bool:
    given = request.form.get("opened", "")
    return visitor().may("reveal") and hmac.compare_digest(given.encode(), _seal(letter).encode())
