"""What does a fault do to the answer?"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from worker.sandbox.faults import Action, Hit, Step
from worker.sandbox.limits import throttled
from worker.sandbox.reply import Reply, envelope, html, nothing
from worker.sandbox.settings import Settings

# These stand in for the handling: nothing is stored. The others change the answer to a request that was
# handled.
REFUSING: Final[frozenset[Action]] = frozenset({"code", "http", "throttle", "reset", "not_json", "hang", "redirect"})

Wrap = Callable[..., Reply]


def refuse(hit: Hit, settings: Settings, *, place: str = "", wrap: Wrap = envelope) -> Reply:
    """Returns the answer of a refusing step; ``place`` is the path of the first event it is about."""
    step = hit.step
    if step.action == "throttle":
        return throttled(settings)
    if step.action == "http":
        return html(step.http_status or 502) if step.html is None else html(step.http_status or 502, step.html)
    if step.action == "not_json":
        return html(step.http_status or 200) if step.html is None else html(step.http_status or 200, step.html)
    if step.action == "redirect":
        headers = (("Location", step.location),)
        return replace(html(step.http_status or 302, ""), headers=headers)
    if step.action == "hang":
        return replace(nothing("silent"), delay_seconds=step.seconds)
    if step.action == "reset":
        return nothing("reset")
    return _code(step, hit.indices, place, wrap)


def _code(step: Step, indices: tuple[int, ...], place: str, wrap: Wrap) -> Reply:
    message = step.message
    if message is None:
        message = f"Invalid value for {place}event: refused by the script." if indices else "Refused by the script."
    message = message.replace("{index}", str(indices[0] if indices else 0))
    code = step.code if step.code is not None else (40002 if indices else 50000)
    return wrap(code, message, step.data, status=step.http_status or 200)


def alter(hit: Hit, reply: Reply, *, wrap: Wrap = envelope) -> Reply:
    """Returns what the client gets of ``reply`` to a request that was handled."""
    step = hit.step
    if step.action == "slow":
        return replace(reply, delay_seconds=reply.delay_seconds + step.seconds)
    if step.action == "accept_then_reset":
        return replace(reply, ending="reset")
    if step.action == "truncate":
        return reply.cut(close=step.close)
    if reply.code != 0:
        return reply  # partial: a refused request has no part that passed
    message = "Partially successful" if step.message is None else step.message
    return wrap(20001, message, step.data, status=step.http_status or 200)


def spared(hit: Hit | None) -> tuple[int, ...]:
    """Returns the places of the events that are not stored: those that a partial step is about."""
    return hit.indices if hit is not None and hit.step.action == "partial" else ()
