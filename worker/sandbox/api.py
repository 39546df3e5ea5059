"""How does TikTok answer one request that nothing disturbs? (reference 0 to 3, 5, 7)

The order of the checks: route, token, limits, JSON, root of the body, right on the event source, every event.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from worker.sandbox import actions, offline, orders, track
from worker.sandbox.complaints import MISSING, index_prefix
from worker.sandbox.faults import API_ROOT
from worker.sandbox.limits import throttled
from worker.sandbox.oauth import ADVERTISER_IDS
from worker.sandbox.reply import Refusal, Reply, envelope, error_envelope, text
from worker.sandbox.request import Head, json_object
from worker.sandbox.settings import Settings
from worker.sandbox.state import State
from worker.sandbox.store import Intake

NOT_FOUND: Final = "404 page not found"
_FIRST_AUTH_CODE: Final = 40101
_LAST_AUTH_CODE: Final = 40116


@dataclass(frozen=True, slots=True)
class Call:
    """One request on its way through the checks."""

    number: int
    head: Head
    body: bytes
    settings: Settings


@dataclass(frozen=True, slots=True)
class Route:
    """Who answers a path; ``token`` is False where a token is what one comes for."""

    method: str
    answer: Callable[[Call], Reply]
    token: bool = True


class Api:
    """The endpoints over one state."""

    def __init__(self, state: State) -> None:
        self._state = state
        sets, oauth = state.event_sets, state.oauth
        self._routes = {
            "event/track/": Route("POST", self._track),
            "offline/track/": Route("POST", partial(self._offline, batch=False)),
            "offline/batch/": Route("POST", partial(self._offline, batch=True)),
            "offline/create/": Route("POST", self._with_body(partial(sets.create, "offline"))),
            "offline/update/": Route("POST", self._with_body(sets.update)),
            "offline/delete/": Route("POST", self._with_body(sets.delete)),
            "offline/get/": Route("GET", partial(self._listing, "offline", "event_set_list")),
            "crm/list/": Route("GET", partial(self._listing, "crm", "crm_event_sets")),
            "crm/create/": Route("POST", self._with_body(partial(sets.create, "crm"))),
            "user/info/": Route("GET", self._user_info),
            "oauth2/access_token/": Route("POST", self._with_body(oauth.grant), token=False),
            "tt_user/oauth2/refresh_token/": Route("POST", self._with_body(oauth.renew), token=False),
            "oauth2/advertiser/get/": Route("GET", self._advertisers),
        }

    def wrap(self, path: str) -> Callable[..., Reply]:
        """Returns the envelope in which ``path`` answers."""
        settings = self._state.settings
        if path == settings.order_sync_path and settings.order_sync_envelope == "error.code":
            return error_envelope
        return envelope

    def answer(self, number: int, head: Head, body: bytes) -> Reply:
        """Returns the answer to request ``number``."""
        settings = self._state.settings
        route = self._route(head.path, settings)
        if route is None:
            return text(404, NOT_FOUND)
        if head.method != route.method:
            return text(405, "405 method not allowed")
        try:
            if route.token:
                self._state.tokens.check(_token(head, settings))
            if not self._state.limits.allows(head.token, head.path, settings, at=self._state.clock()):
                return throttled(settings)
            return route.answer(Call(number, head, body, settings))
        except Refusal as refusal:
            is_auth = _FIRST_AUTH_CODE <= refusal.code <= _LAST_AUTH_CODE
            status = settings.auth_http_status if is_auth else settings.refusal_http_status
            return self.wrap(head.path)(refusal.code, refusal.message, {}, status=status)

    def _route(self, path: str, settings: Settings) -> Route | None:
        if path == settings.order_sync_path:
            return Route("POST", self._order)
        return self._routes.get(path.removeprefix(API_ROOT)) if path.startswith(API_ROOT) else None

    def _track(self, call: Call) -> Reply:
        body = json_object(call.head, call.body)
        self._check_source(call, track.check_root(body, call.settings))
        return self._take(call, track.check_events(body, call.body, call.head.path, call.settings))

    def _offline(self, call: Call, *, batch: bool) -> Reply:
        body = json_object(call.head, call.body)
        self._check_source(call, offline.check_root(body, call.settings, batch=batch))
        return self._take(call, offline.check_events(body, call.body, call.head.path, call.settings, batch=batch))

    def _order(self, call: Call) -> Reply:
        body = json_object(call.head, call.body)
        return self._take(call, orders.check_order(body, call.body, call.head.path, call.settings))

    def _check_source(self, call: Call, source_id: str) -> None:
        existing = call.settings.event_source_ids
        if existing is not None and source_id not in existing and not self._state.event_sets.exists(source_id):
            raise Refusal(40007, "The event source does not exist.")
        self._state.tokens.check_source(call.head.token, source_id)

    def _take(self, call: Call, intake: Intake) -> Reply:
        path, wrap = call.head.path, self.wrap(call.head.path)
        hit = self._state.faults.on_events(path, intake.keys)
        if hit is not None and hit.step.action in actions.REFUSING:
            member, count = intake.member, len(intake.keys)
            place = (
                ""
                if member is None
                else index_prefix(call.settings.index_form, hit.indices[0], count=count, member=member)
            )
            return actions.refuse(hit, call.settings, place=place, wrap=wrap)
        self._state.store.accept(call.number, intake, at=self._state.clock(), left_out=actions.spared(hit))
        reply = wrap(0, "OK", {})
        return reply if hit is None else actions.alter(hit, reply, wrap=wrap)

    def _with_body(self, answer: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Call], Reply]:
        return lambda call: envelope(0, "OK", answer(json_object(call.head, call.body)))

    def _listing(self, kind: str, member: str, call: Call) -> Reply:
        return envelope(0, "OK", {member: self._state.event_sets.listing(kind, call.head.query)})

    def _user_info(self, _call: Call) -> Reply:
        return envelope(0, "OK", {"core_user_id": "7000000000000000000", "display_name": "Sandbox"})

    def _advertisers(self, call: Call) -> Reply:
        for name in ("app_id", "secret"):
            if not call.head.query.get(name):
                raise track.refuse(MISSING.under(name))
        advertisers = [
            {"advertiser_id": advertiser_id, "advertiser_name": f"Sandbox {position}"}
            for position, advertiser_id in enumerate(ADVERTISER_IDS, start=1)
        ]
        return envelope(0, "OK", {"list": advertisers})


def _token(head: Head, settings: Settings) -> str:
    """Returns the token; the order endpoint, whose header is not public, takes a bearer too."""
    if not head.token and head.path == settings.order_sync_path:
        kind, _, token = head.headers.get("authorization", "").partition(" ")
        return token.strip() if kind.lower() == "bearer" else ""
    return head.token
