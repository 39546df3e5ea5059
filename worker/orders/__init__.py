"""How orders keep their order: the updates of one go one after another, the older before the newer.

docs/order-sync.md has the argument why no interleaving of workers breaks that.
"""

from worker.orders.book import OrderBook
from worker.orders.delivery import OrderDelivery
from worker.orders.intake import OrderIntake

__all__ = ["OrderBook", "OrderDelivery", "OrderIntake"]
