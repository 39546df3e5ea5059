"""Which rules do the settings of several tables share?"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from marshmallow import RAISE, Schema, ValidationError, validate

POSITIVE = validate.Range(min=1, error="must be at least 1")
SHARE = validate.Range(min=0, min_inclusive=False, max=1, error="must be above 0 and at most 1")


def one_of(*allowed: str) -> validate.OneOf:
    """Return the rule that a setting is one of a closed list."""
    return validate.OneOf(allowed, error="must be one of: " + ", ".join(allowed))


def at_most(most: int) -> validate.Range:
    """Return the rule that a number is from 1 to `most`."""
    return validate.Range(min=1, max=most, error=f"must be between 1 and {most}")


def is_loopback(url: str) -> bool:
    """Say whether `url` points at this machine, the only place where plain http is allowed."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_url(value: str) -> None:
    """Raise ValidationError unless `value` is a URL that a secret may be sent to."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValidationError("must be an http(s) URL")
    if parts.scheme == "http" and not is_loopback(value):
        raise ValidationError("must be https: the access token travels in a header")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValidationError("must not hold user, password, query or fragment")


def check_base_url(value: str) -> None:
    """Raise ValidationError unless `value` is a URL that paths may be appended to."""
    check_url(value)
    if not value.endswith("/"):
        raise ValidationError('must end with "/": the slash is part of TikTok\'s paths')


class Strict(Schema):
    """A table in which every key is known."""

    class Meta:
        unknown = RAISE

    error_messages = {"unknown": "is not a setting"}  # noqa: RUF012 # marshmallow's own way to set it
