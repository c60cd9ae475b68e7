"""What a plan or a judgement rests on, read from the ledger: the whole shop, or some of its SKUs."""

import dataclasses
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from fbm_sync.domain.change import PushOutcome
from fbm_sync.domain.demand import DEMAND_DAYS
from fbm_sync.domain.health import headroom_of
from fbm_sync.domain.latency import LATEST, measured_lag
from fbm_sync.domain.listing import ObservedOffer
from fbm_sync.domain.order import Order, Sku, held_units
from fbm_sync.domain.shop import AccountTotals, ShopFacts, ShopTerms, ShopTotals, learn_inbound
from fbm_sync.domain.supply import SupplySnapshot
from fbm_sync.ports import Books


def load_facts(books: Books, terms: ShopTerms, now: datetime) -> ShopFacts:
    """Read all that is known of the shop; without any accepted supply nothing is on hand."""
    reading = books.supply.reading()
    orders = books.orders.current(now, _since(terms, now))
    return ShopFacts(
        holding=_holding(orders, now),
        recent=orders,
        supply=reading.snapshot if reading else SupplySnapshot(stock=()),
        observed={account: books.offers.observed(account) for account in terms.accounts},
        confirmed=tuple(
            receipt
            for account in terms.accounts
            for receipt in books.offers.receipts(account, [PushOutcome.CONFIRMED])
        ),
        assigned=books.orders.assigned(),
    )


def load_orders(
    books: Books, terms: ShopTerms, now: datetime, skus: Collection[Sku] | None = None
) -> ShopFacts:
    """Read the open and recent orders, of all or some SKUs, with the stock and lots of what is ordered.

    Of all SKUs, those that nobody orders and that no lot brings are left out.
    """
    orders = books.orders.current(now, _since(terms, now), skus)
    named = skus
    if named is None:
        named = {item.sku for order in orders for item in order.items} | books.supply.skus_with_lots()
    return ShopFacts(
        holding=_holding(orders, now),
        recent=orders,
        supply=books.supply.part(named),
        assigned=books.orders.assigned(skus),
    )


def load_listings(books: Books, terms: ShopTerms, skus: Collection[Sku]) -> ShopFacts:
    """Read the listings of some SKUs, with their stock and catalogue entries."""
    named = sorted(skus)
    observed: Mapping[str, Mapping[Sku, ObservedOffer]] = {
        account: books.offers.observed(account, named) if named else {} for account in terms.accounts
    }
    return ShopFacts(holding=(), recent=(), supply=books.supply.part(named), observed=observed)


def load_totals(books: Books, terms: ShopTerms, now: datetime) -> ShopTotals:
    """Read what only the shop as a whole tells; the risks of its open orders are left out."""
    past = books.supply.past()
    return ShopTotals(
        past=learn_inbound(past.receipts, past.lots),
        accounts={account: _account_totals(books, terms, now, account) for account in terms.accounts},
        counted_at=books.supply.state().counted_at,
    )


def with_risks(
    totals: ShopTotals, books: Books, terms: ShopTerms, now: datetime, without: Collection[Sku]
) -> ShopTotals:
    """Add what open orders put at risk, those for some SKUs left out."""
    accounts = {
        account: dataclasses.replace(
            known, open_risks=books.orders.open_risks(account, now, terms.late_limit, without)
        )
        for account, known in totals.accounts.items()
    }
    return dataclasses.replace(totals, accounts=accounts)


def _account_totals(books: Books, terms: ShopTerms, now: datetime, account: str) -> AccountTotals:
    midnight = terms.calendar.start_of_day(terms.calendar.local_date(now))
    return AccountTotals(
        headroom=headroom_of(*books.orders.standings(account, now)),
        lag=measured_lag(
            books.orders.latest_first_reads(account, midnight, LATEST),
            books.offers.latest_confirmed(account, midnight, LATEST),
            timedelta(minutes=terms.turn_minutes),
        ),
        known_since=books.orders.first_created(account, _since(terms, now)),
    )


def _since(terms: ShopTerms, now: datetime) -> datetime:
    """Return the instant from which on orders count for rates."""
    return terms.calendar.start_of_day(terms.calendar.local_date(now) - timedelta(days=DEMAND_DAYS - 1))


def _holding(orders: Collection[Order], now: datetime) -> tuple[Order, ...]:
    return tuple(order for order in orders if held_units(order, now))
