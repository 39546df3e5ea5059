"""How the management endpoints of the Business API are called: as often as they allow, and what a refusal means."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from worker.client import TikTokClient
from worker.config import RateLimit
from worker.errors import Outcome, Verdict, judge
from worker.limiter import Limiter, scope
from worker.tokens import Tokens, is_renewable

_LIMIT = RateLimit(requests_per_second=10, requests_per_minute=600)
"""The basic tier, which every app has; unlike events these calls fall under it."""

_TIMEOUT_SECONDS = 10.0
_PATIENCE_SECONDS = 10.0
_WRITE_CONFLICT = 40202


class ManagementError(Exception):
    """A call that was refused, or got no answer. Its text is TikTok's, with identifiers struck out."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(f"{verdict.code or 'no code'}: {verdict.message}")
        self.verdict = verdict


@dataclass(frozen=True, slots=True)
class Management:
    """The management endpoints, as one credential sees them."""

    client: TikTokClient
    base_url: str
    tokens: Tokens
    limiter: Limiter
    fingerprint: str
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def get(self, path: str, query: Mapping[str, object]) -> dict[str, Any]:
        """Return the answer's `data`. Lists travel as JSON in the query. Raises ManagementError."""
        told = {
            name: value if isinstance(value, str) else orjson.dumps(value).decode() for name, value in query.items()
        }
        return self._call("GET", path, {"query": told})

    def post(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        """Return the answer's `data`. A write conflict is tried once more. Raises ManagementError."""
        try:
            return self._call("POST", path, {"body": dict(body)})
        except ManagementError as error:
            if error.verdict.code != _WRITE_CONFLICT:
                raise
            return self._call("POST", path, {"body": dict(body)})

    def _call(self, method: str, path: str, what: dict[str, Any]) -> dict[str, Any]:
        token = self.tokens.current()
        if isinstance(token, Verdict):
            raise ManagementError(token)
        found, verdict = self._send(method, path, token.reveal(), what)
        if is_renewable(verdict):
            fresh = self.tokens.renewed(token)
            if isinstance(fresh, Verdict):
                raise ManagementError(fresh)
            if fresh is not None:
                found, verdict = self._send(method, path, fresh.reveal(), what)
        if verdict.outcome is not Outcome.DELIVERED:
            raise ManagementError(verdict)
        return found

    def _send(self, method: str, path: str, token: str, what: dict[str, Any]) -> tuple[dict[str, Any], Verdict]:
        limit = scope(self.fingerprint, "", "management")
        waited = 0.0
        while (wait := self.limiter.ask(limit, _LIMIT).wait_seconds) > 0:
            waited += wait
            if waited > _PATIENCE_SECONDS:
                return {}, Verdict(Outcome.THROTTLED, message=f"the rate limit asks to wait for {wait:.0f} s")
            self.sleep(wait)
        answer = self.client.call(
            method, self.base_url + path, headers={"Access-Token": token}, timeout_seconds=_TIMEOUT_SECONDS, **what
        )
        if isinstance(answer, Verdict):
            return {}, answer
        verdict = judge(answer.status, answer.body)
        if verdict.outcome is Outcome.THROTTLED:
            self.limiter.throttled(limit, now=self.clock())
        data = answer.body.get("data") if isinstance(answer.body, dict) else None
        return data if isinstance(data, dict) else {}, verdict
