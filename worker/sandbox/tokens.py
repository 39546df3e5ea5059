"""Who may send, and for which event sources? (reference 3 and 10)"""

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from worker.sandbox.reply import Refusal

State = Literal["ok", "expired", "revoked"]
_STATES: Final[tuple[str, ...]] = get_args(State)


@dataclass(frozen=True, slots=True)
class Token:
    """What one access token may do; ``sources`` None stands for every event source."""

    state: State = "ok"
    sources: frozenset[str] | None = None
    expires_at: float | None = None


def parse_tokens(tokens: Mapping[str, Any]) -> dict[str, Token]:
    """Returns ``{token: {"sources": [...] or "*", "state": "ok" | "expired" | "revoked"}}`` in its inner
    form.

    Raises ValueError that counts the token at fault from 1 and never names it.
    """
    parsed = {}
    for position, (token, grant) in enumerate(tokens.items(), start=1):
        place = f"token {position}"
        if not token or not isinstance(grant, Mapping):
            raise ValueError(f"{place}: must be a name with an object")
        unknown = sorted(set(grant) - {"sources", "state"})
        if unknown:
            raise ValueError(f"{place}: no such key: {', '.join(unknown)}")
        state, sources = grant.get("state", "ok"), grant.get("sources", "*")
        if state not in _STATES:
            raise ValueError(f"{place}.state: must be one of {', '.join(_STATES)}")
        if sources != "*" and not (isinstance(sources, list) and all(isinstance(s, str) for s in sources)):
            raise ValueError(f'{place}.sources: must be "*" or a list of strings')
        parsed[token] = Token(state, None if sources == "*" else frozenset(sources))
    return parsed


def fingerprint(token: str) -> str:
    """Returns what the report shows of a token: enough to tell two apart, nothing to use."""
    return hashlib.sha256(token.encode()).hexdigest()[:12] if token else ""


class Tokens:
    """The access tokens the sandbox knows; safe for threads.

    With no configured tokens any that is not empty passes, so that the sandbox works without setting it up.
    """

    def __init__(self, configured: Mapping[str, Token] | None, clock: Callable[[], float]) -> None:
        self._initial = configured
        self._clock = clock
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Goes back to the tokens of the start."""
        with self._lock:
            self._open = self._initial is None
            self._tokens = dict(self._initial or {})

    def configure(self, tokens: Mapping[str, Token] | None) -> None:
        """Adds or replaces ``tokens`` and refuses unknown ones from now on; None lets any pass again."""
        with self._lock:
            if tokens is None:
                self._tokens.clear()
            else:
                self._tokens.update(tokens)
            self._open = tokens is None

    def issue(self, token: str, *, expires_at: float | None) -> None:
        """Takes in a token that the sandbox itself handed out; ``expires_at`` in Unix seconds."""
        with self._lock:
            self._tokens[token] = Token(expires_at=expires_at)

    def known(self, token: str) -> bool:
        """Returns whether ``token`` is an access token that was configured or handed out."""
        with self._lock:
            return token in self._tokens

    def check(self, token: str) -> None:
        """Raises Refusal 40104 (none), 40105 (unknown or revoked) or 40102 (expired)."""
        if not token:
            raise Refusal(40104, "Access token is null, you should set it in http header with key Access-Token.")
        grant = self._grant(token)
        if grant is None or grant.state == "revoked":
            raise Refusal(40105, "Access token is incorrect or has been revoked.")
        if grant.state == "expired" or (grant.expires_at is not None and self._clock() >= grant.expires_at):
            raise Refusal(40102, "Access token has expired.")

    def check_source(self, token: str, source_id: str) -> None:
        """Raises Refusal 40001 when a token that passed may not send for the event source."""
        grant = self._grant(token)
        if grant is not None and grant.sources is not None and source_id not in grant.sources:
            raise Refusal(
                40001,
                f"No permission to operate pixel code: {source_id}. "
                "You must be an admin or operator of this advertiser account.",
            )

    def _grant(self, token: str) -> Token | None:
        with self._lock:
            return self._tokens.get(token, Token() if self._open else None)
