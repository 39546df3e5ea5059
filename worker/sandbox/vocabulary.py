"""Which names and values does TikTok's documentation list? (reference 1.1 to 1.4, 2.1, 6)"""

from typing import Final

EVENT_SOURCES: Final = frozenset({"web", "app", "offline", "crm"})

CURRENT_EVENT_NAMES: Final = frozenset(
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
# Renamed or softly deprecated in May 2025, still converted by TikTok.
LEGACY_EVENT_NAMES: Final = frozenset({"CompletePayment", "SubmitForm", "ClickButton", "PlaceAnOrder"})
STANDARD_EVENT_NAMES: Final = CURRENT_EVENT_NAMES | LEGACY_EVENT_NAMES

CONTENT_TYPES: Final = frozenset({"product", "product_group"})
CUSTOMER_TYPES: Final = frozenset({"new", "returning"})
EVENT_CHANNELS: Final = frozenset({"email", "website", "phone_call", "in_store", "crm", "other"})
TRACKING_STATUSES: Final = frozenset({"AUTHORIZED", "DENIED", "NOT_DETERMINED", "RESTRICTED", "NOT_APPLICABLE"})

_CURRENCIES: Final = (
    "AED ARS AUD BDT BHD BIF BOB BRL CAD CHF CLP CNY COP CRC CZK DKK DZD EGP EUR GBP GTQ HKD HNL HUF IDR ILS "
    "INR ISK JPY KES KHR KRW KWD KZT MAD MOP MXN MYR NGN NIO NOK NZD OMR PEN PHP PKR PLN PYG QAR RON RUB SAR "
    "SEK SGD THB TRY TWD UAH USD VES VND ZAR"
)
CURRENCIES: Final = frozenset(_CURRENCIES.split())
