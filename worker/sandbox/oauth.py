"""How are tokens handed out and renewed? (reference 3.1, 3.2)"""

import threading
import uuid
from collections.abc import Callable
from typing import Any, Final

from worker.sandbox import rules
from worker.sandbox.reply import Refusal
from worker.sandbox.rules import object_of
from worker.sandbox.tokens import Tokens
from worker.sandbox.track import refuse

ADVERTISER_IDS: Final = ("7000000000000000001", "7000000000000000002")
# Report conversion events, and manage offline events.
_SCOPE: Final = (7224195155857866754, 7043626160646946818)
_ACCESS_SECONDS: Final = 86_400
_REFRESH_SECONDS: Final = 31_536_000

_text = rules.filled_string
_GRANT: Final = object_of({"app_id": _text, "secret": _text, "auth_code": _text}, "app_id", "secret", "auth_code")
_RENEWAL: Final = object_of(
    {"client_id": _text, "client_secret": _text, "grant_type": _text, "refresh_token": _text},
    "client_id",
    "client_secret",
    "grant_type",
    "refresh_token",
)


class OAuth:
    """Hands out tokens against any code or refresh token, each of which works once; safe for threads."""

    def __init__(self, tokens: Tokens, clock: Callable[[], float]) -> None:
        self._tokens = tokens
        self._clock = clock
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Forgets which codes and refresh tokens were used."""
        with self._lock:
            self._used: set[tuple[str, str]] = set()
            self._refresh_expires_at: dict[str, float] = {}

    def grant(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answers oauth2/access_token/: a token that never expires; raises Refusal 40110 for a used code."""
        complaint = _GRANT(body)
        if complaint is not None:
            raise refuse(complaint)
        self._use("auth_code", body["auth_code"], Refusal(40110, "Auth_code is expired, used or cancelled."))
        token = _new_token("sandbox-long-term")
        self._tokens.issue(token, expires_at=None)
        return {"access_token": token, "advertiser_ids": list(ADVERTISER_IDS), "scope": list(_SCOPE)}

    def renew(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answers tt_user/oauth2/refresh_token/: a token for a day, and the next refresh token.

        Raises Refusal 40108 for another grant type, 40107 for a used refresh token or one that is an access
        token (long-term tokens have no refresh), 40103 for one that is older than a year.
        """
        complaint = _RENEWAL(body)
        if complaint is not None:
            raise refuse(complaint)
        if body["grant_type"] != "refresh_token":
            raise Refusal(40108, "The grant_type is not supported.")
        given, now = body["refresh_token"], self._clock()
        invalid = Refusal(40107, "Refresh token is invalid.")
        if self._tokens.known(given):
            raise invalid
        with self._lock:
            expires_at = self._refresh_expires_at.get(given)
        if expires_at is not None and now >= expires_at:
            raise Refusal(40103, "Refresh token has expired.")
        self._use("refresh_token", given, invalid)
        access, following = _new_token("sandbox-access"), _new_token("sandbox-refresh")
        self._tokens.issue(access, expires_at=now + _ACCESS_SECONDS)
        with self._lock:
            self._refresh_expires_at[following] = now + _REFRESH_SECONDS
        return {
            "open_id": "sandbox-user",
            "access_token": access,
            "refresh_token": following,
            "expires_in": _ACCESS_SECONDS,
            "refresh_token_expires_in": _REFRESH_SECONDS,
            "scope": "user.info.basic",
            "token_type": "Bearer",
        }

    def _use(self, kind: str, value: str, used: Refusal) -> None:
        with self._lock:
            if (kind, value) in self._used:
                raise used
            self._used.add((kind, value))


def _new_token(kind: str) -> str:
    return f"{kind}-{uuid.uuid4().hex}"
