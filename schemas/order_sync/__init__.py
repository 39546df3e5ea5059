"""What does "Sync Order Information" get of a Commanders Act event?

The endpoint takes the states of hotel orders, one at a time. What is public of it is one mapping table; everything else
is a setting. Pure, like the rest of `schemas`.
"""

from schemas.order_sync.mapper import OrderMapper
from schemas.order_sync.settings import OrderSettings
from schemas.order_sync.update import OrderUpdate

__all__ = ["OrderMapper", "OrderSettings", "OrderUpdate"]
