"""How a configuration is read: the file, the environment, and every fault of both at once."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tomllib
from marshmallow import ValidationError

from schemas import Mapper, MappingSettings, Rule, SettingsError
from schemas.identifier_places import hidden_places
from tiktok_events.sealing import VARIABLE, KeyringError, read_keyring
from worker.config.consent import ConsentSchema, consent
from worker.config.credentials import Credentials, CredentialsSchema, credentials
from worker.config.deprecations import warn_of_deprecations
from worker.config.door import DoorSchema, DoorSettings, door
from worker.config.fields import UnsetVariableError, expand
from worker.config.model import (
    BreakerSettings,
    Config,
    DeadLetterSettings,
    Destination,
    EventSetSettings,
    GuardSettings,
    RateLimit,
    RetrySettings,
)
from worker.config.order_sync import OrderSync, OrderSyncSchema, order_sync
from worker.config.schema import (
    AlertsSchema,
    BreakerSchema,
    ConfigSchema,
    DeadLettersSchema,
    DestinationSchema,
    EventSetSchema,
    GuardSchema,
    MappingSchema,
    RateLimitSchema,
    RetrySchema,
)

_SECTIONS = {
    "retry": RetrySchema,
    "rate_limit": RateLimitSchema,
    "breaker": BreakerSchema,
    "guard": GuardSchema,
    "dead_letters": DeadLettersSchema,
    "door": DoorSchema,
    "consent": ConsentSchema,
    "mappings": MappingSchema,
    "alerts": AlertsSchema,
    "order_sync": OrderSyncSchema,
    "event_set": EventSetSchema,
}

_UNRESOLVED = "event-set-by-name"
_LEAST_INDEX_KEY = 32


# TikTok's documented cap, and what is known to work where none is documented. Orders go one by one; of them it is how
# many a worker claims at a time.
_BATCH_SIZES = {"events": 1000, "offline": 50, "order_sync": 50}


class ConfigError(Exception):
    """The configuration cannot be used. `faults` holds every one of them, each as "place: rule"."""

    def __init__(self, source: str, faults: list[str]) -> None:
        self.source = source
        self.faults = faults
        super().__init__(f"{source}: {len(faults)} fault(s)\n" + "\n".join(f"  {fault}" for fault in faults))


def path_of_config(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where the configuration is: `TIKTOK_EVENTS_CONFIG`, else `destinations.toml` here."""
    return Path(environment.get("TIKTOK_EVENTS_CONFIG") or "destinations.toml")


def load(path: Path | None = None, environment: Mapping[str, str] = os.environ) -> Config:
    """Read and check the configuration.

    Raises:
        ConfigError: it cannot be read, or anything in it is wrong; all faults are named together.
    """
    where = path or path_of_config(environment)
    try:
        raw = tomllib.loads(where.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            str(where), ["no such file: set TIKTOK_EVENTS_CONFIG, or copy examples/destinations.toml"]
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(where), [f"cannot be read: {type(error).__name__}"]) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(where), [f"is not TOML: {error}"]) from error
    return build(raw, environment, source=str(where))


def build(raw: dict[str, Any], environment: Mapping[str, str], *, source: str) -> Config:
    """Check a parsed configuration and freeze it.

    Raises:
        ConfigError: anything in it is wrong; all faults are named together.
    """
    faults: list[str] = []
    has_keys = _has_keys(environment, faults)
    if 0 < len(environment.get("TIKTOK_EVENTS_INDEX_KEY", "").strip()) < _LEAST_INDEX_KEY:
        faults.append(f"the environment: TIKTOK_EVENTS_INDEX_KEY must have at least {_LEAST_INDEX_KEY} characters")
    expanded = {
        key: value if key == "credentials" else _expanded(key, value, environment, faults) for key, value in raw.items()
    }
    try:
        checked: dict[str, Any] = ConfigSchema().load(expanded)
    except ValidationError as error:
        faults += [f"{place}: {rule}" for place, rule in _flatten(error.messages)]
        checked = error.valid_data if isinstance(error.valid_data, dict) else {}
    broken = {".".join(fault.split(":")[0].split(".")[:2]) for fault in faults}
    # A table with a wrong value is not complete enough to check further.
    found = {
        name: credentials(name, settings, environment, faults)
        for name, settings in checked.get("credentials", {}).items()
        if f"credentials.{name}" not in broken
    }
    destinations = {}
    for name, settings in checked.get("destinations", {}).items():
        place = f"destinations.{name}"
        if settings.get("credentials") and settings["credentials"] not in raw.get("credentials", {}):
            faults.append(f"{place}.credentials: there is no [credentials.{settings['credentials']}]")
        if place in broken:
            continue
        orders = order_sync(settings, place, faults) if settings["kind"] == "order_sync" else None
        mapping = _mapping(settings, place, faults)
        faults += [f"{place}.{fault}" for fault in _across(settings)]
        if settings["require_encryption"] and not has_keys:
            faults.append(f"{place}.require_encryption: needs {VARIABLE}")
        if mapping is not None and settings["hash_at_door"]:
            faults += [f"{place}.{fault.path}: {fault.rule}" for fault in hidden_places(mapping)]
        entrance = door(settings["door"], f"{place}.door", environment, faults)
        credential = found.get(settings["credentials"])
        if mapping is not None and credential is not None:
            destinations[name] = _destination(name, settings, mapping, orders, credential, entrance)
    if not faults and not destinations:
        faults.append("destinations: there must be at least one")
    if faults:
        raise ConfigError(source, sorted(faults))
    warn_of_deprecations(destinations)
    return Config(
        destinations=destinations,
        alert_webhook=checked["alerts"]["webhook"],
        credentials={name: credential for name, credential in found.items() if credential is not None},
    )


def _has_keys(environment: Mapping[str, str], faults: list[str]) -> bool:
    try:
        return read_keyring(environment) is not None
    except KeyringError as error:
        faults += error.faults
        return True


def _expanded(key: str, value: object, environment: Mapping[str, str], faults: list[str]) -> object:
    try:
        return expand(value, environment)
    except UnsetVariableError as error:
        faults.append(f"{key}: the environment variable {error} is not set")
        return value


def _mapping(settings: Mapping[str, Any], place: str, faults: list[str]) -> MappingSettings | None:
    wanted = MappingSettings(
        source=settings["source"],
        kind=settings["kind"],
        event_source=settings["event_source"],
        # Workers put the id in its place before they send anything.
        event_source_id=_UNRESOLVED if settings["event_set"] else settings["event_source_id"] or "",
        event_names=settings["event_names"],
        default_region=settings["default_region"],
        max_event_age_seconds=int(settings["max_event_age_seconds"]),
        max_future_seconds=int(settings["max_future_seconds"]),
        accept_external_id=settings["accept_external_id"],
        test_event_code=settings["test_event_code"],
        web_fields=settings["web_fields"],
        mappings=tuple(
            Rule(event=rule["event"], when=rule["when"], fields=dict(rule["fields_"]), action=rule["action"])
            for rule in settings["mappings"]
        ),
    )
    if wanted.kind == "order_sync":
        # Orders have a mapping of their own; of this one only what every destination has is used.
        return wanted
    try:
        Mapper(wanted)
    except SettingsError as error:
        faults += [f"{place}.{fault.path}: {fault.rule}" for fault in error.faults]
        return None
    return wanted


def _across(settings: Mapping[str, Any]) -> Iterator[str]:
    """Yield the faults that only two settings together have."""
    if settings["retry"]["max_backoff_seconds"] < settings["retry"]["min_backoff_seconds"]:
        yield "retry.max_backoff: must not be below min_backoff"
    if settings["event_set"] is not None:
        if settings["event_source_id"] is not None:
            yield "event_set: either this or event_source_id, not both"
        if settings["kind"] == "order_sync" or settings["event_source"] not in ("offline", "crm"):
            yield "event_set: is for event sources offline and crm only"
    if settings["breaker"]["max_open_seconds"] < settings["breaker"]["min_open_seconds"]:
        yield "breaker.max_open: must not be below min_open"
    if settings["take_back_after_seconds"] < 3 * settings["timeout_seconds"]:
        yield "take_back_after: must be at least three times timeout, or a slow answer looks like a dead worker"


def _destination(
    name: str,
    settings: Mapping[str, Any],
    mapping: MappingSettings,
    orders: OrderSync | None,
    credential: Credentials,
    entrance: DoorSettings,
) -> Destination:
    plain = (
        "base_url", "partner_name", "timeout_seconds", "take_back_after_seconds", "max_deliveries",
        "max_in_flight", "linger_seconds", "max_inbox", "max_event_bytes", "unmapped", "ledger_seconds",
        "backlog_alert_seconds", "dead_letters_alert", "require_encryption", "hash_at_door", "inbox_max_age_seconds",
    )  # fmt: skip
    return Destination(
        name=name,
        credentials=credential,
        mapping=mapping,
        order_sync=orders,
        door=entrance,
        consent=consent(settings["consent"]),
        event_set=EventSetSettings(**settings["event_set"]) if settings["event_set"] else None,
        batch_size=settings["batch_size"] or _BATCH_SIZES[mapping.kind],
        retry=RetrySettings(**settings["retry"]),
        rate_limit=RateLimit(**settings["rate_limit"]),
        breaker=BreakerSettings(**settings["breaker"]),
        guard=GuardSettings(**settings["guard"]),
        dead_letters=DeadLetterSettings(**settings["dead_letters"]),
        **{key: settings[key] for key in plain},
    )


def _flatten(messages: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield (place, rule) of marshmallow's nested messages."""
    if isinstance(messages, list):
        for message in messages:
            hint = _nearest_setting(place) if message == "is not a setting" else ""
            yield place, f"{message}{hint}".rstrip(".")
        return
    for key, inner in messages.items():
        # A Dict field wraps what it says of a value in "value"; a person's file has no such level.
        step = "" if key in ("value", "_schema") else str(key)
        yield from _flatten(inner, ".".join(part for part in (place, step) if part))


def _nearest_setting(place: str) -> str:
    """Return a suggestion for a misspelt setting, from the closed list of the table that it stands in."""
    *parents, name = place.split(".")
    section = next((_SECTIONS[part] for part in reversed(parents) if part in _SECTIONS), None)
    if section is None:
        section = {"destinations": DestinationSchema, "credentials": CredentialsSchema}.get(
            parents[0] if parents else "", ConfigSchema
        )
    known = [field.data_key or key for key, field in section().fields.items()]
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""
