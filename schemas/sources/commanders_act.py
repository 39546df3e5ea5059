"""How is a Commanders Act event (Events Reference) read?

Which event becomes which TikTok event is for the destination's mappings to say; there are no presets. What differs
from Commanders Act's own destination: a blank counts as absent, a hash that is none does not hide the clear value
beside it, a page's URL stands in for a missing click id.
"""

from __future__ import annotations

from typing import Any

from schemas.event_sources import EventSource
from schemas.outcome import Fault
from schemas.paths import Parts, parts_of, read
from schemas.sources.commanders_act_fields import CATEGORIES, CHANNELS, FIELDS, ITEM_FIELDS
from schemas.sources.field_table import FieldTable
from schemas.sources.reading import reader, well_placed
from schemas.sources.source import Raw, Selection, Shape
from tiktok_events.identifiers import is_usable_hash
from tiktok_events.text import EDGES, NotTextError, is_blank, read_text

_CONTAINERS = tuple(
    parts_of(path) for path in ("context", "context.page", "context.device", "user", "partners", "partners.tiktok")
)
_is_well_placed = well_placed(_CONTAINERS, name="containers of a Commanders Act event")
_is_well_placed_item = well_placed((("product",),), name="containers of a Commanders Act item")
_read_item = reader(ITEM_FIELDS, name="reading of a Commanders Act item")
# Each with the paths of its MD5 hash, its SHA-256 hash and itself.
_IDENTIFIERS = tuple(
    (field, ("user", f"{field}_md5"), ("user", f"{field}_sha256"), ("user", field)) for field in ("email", "phone")
)


class CommandersActSource:
    """Commanders Act's events for one event source."""

    names_events = False
    needs_mappings = True
    mapping_shape: Shape = "found"

    def __init__(self, event_source: EventSource, event_source_id: str) -> None:  # noqa: ARG002 - the same for every set
        self._fields = FieldTable(FIELDS, event_source)

    def select(self, event: Raw) -> Selection | Fault:  # noqa: ARG002 - the mappings select
        """Take nothing: there are no presets."""
        return Fault("mappings", "none asks for this event")

    def misplaced(self, event: Raw) -> list[Fault]:
        """Return a fault for each container on the way to the fields that is neither object nor null."""
        items = _items(event)
        if _is_well_placed(event) and all(type(item) is not dict or _is_well_placed_item(item) for _, item in items):
            return []
        products = [("items", *place, "product") for place, _ in items]
        return [
            Fault(".".join(parts), "must be an object")
            for parts in (*_CONTAINERS, *products)
            if not isinstance(found := read(event, parts), dict) and not is_blank(found)
        ]

    def remarks(self, event: Raw) -> list[Fault]:
        """Say which identifiers were passed over."""
        notes = []
        for _, md5, sha256, clear in _IDENTIFIERS:
            if not is_blank(read(event, md5)):
                notes.append(Fault(".".join(md5), "is an MD5 hash, which TikTok does not match, and was left out"))
            if not is_blank(read(event, sha256)) and _place(event, sha256, clear) is clear:
                notes.append(Fault(".".join(sha256), "is no SHA-256 hash of anything and was left out"))
        return notes

    def adapt(self, event: Raw, shape: Shape) -> dict[str, Any]:  # noqa: ARG002 - there is one shape only
        """Read every field; where the contents are of a wrong type, leave them for the contract to refuse."""
        plain = self._fields.read(event)
        for field, _, sha256, clear in _IDENTIFIERS:
            value = read(event, _place(event, sha256, clear))
            if not is_blank(value):
                plain["user"][field] = value
        properties = plain.setdefault("properties", {})
        channel = properties.get("event_channel")
        if type(channel) is str:
            properties["event_channel"] = CHANNELS.get(channel.strip(EDGES).lower(), "other")
        items = event.get("items")
        if type(items) is dict:
            items = [items]
        if not is_blank(items):
            properties["contents"] = [_content(item) for item in items] if type(items) is list else items
        return plain

    def usual(self, event: Raw, selection: Selection, event_id: str) -> None:
        """Find nothing."""

    def origin(self, event: Raw, shape: Shape, target: str) -> str:  # noqa: ARG002 - there is one shape only
        """Return the path that was read, or the first that would have been."""
        if target == "properties.contents" or target.startswith("properties.contents."):
            return _contents_origin(event, target.split(".")[2:])
        for field, _, sha256, clear in _IDENTIFIERS:
            if target == f"user.{field}" or target.startswith(f"user.{field}."):
                return ".".join(_place(event, sha256, clear)) + target[len("user.") + len(field) :]
        return self._fields.origin(event, target) or target


def _place(event: Raw, sha256: Parts, clear: Parts) -> Parts:
    """Return where the identifier is: the path of its hash, unless that is none and the clear value is there."""
    hashed = read(event, sha256)
    if is_blank(hashed):
        return clear
    texts = hashed if type(hashed) is list else [hashed]
    good = all(type(text) is str and is_usable_hash(text.strip(EDGES)) for text in texts)
    return sha256 if good or is_blank(read(event, clear)) else clear


def _items(event: Raw) -> list[tuple[tuple[str, ...], Any]]:
    """Return every item with its place below `items`: a single object needs no number."""
    items = event.get("items")
    if type(items) is list:
        return [((str(position),), item) for position, item in enumerate(items)]
    return [((), items)] if type(items) is dict else []


def _content(item: Any) -> Any:
    if type(item) is not dict:
        return item
    content = _read_item(item)
    category = _category(item)
    if category != "":
        content["content_category"] = category
    return content


def _category(item: Any) -> Any:
    """Return the categories as one text, "" for none; the first that is no text as it is, for the contract."""
    texts = []
    for path in CATEGORIES:
        value = read(item, path)
        if is_blank(value):
            continue
        try:
            texts.append(read_text(value))
        except NotTextError:
            return value
    return ">".join(texts)


def _contents_origin(event: Raw, rest: list[str]) -> str:
    position, field = (*rest, "", "")[:2]
    listed = type(event.get("items")) is list
    holder = ("items", position) if position and listed else ("items",)
    if not field:
        return ".".join(holder)
    item = read(event, holder)
    paths = (
        CATEGORIES
        if field == "content_category"
        else next((each.paths for each in ITEM_FIELDS if each.target == field), ())
    )
    filled = [path for path in paths if not is_blank(read(item, path))]
    if field == "content_category":
        filled = [path for path in filled if _category(item) is read(item, path)] or filled
    return ".".join((*holder, *(filled or [*paths, (field,)])[0]))
