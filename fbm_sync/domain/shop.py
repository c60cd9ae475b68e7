"""What a plan rests on: the seller's standing rules, the facts of one moment, what the whole shop tells.

Facts may be those of a part of the shop: some SKUs with all their stock, lots, listings and orders. What
such a part cannot know (how fast orders are seen, how many late ones the account can take, how suppliers
keep their word) are the shop's totals.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from fbm_sync.domain.allocation import Assigned
from fbm_sync.domain.arrivals import received_shares
from fbm_sync.domain.calendar import ShipCalendar, ShipCalendars
from fbm_sync.domain.change import PushLimits, PushReceipt
from fbm_sync.domain.channel import Channel
from fbm_sync.domain.demand import known_since
from fbm_sync.domain.health import headroom, targets_of, with_reported
from fbm_sync.domain.history import LeadTimeHistory, learn
from fbm_sync.domain.latency import measured_lag
from fbm_sync.domain.listing import ObservedOffer
from fbm_sync.domain.offer import AutomatedHandling
from fbm_sync.domain.open_risk import OpenRisks
from fbm_sync.domain.order import Order, Sku
from fbm_sync.domain.performance import SellerPerformance
from fbm_sync.domain.policy import BackorderPolicy, Headroom
from fbm_sync.domain.restock_proof import RestockShown
from fbm_sync.domain.standing import HealthTerms
from fbm_sync.domain.supply import CatalogEntry, Lot, Receipt, SupplySnapshot, why_stale


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ShopTerms:
    """The seller's standing rules: policies by name ("default" always), calendar, limits, accounts.

    `late_limit` is the chance of being late from which an order is at risk; `lag_minutes` is the time
    from a buyer's order to our reaction as long as it has not been measured, `turn_minutes` the part of it
    that passes between our look and our write. `channels` says by account from which pool it sells, and
    how much of it; none of them, or all, name a pool. `account_calendars` holds the calendars of accounts
    with a time zone of their own. With `split_shipments` the lines of an order may leave one by one.
    `health` says how the account's health is measured.
    """

    policies: Mapping[str, BackorderPolicy]
    calendar: ShipCalendar
    limits: PushLimits
    accounts: Mapping[str, AutomatedHandling]
    late_limit: float = 0.10
    lag_minutes: float = 15.0
    turn_minutes: float = 10.0
    channels: Mapping[str, Channel] = dataclasses.field(default_factory=dict)
    account_calendars: Mapping[str, ShipCalendar] = dataclasses.field(default_factory=dict)
    split_shipments: bool = False
    health: HealthTerms = dataclasses.field(default_factory=HealthTerms)

    @property
    def calendars(self) -> ShipCalendars:
        """The calendar by which the orders of each account are due."""
        return ShipCalendars(house=self.calendar, of_accounts=self.account_calendars)

    def policy_for(self, entry: CatalogEntry) -> BackorderPolicy:
        """Return the policy a catalogue entry names, else the default one."""
        return self.policies[entry.policy or "default"]

    def pool_of(self, account: str) -> str:
        """Return the pool an account sells from; empty where none is named."""
        return self.channels.get(account, Channel()).pool

    def pools(self, accounts: Iterable[str]) -> tuple[str, ...]:
        """Return the pools that the configured and these further accounts sell from, at least one."""
        return tuple(sorted({self.pool_of(account) for account in {*self.accounts, *accounts}})) or ("",)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ShopFacts:
    """What is known at one moment of a shop, or of some of its SKUs.

    `holding` are orders that hold units; `recent` are orders of the last weeks, the basis of rates;
    `observed` is what Amazon shows, by account and SKU. `demand_factors` are for suppositions: how many
    times as fast as measured a SKU sells. `confirmed` are changes seen live at Amazon, the measure of how
    long one takes; `performance` is Amazon's own word on an account, where it is known. `assigned` is what
    orders were assigned when they were last judged. `restock` is what orders show of restock
    dates, by account and SKU.
    """

    holding: Sequence[Order]
    recent: Sequence[Order]
    supply: SupplySnapshot
    observed: Mapping[str, Mapping[Sku, ObservedOffer]] = dataclasses.field(default_factory=dict)
    demand_factors: Mapping[Sku, float] = dataclasses.field(default_factory=dict)
    confirmed: Sequence[PushReceipt] = ()
    performance: Mapping[str, SellerPerformance] = dataclasses.field(default_factory=dict)
    assigned: Assigned = dataclasses.field(default_factory=dict)
    restock: Mapping[str, Mapping[Sku, RestockShown]] = dataclasses.field(default_factory=dict)

    def of_pool(self, pool: str, terms: ShopTerms) -> "ShopFacts":
        """Return what belongs to one pool: what lies in one never serves the orders of another.

        As long as no account names a pool, all stock is one.
        """
        if not any(channel.pool for channel in terms.channels.values()):
            return self
        supply = self.supply
        return dataclasses.replace(
            self,
            holding=[order for order in self.holding if terms.pool_of(order.account) == pool],
            recent=[order for order in self.recent if terms.pool_of(order.account) == pool],
            supply=dataclasses.replace(
                supply,
                stock=tuple(count for count in supply.stock if count.pool == pool),
                lots=tuple(lot for lot in supply.lots if lot.pool == pool),
            ),
            observed={
                account: offers for account, offers in self.observed.items() if terms.pool_of(account) == pool
            },
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class InboundPast:
    """What past purchase orders taught: how late they come, and what part of each (percent, by supplier)."""

    lead_times: LeadTimeHistory
    shares: Mapping[str, tuple[int, ...]]


def learn_inbound(receipts: Sequence[Receipt], lots: Sequence[Lot]) -> InboundPast:
    """Learn from all past receipts and the closed ones of these lots; open ones tell which legs there are."""
    return InboundPast(lead_times=learn(receipts, lots), shares=received_shares(lots, receipts))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AccountTotals:
    """What only all orders of an account tell.

    `lag` is the measured time from a buyer's order to our reaction, `None` as long as there is too little
    to measure; `known_since` the first order of the weeks that rates are taken from. `open_risks` are
    those of orders that are not among the facts.
    """

    headroom: Headroom = dataclasses.field(default_factory=Headroom)
    lag: timedelta | None = None
    known_since: datetime | None = None
    open_risks: OpenRisks = dataclasses.field(default_factory=OpenRisks)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ShopTotals:
    """What no part of a shop can know by itself; `counted_at` is the newest count of each pool."""

    past: InboundPast
    accounts: Mapping[str, AccountTotals]
    counted_at: Mapping[str, datetime | None]

    def of(self, account: str) -> AccountTotals:
        """Return an account's totals."""
        return self.accounts.get(account, AccountTotals())

    def known_since(self, pool: str, terms: ShopTerms) -> datetime | None:
        """Return the first order of a pool's accounts within the weeks that rates are taken from."""
        moments = (
            totals.known_since for account, totals in self.accounts.items() if terms.pool_of(account) == pool
        )
        return min((moment for moment in moments if moment is not None), default=None)

    def why_stale(self, pool: str, terms: ShopTerms, now: datetime) -> str | None:
        """Say why the stock of a pool was counted too long ago to raise anything."""
        return why_stale(self.counted_at.get(pool), now, max_age_hours=terms.limits.max_supply_age_hours)


def totals_of(facts: ShopFacts, terms: ShopTerms, now: datetime) -> ShopTotals:
    """Return the totals of a shop whose facts are complete."""
    accounts = {*terms.accounts, *facts.observed, *(order.account for order in facts.recent)}
    pools = terms.pools({*accounts, *(order.account for order in facts.holding)})
    supplies = {pool: facts.of_pool(pool, terms).supply for pool in pools}
    return ShopTotals(
        past=learn_inbound(facts.supply.receipts, facts.supply.lots),
        accounts={account: _account_totals(facts, terms, now, account) for account in accounts},
        counted_at={pool: supply.counted_at for pool, supply in supplies.items()},
    )


def _account_totals(facts: ShopFacts, terms: ShopTerms, now: datetime, account: str) -> AccountTotals:
    orders = [order for order in facts.recent if order.account == account]
    confirmed = [receipt for receipt in facts.confirmed if receipt.change.account == account]
    midnight = terms.calendar.start_of_day(terms.calendar.local_date(now))
    reported = facts.performance.get(account)
    return AccountTotals(
        headroom=with_reported(headroom(orders, now, terms.health, targets_of(reported)), reported),
        lag=measured_lag(orders, confirmed, timedelta(minutes=terms.turn_minutes), before=midnight),
        known_since=known_since(orders, terms.calendar, now),
    )


def days_of(terms: ShopTerms, now: datetime) -> tuple[tuple[str, date, date], ...]:
    """Return by place the local date and the ship day on which work begins: what a new day changes."""
    calendars = {"": terms.calendar, **terms.account_calendars}
    return tuple(
        (place, calendar.local_date(now), calendar.start_on(now))
        for place, calendar in sorted(calendars.items())
    )
