"""How is a Segment call (track, page and, by mapping, any other) read?

Compatible with Segment's own destination where that is right; where it loses or spoils data we differ: blank falls back
as null does, nothing that is null becomes 0 or "", empty products are left out, `sku` stands in for `product_id` and
`total` for `value`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from schemas.contract import Event
from schemas.event_sources import EventSource
from schemas.outcome import Fault
from schemas.paths import parts_of, read
from schemas.sources.field_table import FieldTable, ttclid_of
from schemas.sources.one_pass import Elements, OnePass, Table, one_pass
from schemas.sources.reading import reader, well_placed
from schemas.sources.segment_fields import FIELDS, PRODUCT_FIELDS
from schemas.sources.segment_presets import PRESETS, page_event
from schemas.sources.source import Raw, Selection, Shape
from schemas.suggestions import did_you_mean
from tiktok_events.text import is_blank

_PRODUCTS = ("properties", "products")
_PAGE_URL = ("context", "page", "url")
_CONTAINERS = tuple(parts_of(path) for path in ("properties", "context", "context.traits", "context.page"))
_is_well_placed = well_placed(_CONTAINERS, name="containers of a Segment call")
_read_product = reader(PRODUCT_FIELDS, name="reading of a Segment product")
_OTHER_CALLS = frozenset({"identify", "group", "alias", "screen"})


class SegmentSource:
    """Segment's calls for one event source."""

    names_events = False
    needs_mappings = False
    mapping_shape: Shape = "found"

    def __init__(self, event_source: EventSource, event_source_id: str) -> None:  # noqa: ARG002 - the same for every set
        self._event_source = event_source
        self._fields = FieldTable(FIELDS, event_source)
        self._page = Selection(page_event(event_source), "products")
        self._presets = {preset.trigger: Selection(preset.event, preset.shape) for preset in PRESETS if preset.trigger}

    def select(self, event: Raw) -> Selection | Fault:
        """Look the call up among the presets, by its exact name or as a page call."""
        call, name = event.get("type"), event.get("event")
        if call == "page":
            return self._page
        if type(call) is str and call.lower() in _OTHER_CALLS:
            return Fault("type", "presets exist for track and page calls only")
        if type(name) is not str or not name:
            return Fault("event", "is required for a preset to apply")
        return self._presets.get(name) or Fault(
            "event", "is none that a preset knows" + did_you_mean(name, filter(None, self._presets))
        )

    def misplaced(self, event: Raw) -> list[Fault]:
        """Return a fault for each container on the way to the fields that is neither object nor null."""
        if _is_well_placed(event):
            return []
        return [
            Fault(".".join(parts), "must be an object")
            for parts in _CONTAINERS
            if not isinstance(found := read(event, parts), dict) and not is_blank(found)
        ]

    def remarks(self, event: Raw) -> list[Fault]:  # noqa: ARG002 - nothing is passed over
        """Find nothing."""
        return []

    def adapt(self, event: Raw, shape: Shape) -> dict[str, Any]:
        """Read every field from the first of its paths that is not blank."""
        plain = self._fields.read(event)
        contents = _contents(event, _settled(event, shape))
        if contents is not None:
            plain.setdefault("properties", {})["contents"] = contents
        return plain

    def usual(self, event: Raw, selection: Selection, event_id: str) -> dict[str, Any] | None:
        """Read and accept every field in one pass."""
        load = _one_pass(self._event_source, _settled(event, selection.shape))
        return load(event, event=selection.event, event_id=event_id)

    def origin(self, event: Raw, shape: Shape, target: str) -> str:
        """Return the path that was read, or the first that would have been."""
        if target == "properties.contents" or target.startswith("properties.contents."):
            return _contents_origin(event, _settled(event, shape), target.split(".")[2:])
        return self._fields.origin(event, target) or target


# Made when it is first asked for, and once for all destinations: there are four event sources and three shapes.
@cache
def _one_pass(event_source: EventSource, shape: Shape) -> OnePass:
    elements = {
        "products": {"properties.contents": Elements(_PRODUCTS, PRODUCT_FIELDS)},
        "properties": {"properties.contents": Elements(_PRODUCTS[:1], PRODUCT_FIELDS, listed=False)},
    }
    table = Table(
        fields=tuple(field for field in FIELDS if event_source in field.event_sources),
        elements=elements.get(shape, {}),
        given=("event", "event_id"),
        derived={"user.ttclid": (ttclid_of, _PAGE_URL)},
        kept=("event_time",),
    )
    return one_pass(Event(), table, name="one pass of a Segment call")


def _settled(event: Raw, shape: Shape) -> Shape:
    """Return where the contents are, once for all a mapping that leaves it open."""
    if shape != "found":
        return shape
    if not is_blank(read(event, _PRODUCTS)):
        return "products"
    named = any(not is_blank(read(event, ("properties", name))) for name in ("product_id", "sku"))
    return "properties" if named else "none"


def _contents(event: Raw, shape: Shape) -> Any:
    """Return one element for each product, in the same place; what is no list or no object is left for the contract."""
    if shape == "properties":
        return [_content(event.get("properties"))]
    if shape != "products":
        return None
    products = read(event, _PRODUCTS)
    if type(products) is dict:
        products = [products]
    return [_content(product) for product in products] if type(products) is list else products


def _content(product: Any) -> Any:
    return _read_product(product) if type(product) is dict else product


def _contents_origin(event: Raw, shape: Shape, rest: list[str]) -> str:
    position, field = (*rest, "", "")[:2]
    holder = list(_PRODUCTS)
    if shape == "properties":
        holder = ["properties"]
    elif position and type(read(event, _PRODUCTS)) is list:
        holder.append(position)
    if not field:
        return ".".join(holder)
    paths = next((each.paths for each in PRODUCT_FIELDS if each.target == field), ((field,),))
    filled = [path for path in paths if not is_blank(read(event, (*holder, *path)))]
    return ".".join((*holder, *(filled or paths)[0]))
