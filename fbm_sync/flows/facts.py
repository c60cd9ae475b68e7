"""What a plan or a judgement rests on, read from the ledger: the whole shop, or some of its SKUs."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from fbm_sync.domain.change import PushOutcome
from fbm_sync.domain.demand import DEMAND_DAYS
from fbm_sync.domain.health import headroom_of, targets_of, with_reported
from fbm_sync.domain.latency import LATEST, measured_lag
from fbm_sync.domain.listing import ObservedOffer
from fbm_sync.domain.order import Order, Sku, held_units
from fbm_sync.domain.performance import SellerPerformance
from fbm_sync.domain.policy import Headroom
from fbm_sync.domain.restock_proof import PROVEN_DAYS
from fbm_sync.domain.shop import AccountTotals, ShopFacts, ShopTerms, ShopTotals, learn_inbound
from fbm_sync.domain.standing import CR_7, LSR_10, Standing, Window
from fbm_sync.domain.supply import SupplySnapshot
from fbm_sync.ports import Books

REPORT_LIFE = timedelta(days=7)
"""How long Amazon's daily report still speaks when no newer one can be had."""


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
        performance={
            account: reported
            for account in terms.accounts
            if (reported := load_performance(books, account, now)) is not None
        },
        assigned=books.orders.assigned(),
        restock={
            account: books.watch.restock_shown(account, _provable(terms, now)) for account in terms.accounts
        },
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


def load_listings(books: Books, terms: ShopTerms, now: datetime, skus: Collection[Sku]) -> ShopFacts:
    """Read the listings of some SKUs, with their stock and catalogue entries."""
    named = sorted(skus)
    observed: Mapping[str, Mapping[Sku, ObservedOffer]] = {
        account: books.offers.observed(account, named) if named else {} for account in terms.accounts
    }
    return ShopFacts(
        holding=(),
        recent=(),
        supply=books.supply.part(named),
        observed=observed,
        restock={
            account: books.watch.restock_shown(account, _provable(terms, now), named)
            for account in terms.accounts
        },
    )


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
        headroom=_headroom(books, terms, now, account),
        lag=measured_lag(
            books.orders.latest_first_reads(account, midnight, LATEST),
            books.offers.latest_confirmed(account, midnight, LATEST),
            timedelta(minutes=terms.turn_minutes),
        ),
        known_since=books.orders.first_created(account, _since(terms, now)),
    )


def load_performance(books: Books, account: str, now: datetime) -> SellerPerformance | None:
    """Read Amazon's newest report on an account; one that is too old says nothing about now."""
    reported = books.health.performance(account)
    if reported is None or reported.read_at is None or now - reported.read_at > REPORT_LIFE:
        return None
    return reported


def load_standings(
    books: Books, terms: ShopTerms, now: datetime, account: str, windows: Sequence[Window]
) -> tuple[Standing, ...]:
    """Return where an account stands in some measures now, against Amazon's own targets where known."""
    targets = targets_of(load_performance(books, account, now))
    tallies = books.orders.tallies(account, [window.span(now) for window in windows], now, terms.health)
    return tuple(
        window.standing(tally, targets.get(window.metric))
        for window, tally in zip(windows, tallies, strict=True)
    )


def _headroom(books: Books, terms: ShopTerms, now: datetime, account: str) -> Headroom:
    lsr, cr = load_standings(books, terms, now, account, (LSR_10, CR_7))
    return with_reported(headroom_of(lsr, cr), load_performance(books, account, now))


def _provable(terms: ShopTerms, now: datetime) -> datetime:
    """Return the instant from which on orders prove a restock date, or deny it."""
    return terms.calendar.start_of_day(terms.calendar.local_date(now) - timedelta(days=PROVEN_DAYS + 1))


def _since(terms: ShopTerms, now: datetime) -> datetime:
    """Return the instant from which on orders count for rates."""
    return terms.calendar.start_of_day(terms.calendar.local_date(now) - timedelta(days=DEMAND_DAYS - 1))


def _holding(orders: Collection[Order], now: datetime) -> tuple[Order, ...]:
    return tuple(order for order in orders if held_units(order, now))
