"""Which access token is sent, and how a refreshing credential gets its next one."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from redis import Redis
from redis.exceptions import RedisError

from schemas.paths import parts_of, read
from tiktok_events.sealing import Keyring, SealedError, is_sealed, open_with, read_keyring, to_token
from worker import keys
from worker.client import TikTokClient
from worker.config import Credentials, Refresh, Secret
from worker.config.credentials import is_sendable
from worker.errors import Outcome, Verdict, judge
from worker.scripts import run

log = logging.getLogger(__name__)

_RENEWABLE = frozenset({40102, 40105})
_EARLY_SECONDS = 60.0
"""How long before its end a token is renewed, so that none ends on its way."""

_ONCE_SECONDS = 60.0
"""A token that is refused so soon after it was got is refused for another reason than age."""

_CALL_SECONDS = 10.0
_LOCK_MS = 40_000
_STORE_SECONDS = 20.0
_POLL_SECONDS = 0.05


class Tokens(Protocol):
    """The tokens of one credential."""

    def current(self) -> Secret | Verdict:
        """Return the token to send, or why there is none."""
        ...

    def renewed(self, refused: Secret) -> Secret | Verdict | None:
        """Return the token in place of one that TikTok refused, why there is none, or None: it is a person's turn."""
        ...


def tokens_of(credentials: Credentials, redis: Redis, client: TikTokClient) -> Tokens:
    """Return the tokens of a credential."""
    if credentials.refresh is not None:
        return RefreshingToken(credentials, credentials.refresh, redis, client)
    assert credentials.access_token is not None  # noqa: S101 # one of the two, by the configuration's rules
    return StaticToken(credentials.access_token)


def is_renewable(verdict: Verdict) -> bool:
    """Say whether an answer may mean that the token has ended: 40102, 40105, or one without TikTok's codes."""
    if verdict.outcome is not Outcome.UNAUTHORIZED:
        return False
    return verdict.code is None or verdict.code < 0 or verdict.code in _RENEWABLE


@dataclass(frozen=True, slots=True)
class StaticToken:
    """A long-term token: it ends when somebody revokes it, and only a person has another."""

    token: Secret

    def current(self) -> Secret | Verdict:
        """Return the token."""
        return self.token

    def renewed(self, refused: Secret) -> Secret | Verdict | None:  # noqa: ARG002 # there is no other
        """Return None."""
        return None


@dataclass(frozen=True, slots=True)
class _Stored:
    """What Redis has. Times are Unix seconds; `expires_at` 0: it says not when."""

    access_token: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    expires_at: float = 0.0
    renewed_at: float = 0.0


@dataclass(frozen=True, slots=True)
class RefreshingToken:
    """A token of hours, which workers renew: one of them at a time, for all.

    A refresh token works once. The next one is in Redis before the access token that came with it is used, sealed where
    there are keys; a worker that dies between the answer and Redis loses it, and a person has to authorize again.
    Tokens of another first refresh token than the configuration's are left behind: that is how a person starts over.
    Tokens that do not open are left alone: the first refresh token has been used, and a server may revoke all that
    came from one that is used twice.
    """

    credentials: Credentials
    refresh: Refresh
    redis: Redis
    client: TikTokClient
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    keyring: Keyring | None = field(default_factory=read_keyring)

    def current(self) -> Secret | Verdict:
        """Return the stored token, renewed if it ends within a minute or there is none yet."""
        try:
            stored = self._stored()
            if self._is_good(stored):
                return Secret(stored.access_token)
            return self._renew(stored.access_token)
        except SealedError as error:
            return _locked(error)

    def renewed(self, refused: Secret) -> Secret | Verdict | None:
        """Return the token that followed the refused one; get it if nobody has. None if the refused one is new."""
        try:
            stored = self._stored()
            if stored.access_token == refused.reveal() and self.clock() - stored.renewed_at < _ONCE_SECONDS:
                return None
            return self._renew(refused.reveal())
        except SealedError as error:
            return _locked(error)

    def _renew(self, known: str) -> Secret | Verdict:
        """Return the token that comes after `known`, got by this worker or by another one."""
        lock, token = keys.credential_lock(self.credentials.name), secrets.token_hex(8)
        end = self.clock() + _CALL_SECONDS * 2
        while not self.redis.set(lock, token, nx=True, px=_LOCK_MS):
            stored = self._stored()
            if stored.access_token != known and self._is_good(stored):
                return Secret(stored.access_token)
            if self.clock() > end:
                return Verdict(Outcome.UNAVAILABLE, message="another worker has been renewing the token for too long")
            self.sleep(_POLL_SECONDS)
        try:
            stored = self._stored()
            if stored.access_token != known and self._is_good(stored):
                return Secret(stored.access_token)
            found = self._ask(stored.refresh_token or self.refresh.refresh_token.reveal())
            if isinstance(found, Verdict):
                return found
            self._store(found)
            log.info("token renewed", extra={"credential": self.credentials.name})
            return Secret(found.access_token)
        finally:
            run(self.redis, "unlock", [lock], [token])

    def _ask(self, refresh_token: str) -> _Stored | Verdict:
        names = self.refresh.names
        told = {
            names["client_id"]: self.refresh.client_id.reveal(),
            names["client_secret"]: self.refresh.client_secret.reveal(),
            names["grant_type"]: self.refresh.grant_type,
            names["refresh_token"]: refresh_token,
        }
        sent: dict[str, Any] = {"form": told} if self.refresh.as_form else {"body": told}
        answer = self.client.call("POST", self.refresh.url, timeout_seconds=_CALL_SECONDS, **sent)
        if isinstance(answer, Verdict):
            return answer
        access = read(answer.body, parts_of(self.refresh.access_token_path))
        if not isinstance(access, str) or not is_sendable(access):
            return _refusal(answer.status, answer.body, self.refresh)
        following = read(answer.body, parts_of(self.refresh.refresh_token_path))
        now = self.clock()
        return _Stored(
            access_token=access,
            refresh_token=following if isinstance(following, str) and following else refresh_token,
            expires_at=self._end(read(answer.body, parts_of(self.refresh.expires_path)), now),
            renewed_at=now,
        )

    def _end(self, told: object, now: float) -> float:
        try:
            seconds = float(told) if isinstance(told, (int, float, str)) and not isinstance(told, bool) else 0.0
        except ValueError:
            return 0.0
        if seconds <= 0:
            return 0.0
        return seconds if self.refresh.expires_as == "unix_time" else now + seconds

    def _is_good(self, stored: _Stored) -> bool:
        if not stored.access_token:
            return False
        # One whose whole life is shorter than that would otherwise be renewed for every request.
        early = min(_EARLY_SECONDS, (stored.expires_at - stored.renewed_at) / 2)
        return not stored.expires_at or self.clock() < stored.expires_at - early

    def _stored(self) -> _Stored:
        raw: Any = self.redis.hgetall(keys.credential(self.credentials.name))
        told = {key.decode(): value for key, value in raw.items()}
        if told.get("grant") != self.credentials.fingerprint().encode():
            return _Stored()
        return _Stored(
            access_token=self._opened(told["access_token"]),
            refresh_token=self._opened(told["refresh_token"]),
            expires_at=float(told["expires_at"]),
            renewed_at=float(told["renewed_at"]),
        )

    def _opened(self, token: bytes) -> str:
        if is_sealed(token):
            token = open_with(self.keyring, token, to_token(self.credentials.name))
        return token.decode()

    def _kept(self, token: str) -> str | bytes:
        if self.keyring is None:
            return token
        return self.keyring.seal(token.encode(), to_token(self.credentials.name))

    def _store(self, found: _Stored) -> None:
        """Keep what came. The old refresh token is void by now, so Redis is asked for as long as one may wait."""
        told: Any = {
            "grant": self.credentials.fingerprint(),
            "access_token": self._kept(found.access_token),
            "refresh_token": self._kept(found.refresh_token),
            "expires_at": repr(found.expires_at),
            "renewed_at": repr(found.renewed_at),
        }
        end = self.clock() + _STORE_SECONDS
        while True:
            try:
                self.redis.hset(keys.credential(self.credentials.name), mapping=told)
                return
            except RedisError:
                if self.clock() > end:
                    log.critical(
                        "a new refresh token is lost: authorize again", extra={"credential": self.credentials.name}
                    )
                    raise
                self.sleep(_POLL_SECONDS)


def _locked(error: SealedError) -> Verdict:
    return Verdict(Outcome.MISCONFIGURED, message=f"the stored token {error}")


def _refusal(status: int, body: object, refresh: Refresh) -> Verdict:
    """Return what an answer without a token means: wait, or a person has to do something."""
    verdict = judge(status, body)
    if verdict.outcome in (Outcome.UNAUTHORIZED, Outcome.MISCONFIGURED):
        return verdict
    if verdict.outcome is Outcome.DELIVERED:
        message = f"the answer has no access token at {refresh.access_token_path}"
        return replace(verdict, outcome=Outcome.MISCONFIGURED, message=message)
    if verdict.outcome is Outcome.REJECTED:
        return replace(verdict, outcome=Outcome.MISCONFIGURED)
    return replace(verdict, outcome=Outcome.UNAVAILABLE)
