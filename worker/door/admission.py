"""Who sends this, and may they?"""

from __future__ import annotations

from dataclasses import dataclass

from werkzeug.datastructures import Headers

from schemas.suggestions import did_you_mean
from worker.access import AccessTokens
from worker.config import Config, Destination
from worker.door.problems import Refusal
from worker.door.signatures import is_signed


@dataclass(frozen=True, slots=True)
class Caller:
    """Who was let in. `signed`: by a signature, as a webhook that will not mend what is refused."""

    name: str
    identity: str
    signed: bool = False


def bearer(header: str | None) -> str | None:
    """Return the token of an `Authorization` header, "" for one that holds none, or None without a header."""
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def admit_token(tokens: AccessTokens, text: str, destination: str, config: Config) -> Caller:
    """Let in the bearer of a token. Raises Refusal."""
    access = tokens.verify(text)
    if access is None:
        raise Refusal("unauthorized", "the access token is none, has ended or was revoked")
    if not access.may_enqueue(destination):
        # Before anything is said of the destination: who may not send there learns nothing of it.
        raise Refusal("forbidden", "the token lacks the scope enqueue, or is for other destinations")
    find(destination, config)
    return Caller(access.name, access.token_id)


def admit_signature(raw: bytes, headers: Headers, destination: str, config: Config) -> Caller:
    """Let in a delivery that Segment signed. Raises Refusal."""
    found = config.destinations.get(destination)
    signature = headers.get("X-Signature")
    if signature is None:
        raise Refusal("unauthorized", "there is neither an access token nor an X-Signature")
    if found is None or not is_signed(raw, signature, found.door):
        raise Refusal("unauthorized", "the X-Signature does not fit (of batches see door.segment_batches)")
    return Caller("segment", "signature", signed=True)


def find(destination: str, config: Config) -> Destination:
    """Return a destination. Raises Refusal with a suggestion, to those who were let in."""
    found = config.destinations.get(destination)
    if found is None:
        raise Refusal("unknown_destination", "no such destination" + did_you_mean(destination, config.destinations))
    return found
