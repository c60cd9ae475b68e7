"""What the ledger promises of the account's health, on SQLite and on PostgreSQL alike."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from alembic import command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from fbm_sync.adapters.store import schema
from fbm_sync.adapters.store.ledger import SqlLedger, open_ledger
from fbm_sync.domain.health import count
from fbm_sync.domain.order import Fulfiller, OrderStatus
from fbm_sync.domain.performance import (
    AccountStatus,
    MarketplacePerformance,
    ReportedMetric,
    SellerPerformance,
)
from fbm_sync.domain.projection import Pace, open_order_of, pace_of
from fbm_sync.domain.risk import OrderOutlook, OrderState
from fbm_sync.domain.standing import WINDOWS, Basis, HealthTerms, Metric, Span
from fbm_sync.ports import ToldStatus

from builders import NOW, a_shipment, an_item, an_order, in_days, on_day

DAY = timedelta(days=1)


@pytest.fixture
def ledger(ledger_url):
    with open_ledger(ledger_url, create=True) as ledger:
        yield ledger


@pytest.fixture
def books(ledger):
    with ledger.transaction() as books:
        yield books


# --- Amazon's reports ------------------------------------------------------------------------------


def reported(*names, account="us", rate="0.01"):
    metric = ReportedMetric(
        name="LSR", verdict="GOOD", rate=Decimal(rate), target=Decimal("0.04"), condition="LESS_THAN"
    )
    return SellerPerformance(
        account=account,
        marketplaces=tuple(
            MarketplacePerformance(marketplace=name, status=AccountStatus.NORMAL, metrics=(metric,))
            for name in names
        ),
    )


def test_amazons_report_is_kept_for_every_day_and_comes_back_as_it_was(books):
    assert books.health.performance("us") is None
    first, second = reported("B", "A"), reported("A", rate="0.0333333333333333333333")
    books.health.record_performance(first, NOW)
    books.health.record_performance(second, NOW + DAY)
    books.health.record_performance(reported("C", account="other"), NOW + 2 * DAY)
    assert books.health.performance("us") == replace(second, read_at=NOW + DAY)
    kept = books.health.performances("us", on_day(0))
    assert kept == (replace(first, read_at=NOW), replace(second, read_at=NOW + DAY))
    assert books.health.performances("us", on_day(1)) == kept[1:]


def test_a_second_report_of_the_same_day_replaces_the_first(books):
    books.health.record_performance(reported("A", "B"), NOW)
    books.health.record_performance(reported("A", rate="0.5"), NOW + timedelta(hours=1))
    (kept,) = books.health.performances("us", on_day(0))
    assert kept == replace(reported("A", rate="0.5"), read_at=NOW + timedelta(hours=1))


def test_the_latest_status_amazon_announced_is_remembered_in_whichever_order_it_came(books):
    assert books.health.status("us") is None
    at_risk = ToldStatus(status="AT_RISK", former="NORMAL", told_at=NOW)
    books.health.record_status("us", at_risk)
    books.health.record_status("us", ToldStatus(status="NORMAL", told_at=NOW - DAY))
    assert books.health.status("us") == at_risk


# --- measures counted by the database --------------------------------------------------------------


def random_past(rng):
    """Orders of all kinds, some of them odd."""
    orders = []
    for number in range(rng.randint(0, 25)):
        created_at = NOW - rng.randint(0, 40 * 24) * timedelta(hours=1)
        ship_by_at = rng.choice((None, NOW, *[created_at + rng.randint(-24, 200) * timedelta(hours=1)] * 4))
        status = rng.choice((*OrderStatus, *[OrderStatus.SHIPPED] * 6, *[OrderStatus.CANCELLED] * 2))
        item = an_item(
            units=rng.randint(1, 4),
            cancelled_by=rng.choice(("MERCHANT", "AMAZON", "BUYER"))
            if status is OrderStatus.CANCELLED
            else None,
            cancel_requested=rng.random() < 0.3,
            unfulfilled_units=0 if status is OrderStatus.SHIPPED else None,
        )
        orders.append(
            an_order(
                f"{number}",
                account=rng.choice(("us", "us", "us", "de")),
                status=status,
                created_at=created_at,
                updated_at=min(NOW, created_at + rng.randint(0, 300) * timedelta(hours=1)),
                items=(item,),
                marketplace=rng.choice((None, "A", "B")),
                fulfilled_by=rng.choice((*[Fulfiller.MERCHANT] * 5, *Fulfiller)),
                ship_by_at=ship_by_at,
                deliver_by_at=rng.choice((None, created_at + rng.randint(0, 400) * timedelta(hours=1))),
                units_kept_until=rng.choice((None, None, None, NOW)),
                shipments=tuple(random_parcels(rng, created_at, ship_by_at)),
            )
        )
    return orders


def random_parcels(rng, created_at, ship_by_at):
    for number in range(rng.choice((0, 1, 1, 2, 3))):
        shipped_at = rng.choice((ship_by_at, None)) or created_at + rng.randint(0, 200) * timedelta(hours=1)
        delivered = rng.random() < 0.5
        delivered_at = shipped_at + rng.randint(0, 200) * timedelta(hours=1)
        yield a_shipment(
            units=rng.randint(1, 3),
            shipment_id=f"{number}",
            shipped_at=shipped_at,
            parcel=rng.choice(("", "1", "2")),
            tracked=rng.choice((None, True, True, False)),
            delivered=delivered,
            delivered_at=delivered_at if delivered and rng.random() < 0.8 else None,
        )


def random_spans(rng):
    spans = [window.span(NOW, ahead_days=rng.choice((0, 0, 3, 9))) for window in WINDOWS]
    for metric in Metric:
        since = NOW - rng.randint(0, 40 * 24) * timedelta(hours=1)
        spans.append(Span(metric, since, since + rng.randint(0, 20) * DAY, rng.choice((None, "A", "C"))))
    rng.shuffle(spans)
    return spans


class _Undo(Exception):
    """Ends an example."""


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.integers(0, 2**32))
def test_every_measure_is_counted_as_the_domain_counts_it(ledger, seed):
    rng = random.Random(seed)
    orders, spans = random_past(rng), random_spans(rng)
    terms = HealthTerms(lsr_by=rng.choice(list(Basis)), cr_by=rng.choice(list(Basis)))
    mine = [order for order in orders if order.account == "us"]
    try:
        with ledger.transaction() as books:
            books.orders.record(orders)
            found = books.orders.tallies("us", spans, NOW, terms)
            pace = books.orders.pace("us", NOW)
            raise _Undo
    except _Undo:
        pass
    assert found == tuple(count(mine, span, NOW, terms) for span in spans)
    placed = [
        (order.created_at, order.ship_by_at)
        for order in mine
        if order.fulfilled_by is not Fulfiller.AMAZON and not order.is_pending
    ]
    assert pace == pace_of(placed, NOW)


def test_a_shop_without_orders_counts_nothing(books):
    spans = [window.span(NOW) for window in WINDOWS]
    assert books.orders.tallies("us", spans, NOW, HealthTerms()) == ((0, 0),) * len(WINDOWS)
    assert books.orders.pace("us", NOW) == Pace()
    assert books.orders.tallies("us", [], NOW, HealthTerms()) == ()


def an_outlook(order_id, **changes):
    fields = {
        "account": "us",
        "order_id": order_id,
        "state": OrderState.AT_RISK,
        "reason": "",
        "judged_at": NOW,
        "ship_by_at": in_days(3),
        "late_probability": 0.3,
        "blamed_lot": "PO-1/1",
    }
    return OrderOutlook(**(fields | changes))


def test_open_orders_are_told_with_what_was_judged_of_them_unless_they_are_not_paid(books):
    mine = an_order("1", deliver_by_at=in_days(9))
    pending = an_order("2", status=OrderStatus.PENDING)
    books.orders.record([mine, pending, an_order("3", account="de")])
    outlooks = [an_outlook("1"), an_outlook("2"), an_outlook("3", account="de")]
    books.orders.record_outlooks(outlooks, NOW)
    expected = open_order_of(outlooks[0], mine.created_at, mine.deliver_by_at)
    assert books.orders.open_orders("us") == (expected,)


def test_a_parcel_comes_back_with_when_it_was_seen_delivered(books):
    parcel = a_shipment(parcel="1-x", tracked=True, delivered=True, delivered_at=NOW)
    books.orders.record([an_order("1", status=OrderStatus.SHIPPED, shipments=(parcel,))])
    ((found,),) = (order.shipments for order in books.orders.find(["1"]))
    assert (found, found.delivered_at) == (parcel, NOW)


# --- upgrades --------------------------------------------------------------------------------------

_OLD_PARCEL = """
INSERT INTO shipments
    (account, order_id, position, shipment_id, order_item_id, sku, units, shipped_at, rest)
VALUES ('us', '1', 0, 's', 'i', 'A', 3, :at, NULL)
"""
_OLD_ORDER = """
INSERT INTO orders
    (account, order_id, status, status_text, fulfilled_by, created_at, updated_at, is_open, seller_fault)
VALUES ('us', '1', 'SHIPPED', '', 'MERCHANT', :at, :at, :no, :no)
"""


def test_parcels_of_an_older_release_stay_and_nothing_is_claimed_of_them(database_url):
    at = datetime(2026, 2, 27, tzinfo=UTC)
    with SqlLedger(database_url) as ledger:
        if ledger._file:
            ledger._file.touch()
        with ledger._engine.begin() as connection:
            command.upgrade(schema.configuration(connection), "0004")
            moment = at if connection.dialect.name == "postgresql" else f"{at:%Y-%m-%d %H:%M:%S.%f}"
            for statement in (_OLD_ORDER, _OLD_PARCEL):
                connection.execute(text(statement), {"at": moment, "no": False})
        assert ledger.upgrade().is_current
    with open_ledger(database_url) as ledger, ledger.transaction() as books:
        ((parcel,),) = (order.shipments for order in books.orders.find(["1"]))
        assert (parcel.units, parcel.shipped_at) == (3, at)
        assert (parcel.parcel, parcel.tracked, parcel.delivered) == ("", None, False)
        spans = [window.span(NOW) for window in WINDOWS[3:]]
        assert books.orders.tallies("us", spans, NOW, HealthTerms()) == ((0, 0), (0, 0))
