"""One seller account at Amazon, ready to use: its orders, offers, feeds and reports, and the way there."""

from collections.abc import Sequence
from datetime import timedelta
from types import TracebackType
from typing import Self

from fbm_sync.adapters.spapi.feeds import AmazonFeeds
from fbm_sync.adapters.spapi.gateway import Gateway
from fbm_sync.adapters.spapi.listings import AmazonListings
from fbm_sync.adapters.spapi.notifications import Subscriptions
from fbm_sync.adapters.spapi.orders import AmazonOrders
from fbm_sync.adapters.spapi.reports import AmazonReports
from fbm_sync.adapters.spapi.sellers import Participation, participations
from fbm_sync.adapters.spapi.thrifty import ThriftyOrders
from fbm_sync.adapters.spapi.throttle import Throttle
from fbm_sync.adapters.spapi.tokens import Credentials
from fbm_sync.ports import Clock


class AmazonAccount:
    """A seller account: `orders`, `offers`, `feeds` and `reports` are its doors.

    `spare_orders` are the orders once more, for work that leaves the regular reading its requests.

    `gateway` knows what was sent. `throttle` holds its request limits, Amazon's published ones when none is
    given. Raises `ConfigError` when a credential is empty. To be closed at the end, or used with `with`.
    """

    def __init__(
        self,
        *,
        name: str,
        seller_id: str,
        marketplaces: Sequence[str],
        endpoint: str,
        token_endpoint: str,
        credentials: Credentials,
        clock: Clock,
        throttle: Throttle | None = None,
    ) -> None:
        self.name = name
        self.gateway = Gateway(
            account=name,
            endpoint=endpoint,
            token_endpoint=token_endpoint,
            marketplaces=marketplaces,
            credentials=credentials,
            clock=clock,
            throttle=throttle or Throttle(clock),
        )
        self.orders = AmazonOrders(self.gateway, clock, account=name)
        self.spare_orders = ThriftyOrders(self.orders, self.gateway.throttle)
        self.offers = AmazonListings(self.gateway, clock, account=name, seller_id=seller_id)
        self.feeds = AmazonFeeds(self.gateway, clock, account=name, seller_id=seller_id)
        self.reports = AmazonReports(self.gateway, clock, account=name)
        self.subscriptions = Subscriptions(self.gateway)
        self._clock = clock
        self._seller_id = seller_id

    def server_time_skew(self) -> timedelta | None:
        """Return by how much our clock is ahead of Amazon's; `None` when Amazon does not tell its time.

        Costs one small read, so it also proves that the account's credentials and seller id work.
        Amazon's time has whole seconds, and the answer's travel is in it.
        """
        asked_at = self._clock.now()
        answer = self.gateway.call(
            "searchListingsItems", self._seller_id, params={"pageSize": "1", "includedData": "summaries"}
        )
        if answer.date is None:
            return None
        middle = asked_at + (self._clock.now() - asked_at) / 2
        return middle - answer.date

    def participations(self) -> tuple[Participation, ...]:
        """Return in which marketplaces the account takes part, one small read."""
        return participations(self.gateway)

    def close(self) -> None:
        """Let go of the connections."""
        self.gateway.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
