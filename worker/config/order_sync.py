"""What may be set about an order destination: `[destinations.X.order_sync]`.

Little of the endpoint is public. What is not is a setting here, and what has no safe default is required.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from marshmallow import ValidationError, fields, validate

from schemas import SettingsError
from schemas.order_sync import OrderMapper, OrderSettings
from schemas.order_sync.settings import REQUIRED
from worker.config.fields import Duration
from worker.config.rules import Strict, check_url, one_of
from worker.errors import Outcome

_AUTHS = {"access_token_header": ("Access-Token", ""), "bearer": ("Authorization", "Bearer ")}
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_PATH = re.compile(r"[^\s.]+(?:\.[^\s.]+)*")
_TO_CHOOSE = tuple(
    outcome.value
    for outcome in (
        Outcome.REJECTED,
        Outcome.THROTTLED,
        Outcome.UNAVAILABLE,
        Outcome.UNAUTHORIZED,
        Outcome.MISCONFIGURED,
    )
)
NO_URL = (
    "is required: TikTok does not publish the address of this endpoint. "
    "Ask your TikTok contact for it, and for what else docs/order-sync.md lists"
)


@dataclass(frozen=True, slots=True)
class Condition:
    """A place in an answer and what stands there."""

    path: str
    equals: str | int | bool


@dataclass(frozen=True, slots=True)
class OrderSync:
    """How orders reach the endpoint and how its answers are read."""

    url: str
    method: str
    header: str
    prefix: str
    success: tuple[Condition, ...]
    error_codes: Mapping[str, Outcome]
    remember_seconds: float
    mapping: OrderSettings


def _check_header(value: str) -> None:
    if value not in _AUTHS and not _HEADER.fullmatch(value):
        raise ValidationError("must be access_token_header, bearer, or the name of a header")


def _check_date_format(value: str) -> None:
    # Three days that differ in everything: a format in which two look alike loses something.
    days = (date(2026, 3, 1), date(2026, 1, 3), date(2025, 3, 1))
    try:
        told = {day.strftime(value) for day in days}
    except ValueError:
        told = set()
    if len(told) < len(days):
        raise ValidationError("must be a strftime format with year, month and day, such as %Y-%m-%d")


def _check_scalar(value: object) -> None:
    if not isinstance(value, (str, int)):
        raise ValidationError("must be a text, a whole number, true or false")


_check_path = validate.Regexp(_PATH, error="must be a dotted path")


class ConditionSchema(Strict):
    path = fields.String(required=True, validate=_check_path, metadata={"doc": "dotted place in the answer"})
    equals = fields.Raw(
        required=True,
        validate=_check_scalar,
        metadata={"doc": "what stands there on success: a text, a number, true or false"},
    )


_Values: type[Strict] = Strict.from_dict(  # type: ignore[assignment] # what it derives from stands before the dot
    {name: fields.String(load_default=None, metadata={"doc": meaning}) for name, (_, meaning) in REQUIRED.items()},
    name="Values",
)


class OrderSyncSchema(_Values):  # type: ignore[valid-type, misc] # made of a table
    url = fields.String(load_default=None, validate=check_url, metadata={"doc": "the endpoint; not public, required"})
    method = fields.String(
        load_default="POST", validate=one_of("POST", "PUT", "PATCH"), metadata={"doc": "HTTP method"}
    )
    auth = fields.String(
        load_default="access_token_header",
        validate=_check_header,
        metadata={"doc": "`access_token_header` (Access-Token), `bearer` (Authorization), or a header's name"},
    )
    wrapper_key = fields.String(
        load_default="order_info",
        validate=validate.Length(min=1, error="must not be empty"),
        metadata={"doc": "the key around the order"},
    )
    ttoclid_path = fields.String(
        load_default="ttoclid",
        validate=_check_path,
        metadata={"doc": "where the click id goes in the body, dotted; not public"},
    )
    success = fields.List(
        fields.Nested(ConditionSchema),
        load_default=lambda: [{"path": "code", "equals": 0}, {"path": "error.code", "equals": "0"}],
        validate=validate.Length(min=1, error="must hold at least one condition"),
        metadata={
            "doc": "conditions of which one must hold for the answer to mean success",
            "default": 'code = 0, or error.code = "0"',
        },
    )
    error_codes = fields.Dict(
        keys=fields.String(),
        values=fields.String(validate=one_of(*_TO_CHOOSE)),
        load_default=dict,
        metadata={"doc": "code of an answer → `" + "`, `".join(_TO_CHOOSE) + "`; before the built-in table"},
    )
    status_map = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        load_default=dict,
        metadata={"doc": "your event name → TikTok's order status; at least one"},
    )
    fields_ = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        data_key="fields",
        load_default=dict,
        metadata={"doc": 'smart mapping: field of the order = source path or expression; `""` removes it'},
    )
    arithmetic = fields.String(
        load_default="note",
        validate=one_of("note", "refuse"),
        metadata={"doc": "sums and nights that do not add up are noted, or refuse the event"},
    )
    sku_mode = fields.String(
        load_default="first", validate=one_of("first", "all"), metadata={"doc": "the first item, or all of them"}
    )
    time_unit = fields.String(
        load_default="seconds", validate=one_of("seconds", "milliseconds"), metadata={"doc": "unit of times sent"}
    )
    date_format = fields.String(
        load_default="%Y-%m-%d", validate=_check_date_format, metadata={"doc": "form of dates sent, as for strftime"}
    )
    money_format = fields.String(
        load_default="number",
        validate=one_of("number", "string", "minor"),
        metadata={"doc": "JSON number, text with the currency's decimals, or whole number of its smallest unit"},
    )
    remember_seconds = Duration(
        data_key="remember",
        load_default=30 * 86400.0,
        at_least=3600.0,
        metadata={
            "doc": "how long an order's newest time is kept after its last update; none that is older is sent",
            "default": "30d",
        },
    )


def order_sync(settings: Mapping[str, Any], place: str, faults: list[str]) -> OrderSync | None:
    """Return what the checked settings of an order destination mean; every fault goes to `faults`, with its place."""
    told: Mapping[str, Any] = settings["order_sync"] or OrderSyncSchema().load({})
    before = len(faults)
    if settings["source"] != "commanders_act":
        faults.append(f"{place}.source: must be commanders_act for kind order_sync, which reads that form of event")
    for name, instead in (("event_source_id", "third_shop_id"), ("mappings", "status_map and fields")):
        if settings[name]:
            faults.append(f"{place}.{name}: must not be set for kind order_sync; see order_sync.{instead}")
    if told["url"] is None:
        faults.append(f"{place}.order_sync.url: {NO_URL}")
    mapping = OrderSettings(
        status_map=told["status_map"],
        values={name: told[name] for name in REQUIRED if told[name] is not None},
        fields=told["fields_"],
        max_future_seconds=int(settings["max_future_seconds"]),
        **{
            name: told[name]
            for name in (
                "arithmetic",
                "sku_mode",
                "time_unit",
                "date_format",
                "money_format",
                "wrapper_key",
                "ttoclid_path",
            )
        },
    )
    try:
        OrderMapper(mapping)
    except SettingsError as error:
        faults += [f"{place}.order_sync.{fault.path}: {fault.rule}" for fault in error.faults]
    if len(faults) > before:
        return None
    header, prefix = _AUTHS.get(told["auth"], (told["auth"], ""))
    return OrderSync(
        url=told["url"],
        method=told["method"],
        header=header,
        prefix=prefix,
        success=tuple(Condition(**condition) for condition in told["success"]),
        error_codes={code.strip(): Outcome(outcome) for code, outcome in told["error_codes"].items()},
        remember_seconds=told["remember_seconds"],
        mapping=mapping,
    )
