"""Which event names does TikTok know, and which of them were renamed?"""

from __future__ import annotations

from typing import Literal

NameStyle = Literal["current", "legacy"]

CURRENT_EVENTS = frozenset(
    {
        "AddPaymentInfo",
        "AddToCart",
        "AddToWishlist",
        "ApplicationApproval",
        "CompleteRegistration",
        "Contact",
        "CustomizeProduct",
        "Download",
        "FindLocation",
        "InitiateCheckout",
        "Lead",
        "Purchase",
        "Schedule",
        "Search",
        "StartTrial",
        "SubmitApplication",
        "Subscribe",
        "ViewContent",
    }
)
# Gone from TikTok's list of standard events, but served until a sunset announced for 2027.
RETIRING_EVENTS = frozenset({"ClickButton", "PlaceAnOrder"})
# The pixel's page view: standard for the web only.
PAGE_VIEW = "Pageview"
# Standard in apps only, beside those above.
APP_EVENTS = frozenset(
    {
        "AchieveLevel",
        "CompleteTutorial",
        "CreateGroup",
        "CreateRole",
        "GenerateLead",
        "InAppADClick",
        "InAppADImpr",
        "InstallApp",
        "JoinGroup",
        "LaunchAPP",
        "LoanApplication",
        "LoanApproval",
        "LoanDisbursal",
        "Login",
        "Rate",
        "Registration",
        "SpendCredits",
        "UnlockAchievement",
    }
)

# TikTok renamed two events for web, offline and crm on 1 May 2025; no other name has two spellings.
_RENAMED = {"CompletePayment": "Purchase", "SubmitForm": "Lead"}
_FORMER = {current: legacy for legacy, current in _RENAMED.items()}

OFFLINE_EVENTS = CURRENT_EVENTS | RETIRING_EVENTS | frozenset(_RENAMED)
STANDARD_EVENTS = OFFLINE_EVENTS | APP_EVENTS | {PAGE_VIEW}


def in_style(name: str, style: NameStyle) -> str:
    """Return `name` as the given style spells it; a name that was never renamed is returned as it is."""
    return (_RENAMED if style == "current" else _FORMER).get(name, name)
