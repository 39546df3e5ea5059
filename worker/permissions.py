"""Whether credentials and event sets work, and what a person has to do where they do not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from worker.config import Destination
from worker.errors import Outcome, Verdict
from worker.event_sets import KINDS, EventSets
from worker.management import Management, ManagementError

REPORT_SCOPE = "7224195155857866754"
OFFLINE_SCOPE = "7043626160646946818"
CRM_SCOPES = "7294180478502830081 and 7294180478502846465"

ADVICE: dict[int, str] = {
    40001: "the TikTok account that authorized must be Admin or Operator of the ad account (not Analyst), and "
    f"the app needs the scopes: report conversion events ({REPORT_SCOPE}), offline management ({OFFLINE_SCOPE}), for "
    f"CRM {CRM_SCOPES}",
    40002: "TikTok does not take the id in this form: look it up in Events Manager",
    40007: "there is no such event set or pixel: the id is wrong, or it was deleted",
    40102: "the token has ended: get a new one; a refreshing credential renews it by itself",
    40103: "the refresh token has ended: authorize again and put the new one in",
    40104: "no token arrived: look at the environment variable",
    40105: "the token is wrong or was revoked: get a new one in Events Manager or by authorizing again",
    40106: "the token is of another advertiser",
    40107: "the refresh token is wrong or was used already: authorize again and put the new one in. A long-term token "
    "cannot be refreshed: use kind static",
    40113: "the app is blocked or does not exist",
    40118: "TikTok has to put the app or the advertiser on its allow-list",
    40119: "app and advertiser belong to different companies at TikTok",
    40300: "there is no such advertiser: look at the advertiser id",
    40301: "the advertiser id does not fit the token",
}
"""Return code: what to do."""

_BY_OUTCOME = {
    Outcome.THROTTLED: "TikTok asks to wait: try again in a few minutes",
    Outcome.UNAVAILABLE: "TikTok did not answer as it should: try again, and look at the network and base_url",
    Outcome.UNAUTHORIZED: "the credential is not accepted: authorize again",
    Outcome.MISCONFIGURED: "look at base_url and the ids in the configuration",
}


def advice(verdict: Verdict) -> str:
    """Return what a person can do about an answer."""
    if verdict.code in ADVICE:
        return ADVICE[verdict.code]
    return _BY_OUTCOME.get(verdict.outcome, "see the code in TikTok's appendix of return codes")


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one credential or event set. `works` None: it could not be asked."""

    credential: str
    what: str
    works: bool | None
    detail: str
    advice: str = ""
    code: int | None = None
    request_id: str | None = None


def check_token(credential: str, api: Management) -> Finding:
    """Ask TikTok whose token it is, which renews one that has ended."""
    try:
        api.get("user/info/", {})
    except ManagementError as error:
        finding = _refused(credential, "token", error.verdict)
        if error.verdict.code == 40001:
            # Tokens that Events Manager gives may send events and nothing else.
            return Finding(
                credential, "token", None, "is genuine, but may not read its own user", finding.advice, 40001
            )
        return finding
    return Finding(credential, "token", True, "TikTok accepts it")


def check_event_source(credential: str, destination: Destination, api: Management, advertiser: str | None) -> Finding:
    """Ask TikTok whether the event set of a destination is there and may be seen."""
    kind, event_set_id = destination.mapping.event_source, destination.mapping.event_source_id
    what = f"{destination.name}: {kind} {event_set_id}"
    wanted = destination.event_set
    if wanted is not None:
        what = f"{destination.name}: {kind} event set by name"
    if kind not in KINDS:
        return Finding(credential, what, None, f"TikTok has no public way to ask for {kind}", "send a test event")
    if "{{" in event_set_id:
        return Finding(credential, what, None, "each event names its own")
    owner = advertiser or (wanted.advertiser_id if wanted else None)
    if owner is None:
        return Finding(credential, what, None, "needs the advertiser's id", "add --advertiser ID")
    sets = EventSets(api, owner, kind)
    try:
        found = sets.list(name=wanted.name) if wanted else sets.list(event_set_id=event_set_id)
    except ManagementError as error:
        return _refused(credential, what, error.verdict)
    if wanted is not None:
        known = any(each.name == wanted.name for each in found)
        return Finding(credential, what, True, "is there" if known else "is not there yet; workers make it at start")
    if any(each.event_set_id == event_set_id for each in found):
        return Finding(credential, what, True, "is there")
    return Finding(credential, what, False, "is not among this advertiser's", ADVICE[40007])


def _refused(credential: str, what: str, verdict: Verdict) -> Finding:
    works = None if verdict.outcome in (Outcome.THROTTLED, Outcome.UNAVAILABLE) else False
    return Finding(credential, what, works, verdict.message, advice(verdict), verdict.code, verdict.request_id)


def check_all(
    credential: str, destinations: list[Destination], apis: dict[str, Management], advertiser: str | None
) -> Iterator[Finding]:
    """Yield what is found of a credential: its token at each base URL of `apis`, then its destinations."""
    works: dict[str, bool | None] = {}
    for base_url, api in apis.items():
        finding = check_token(credential, api)
        works[base_url] = finding.works
        yield finding
    for destination in destinations:
        if destination.order_sync:
            # Its token may be one of another TikTok API, which would not know it.
            yield Finding(credential, f"{destination.name}: orders", None, "the endpoint has no public way to ask")
        elif works[destination.base_url] is not False:
            yield check_event_source(credential, destination, apis[destination.base_url], advertiser)
