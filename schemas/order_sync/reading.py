"""How are the parts of an order read that are no single value at a single place?"""

from __future__ import annotations

from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

from schemas.order_sync.fields import SKU, SKU_READING, SPU, SPU_READING
from schemas.order_sync.settings import SkuMode
from schemas.outcome import Fault
from schemas.paths import read
from tiktok_events.text import is_blank

_MOST_ITEMS = 500
_MOST_PARAMETERS = 100
_FIRST_ITEM = ("spu_list.0.sku_list.0.", "spu_list.0.third")


def items_of(event: dict[str, Any], mode: SkuMode, faults: list[Fault]) -> dict[str, Any]:
    """Return the fields of the items by their targets; those of one SPU stand under it, in their order."""
    items = event.get("items")
    if is_blank(items):
        return {}
    if type(items) is dict:
        items = [items]
    if type(items) is not list or not all(type(item) is dict for item in items):
        faults.append(Fault("items", "must be a list of objects"))
        return {}
    if len(items) > _MOST_ITEMS:
        faults.append(Fault("items", f"must be at most {_MOST_ITEMS}"))
        return {}
    plain: dict[str, Any] = {}
    spus: dict[tuple[str, ...], int] = {}
    skus: list[int] = []
    for item in items[:1] if mode == "first" else items:
        offer = {name: read(item, parts) for name, parts in SPU_READING}
        place = spus.setdefault(tuple(repr(value) for value in offer.values()), len(spus))
        if place == len(skus):
            skus.append(0)
            plain |= {f"spu_list.{place}.{name}": value for name, value in offer.items()}
        plain |= {f"spu_list.{place}.sku_list.{skus[place]}.{name}": read(item, parts) for name, parts in SKU_READING}
        skus[place] += 1
    return plain


def nested(plain: dict[str, Any]) -> dict[str, Any]:
    """Return the values by their dotted targets as objects and lists, the required ones there even if empty, so that
    what they lack is told field by field."""
    root: dict[str, Any] = {"value": {}, "extra": {}, "spu_list": [{"sku_list": [{}]}]}
    for target, value in plain.items():
        holder: Any = root
        steps = target.split(".")
        for step, following in pairwise(steps):
            empty: Any = [] if following.isdigit() else {}
            if type(holder) is list:
                while len(holder) <= int(step):
                    holder.append(type(empty)())
                holder = holder[int(step)]
            else:
                holder = holder.setdefault(step, empty)
        if type(holder) is dict:
            holder[steps[-1]] = value
    return root


def origin_of_item(event: dict[str, Any], target: str) -> str:
    """Return the path of an item's field. Which item it was is known only where there is one."""
    name = target.rpartition(".")[2]
    path = SKU.get(name) or SPU.get(name)
    if path is None:
        return "items"
    items = event.get("items")
    first = target.startswith(_FIRST_ITEM)
    if type(items) is dict:
        return f"items.{path}"
    return f"items.0.{path}" if first else target


def ttoclid_of(url: Any) -> str:
    """Return the organic click id in a URL's query, "" for none. Takes anything."""
    if type(url) is not str or "ttoclid=" not in url:
        return ""
    try:
        found = parse_qs(urlsplit(url).query, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        return ""
    return found.get("ttoclid", [""])[0]
