"""The account's orders for work that can wait: only requests that the regular reading can spare.

Here: leaving the others their share of Amazon's narrowest limit. Not here: the limit itself (`throttle`).
"""

from fbm_sync.adapters.spapi.orders import AmazonOrders
from fbm_sync.adapters.spapi.throttle import Throttle
from fbm_sync.domain.order import Order, OrderId
from fbm_sync.ports import OrderPage, OrderWindow

LEFT_TO_OTHERS = 5
"""Pages that the regular reading may ask for at any moment while somebody else reads."""


class ThriftyOrders:
    """One account's orders; each page waits until enough requests are left for those who cannot wait."""

    def __init__(self, orders: AmazonOrders, throttle: Throttle, *, left: int = LEFT_TO_OTHERS) -> None:
        self._orders = orders
        self._throttle = throttle
        self._left = left

    def page(self, window: OrderWindow, token: str | None = None) -> OrderPage:
        """Read one page of a window."""
        self._throttle.leave("searchOrders", self._left)
        return self._orders.page(window, token)

    def order(self, order_id: OrderId) -> Order:
        """Read one order by id."""
        self._throttle.leave("getOrder", self._left)
        return self._orders.order(order_id)
