"""The door to what was so before, without which nobody could see that it has changed."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from fbm_sync.domain.drift import Drift
from fbm_sync.domain.listing import Offer
from fbm_sync.domain.order import Order, OrderId, Sku
from fbm_sync.domain.promise_audit import PromiseAudit, ShownTerms
from fbm_sync.domain.restock_proof import RestockShown
from fbm_sync.domain.risk import OrderOutlook, OrderState
from fbm_sync.domain.sku_finding import Worried
from fbm_sync.domain.slip import OrderKey, SlippedLot


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ShippedAudit:
    """An audited order that has left, and when its last parcel did."""

    audit: PromiseAudit
    shipped_at: datetime


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WorriedDecision:
    """A decision in force that carries worries; outdated once Amazon shows another offer than it rests on."""

    worried: Worried
    is_outdated: bool


class WatchBook(Protocol):
    """What is remembered so that trouble can be seen: former dates, former offers, former judgements."""

    def slipped_lots(self, today: date) -> tuple[SlippedLot, ...]:
        """Return the open lots whose date was moved later since it was first known, or has passed."""

    def waiting_for(self, skus: Collection[Sku]) -> tuple[OrderOutlook, ...]:
        """Return the outlooks of orders for these SKUs that wait for inbound, most urgent first."""

    def orders_for(self, skus: Collection[Sku]) -> tuple[OrderOutlook, ...]:
        """Return the outlooks of all open orders for these SKUs, most urgent first."""

    def states_at(self, order_ids: Collection[OrderId], at: datetime) -> Mapping[OrderKey, OrderState]:
        """Return the states in which orders were at an instant, those that were judged then."""

    def drifts(self) -> tuple[tuple[Drift, Offer], ...]:
        """Return the listings that show what we did not write, each with what it shows now."""

    def worried(self) -> tuple[WorriedDecision, ...]:
        """Return the decisions in force that carry worries, by account and SKU."""

    def terms_of(self, account: str, skus: Collection[Sku]) -> Mapping[Sku, Sequence[ShownTerms]]:
        """Return what is known of the handling times and restock dates that listings showed."""

    def unaudited(self, account: str, read_since: datetime) -> tuple[Order, ...]:
        """Return the account's own orders first read since an instant, not pending and not audited yet."""

    def record_audits(self, audits: Sequence[PromiseAudit]) -> None:
        """Keep what orders' ship-bys were held against; an order is audited once.

        What one shows of a restock date is news for the next plan.
        """

    def audits(self, account: str, since: datetime) -> tuple[PromiseAudit, ...]:
        """Return the audits of orders placed since an instant in which something could be compared."""

    def restock_shown(
        self, account: str, since: datetime, skus: Collection[Sku] | None = None
    ) -> Mapping[Sku, RestockShown]:
        """Return what each listing's latest order sold by a restock date shows of it, of all or some SKUs."""

    def shipped_audits(self, account: str, since: datetime) -> tuple[ShippedAudit, ...]:
        """Return the audits of shipped orders placed since an instant that a handling time decided."""

    def busy_skus(self, account: str, since: datetime, at_least: int) -> Mapping[Sku, tuple[int, ...]]:
        """Return the units of each order since an instant, by SKU, of SKUs with so many orders or more."""

    def bought_since(self, account: str, since: Mapping[Sku, datetime]) -> Mapping[Sku, int]:
        """Return the units of orders placed after an instant of each SKU's own, cancelled ones left out."""

    def orders_between(
        self, account: str, skus: Collection[Sku], since: datetime, until: datetime
    ) -> Mapping[Sku, int]:
        """Count orders by SKU placed between two instants, the second one left out."""

    def forget(self, before: datetime) -> None:
        """Forget what listings showed until an instant."""
