"""Which Segment calls become which TikTok event without any mapping of one's own?

The 15 presets of Segment's own TikTok Offline Conversions destination, by its names and triggers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schemas.event_names import PAGE_VIEW
from schemas.event_sources import EventSource
from schemas.sources.source import Shape


@dataclass(frozen=True, slots=True)
class Preset:
    """A call and what it becomes. `trigger` is the exact, case-sensitive event name; a page call needs none."""

    name: str
    call: Literal["track", "page"]
    trigger: str | None
    event: str
    shape: Shape


# The page call's TikTok event depends on the event source: see page_event().
PRESETS = (
    Preset("Complete Payment", "track", "Order Completed", "Purchase", "products"),
    Preset("Contact", "track", "Callback Started", "Contact", "none"),
    Preset("Subscribe", "track", "Subscription Created", "Subscribe", "none"),
    Preset("Submit Form", "track", "Form Submitted", "Lead", "none"),
    Preset("Page View", "page", None, "ViewContent", "products"),
    Preset("View Content", "track", "Product Viewed", "ViewContent", "properties"),
    Preset("Click Button", "track", "Product Clicked", "ClickButton", "properties"),
    Preset("Search", "track", "Products Searched", "Search", "properties"),
    Preset("Add to Wishlist", "track", "Product Added to Wishlist", "AddToWishlist", "properties"),
    Preset("Add to Cart", "track", "Product Added", "AddToCart", "properties"),
    Preset("Initiate Checkout", "track", "Checkout Started", "InitiateCheckout", "products"),
    Preset("Add Payment Info", "track", "Payment Info Entered", "AddPaymentInfo", "products"),
    Preset("Place an Order", "track", "Order Placed", "PlaceAnOrder", "products"),
    Preset("Download", "track", "Download Link Clicked", "Download", "none"),
    Preset("Complete Registration", "track", "Signed Up", "CompleteRegistration", "none"),
)


def page_event(event_source: EventSource) -> str:
    """Return what a page call becomes.

    `Pageview` on the web, where it is standard. Elsewhere ViewContent, the nearest standard event: Segment sends
    `PageView` there, which no list of TikTok's offline events has.
    """
    return PAGE_VIEW if event_source == "web" else "ViewContent"
