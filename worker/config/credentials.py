"""What proves to TikTok who is asking, and what may be set about it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import fields, validate

from worker.config.fields import VariableName
from worker.config.rules import Strict, check_url, one_of


class Secret:
    """A value that shows itself to nobody but the code that asks for it by name."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret itself. Call it only where it goes into a request."""
        return self._value

    def fingerprint(self) -> str:
        """Return 12 hex characters that change when the secret does and tell nothing else of it."""
        return hashlib.sha256(b"tiktok-events credential\0" + self._value.encode()).hexdigest()[:12]

    def __repr__(self) -> str:
        return "Secret('***')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


@dataclass(frozen=True, slots=True)
class Refresh:
    """How a new access token is got. The refresh token here is the first one; each renewal brings the next."""

    url: str
    client_id: Secret
    client_secret: Secret
    refresh_token: Secret
    grant_type: str
    as_form: bool
    names: Mapping[str, str]
    access_token_path: str
    refresh_token_path: str
    expires_path: str
    expires_as: str


@dataclass(frozen=True, slots=True)
class Credentials:
    """A static token, or the means to get one."""

    name: str
    access_token: Secret | None = None
    refresh: Refresh | None = None

    def fingerprint(self) -> str:
        """Return what changes when a person puts another secret in, and not when a token is renewed."""
        if self.refresh is not None:
            return self.refresh.refresh_token.fingerprint()
        assert self.access_token is not None  # noqa: S101 # one of the two, by the configuration's rules
        return self.access_token.fingerprint()


class RequestNamesSchema(Strict):
    client_id = fields.String(load_default="client_id", metadata={"doc": "name of the client id"})
    client_secret = fields.String(load_default="client_secret", metadata={"doc": "name of the client secret"})
    refresh_token = fields.String(load_default="refresh_token", metadata={"doc": "name of the refresh token"})
    grant_type = fields.String(load_default="grant_type", metadata={"doc": "name of the grant type"})


class AnswerSchema(Strict):
    access_token = fields.String(
        load_default="data.access_token", metadata={"doc": "dotted place of the access token in the answer"}
    )
    refresh_token = fields.String(
        load_default="data.refresh_token",
        metadata={"doc": "dotted place of the next refresh token; the old one stays where there is none"},
    )
    expires = fields.String(load_default="data.expires_in", metadata={"doc": "dotted place of the life's end"})
    expires_as = fields.String(
        load_default="seconds",
        validate=one_of("seconds", "unix_time"),
        metadata={"doc": "`seconds` from now, or a `unix_time`"},
    )


class CredentialsSchema(Strict):
    kind = fields.String(
        load_default="static",
        validate=one_of("static", "refreshing"),
        metadata={"doc": "`static` (a long-term token), or `refreshing`"},
    )
    access_token = VariableName(
        load_default=None, metadata={"doc": "`static`: `${NAME}` of the environment variable that holds the token"}
    )
    client_id = VariableName(load_default=None, metadata={"doc": "`refreshing`: the same of the client id"})
    client_secret = VariableName(load_default=None, metadata={"doc": "`refreshing`: the same of the client secret"})
    refresh_token = VariableName(
        load_default=None, metadata={"doc": "`refreshing`: the same of the first refresh token"}
    )
    refresh_url = fields.String(
        load_default=None, validate=check_url, metadata={"doc": "`refreshing`: where a new token is got"}
    )
    grant_type = fields.String(
        load_default="refresh_token",
        validate=validate.Length(min=1, error="must not be empty"),
        metadata={"doc": "`refreshing`: the grant type to send"},
    )
    body = fields.String(
        load_default="json", validate=one_of("json", "form"), metadata={"doc": "`refreshing`: form of the request"}
    )
    request = fields.Nested(
        RequestNamesSchema, load_default=lambda: RequestNamesSchema().load({}), metadata={"doc": "names of its fields"}
    )
    answer = fields.Nested(
        AnswerSchema, load_default=lambda: AnswerSchema().load({}), metadata={"doc": "places in its answer"}
    )


_NEEDED = {
    "static": ("access_token",),
    "refreshing": ("refresh_url", "client_id", "client_secret", "refresh_token"),
}
_SECRETS = ("access_token", "client_id", "client_secret", "refresh_token")


def credentials(
    name: str, settings: Mapping[str, Any], environment: Mapping[str, str], faults: list[str]
) -> Credentials | None:
    """Return what the checked settings of a credential mean; every fault goes to `faults`, with its place."""
    kind, place, before = settings["kind"], f"credentials.{name}", len(faults)
    needed = _NEEDED[kind]
    faults += [f"{place}.{name}: is required for kind {kind}" for name in needed if settings[name] is None]
    faults += [
        f"{place}.{secret}: has no meaning for kind {kind}"
        for secret in _SECRETS
        if settings[secret] is not None and secret not in needed
    ]
    found = {
        secret: read_secret(f"{place}.{secret}", settings[secret], environment, faults)
        for secret in _SECRETS
        if settings[secret] is not None
    }
    if len(faults) > before:
        return None
    if kind == "static":
        return Credentials(name, access_token=found["access_token"])
    answer = settings["answer"]
    refresh = Refresh(
        url=settings["refresh_url"],
        client_id=found["client_id"],
        client_secret=found["client_secret"],
        refresh_token=found["refresh_token"],
        grant_type=settings["grant_type"],
        as_form=settings["body"] == "form",
        names=settings["request"],
        access_token_path=answer["access_token"],
        refresh_token_path=answer["refresh_token"],
        expires_path=answer["expires"],
        expires_as=answer["expires_as"],
    )
    return Credentials(name, refresh=refresh)


def read_secret(place: str, variable: str, environment: Mapping[str, str], faults: list[str]) -> Secret:
    """Return the secret that an environment variable holds; a fault goes to `faults`, with its place."""
    value = environment.get(variable, "").strip()
    if not value:
        faults.append(f"{place}: the environment variable {variable} is not set, or is empty")
    elif not is_sendable(value):
        faults.append(f"{place}: the environment variable {variable} must hold printable ASCII")
    return Secret(value)


def is_sendable(token: str) -> bool:
    """Say whether a text can stand in an HTTP header."""
    return bool(token) and token.isascii() and token.isprintable()
