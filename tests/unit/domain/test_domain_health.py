"""The account's standing: late and cancelled orders, and how many more it can take."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fbm_sync.domain.health import (
    AccountStatus,
    MarketplacePerformance,
    Metric,
    ReportedMetric,
    SellerPerformance,
    Standing,
    cancellations,
    headroom,
    late_shipments,
    with_reported,
)
from fbm_sync.domain.order import Fulfiller, OrderStatus
from fbm_sync.domain.policy import Headroom

from builders import NOW, a_shipped_order, an_item, an_order, in_days


def shipped(count, *, late=0):
    return [
        a_shipped_order(
            f"{n}", created_at=in_days(-3), ship_by_at=in_days(-2), shipped_at=in_days(-1 if n < late else -2)
        )
        for n in range(count)
    ]


def cancelled(by="MERCHANT", order_id="c", **changes):
    item = an_item(cancelled_by=by, cancel_requested=changes.pop("wished", False))
    return an_order(order_id, status=OrderStatus.CANCELLED, items=(item,), **changes)


@pytest.mark.parametrize(
    ("numerator", "denominator", "breached", "room"),
    [
        (0, 0, False, 0),
        (0, 1, False, 0),
        (1, 1, True, 0),
        (0, 25, False, 0),
        (0, 26, False, 1),
        (3, 100, False, 0),
        (4, 100, True, 0),
        (0, 100, False, 3),
        (9, 100, True, 0),
    ],
)
def test_four_late_orders_of_a_hundred_breach_the_late_shipment_rate(numerator, denominator, breached, room):
    standing = Standing(
        metric=Metric.LSR, window_days=10, numerator=numerator, denominator=denominator, limit=(4, 100)
    )
    assert standing.breached == breached
    assert standing.headroom_orders == room


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 3000), st.integers(1, 3000), st.sampled_from(((4, 100), (25, 1000))))
def test_the_room_left_is_the_most_orders_that_do_not_breach(bad, orders, limit):
    def breached(more):
        return Standing(
            metric=Metric.LSR, window_days=10, numerator=bad + more, denominator=orders, limit=limit
        ).breached

    standing = Standing(metric=Metric.LSR, window_days=10, numerator=bad, denominator=orders, limit=limit)
    room = standing.headroom_orders
    assert breached(0) == standing.breached
    assert breached(room + 1)
    assert room == 0 or not breached(room)


def test_orders_confirmed_after_ship_by_are_late():
    standing = late_shipments(shipped(5, late=2), NOW)
    assert (standing.numerator, standing.denominator, standing.window_days) == (2, 5, 10)


def test_an_order_past_its_ship_by_and_still_here_is_late_already():
    assert late_shipments([an_order(ship_by_at=in_days(-1))], NOW).numerator == 1


@pytest.mark.parametrize(
    "order",
    [
        an_order(ship_by_at=in_days(1)),
        an_order(ship_by_at=in_days(-10.1)),
        an_order(ship_by_at=None),
        an_order(ship_by_at=in_days(-1), status=OrderStatus.PENDING),
        an_order(ship_by_at=in_days(-1), status=OrderStatus.CANCELLED),
        an_order(ship_by_at=in_days(-1), fulfilled_by=Fulfiller.AMAZON),
    ],
    ids=["not yet due", "long ago", "unknown", "pending", "cancelled", "Amazon's"],
)
def test_orders_outside_the_window_do_not_count(order):
    assert late_shipments([order], NOW).denominator == 0


def test_a_shipped_order_without_a_date_is_not_called_late():
    assert late_shipments([a_shipped_order(shipments=(), ship_by_at=in_days(-1))], NOW).numerator == 0


@pytest.mark.parametrize(
    ("order", "counts"),
    [
        (cancelled("MERCHANT"), 1),
        (cancelled("MERCHANT", wished=True), 0),
        (cancelled("BUYER"), 0),
        (cancelled("AMAZON", ship_by_at=in_days(-1), updated_at=NOW), 1),
        (cancelled("AMAZON", ship_by_at=in_days(1), updated_at=NOW), 0),
        (cancelled("MERCHANT", ship_by_at=in_days(1), updated_at=NOW), 1),
        (cancelled("AMAZON", ship_by_at=None), 1),
        (cancelled("AMAZON", ship_by_at=None, units_kept_until=NOW), 0),
        (an_order(), 0),
    ],
)
def test_a_cancellation_counts_when_it_is_the_sellers_fault(order, counts):
    standing = cancellations([order], NOW)
    assert (standing.numerator, standing.denominator, standing.window_days) == (counts, 1, 7)


@pytest.mark.parametrize(
    "order",
    [
        cancelled(created_at=in_days(-7.1)),
        cancelled(created_at=in_days(1)),
        an_order(status=OrderStatus.PENDING),
        cancelled(fulfilled_by=Fulfiller.AMAZON),
    ],
)
def test_only_the_sellers_orders_of_the_last_week_count_for_cancellations(order):
    assert cancellations([order], NOW).denominator == 0


def test_headroom_names_what_is_breached():
    fine = headroom(iter(shipped(100)), NOW)
    assert (fine.late_orders, fine.cancelled_orders, fine.breached, fine.orders) == (3, 2, (), 2)
    bad = headroom([*shipped(10, late=1), cancelled()], NOW)
    assert (bad.orders, bad.breached) == (0, ("LSR", "CR"))
    assert headroom([], NOW).breached == ()


# --- Amazon's own word ---------------------------------------------------------------------------


def reported(*metrics):
    places = tuple(
        MarketplacePerformance(marketplace=f"M{number}", status=AccountStatus.NORMAL, metrics=(metric,))
        for number, metric in enumerate(metrics)
    )
    return SellerPerformance(account="us", marketplaces=places)


def on_time(rate, target="0.9"):
    return ReportedMetric(
        name="OTDR", verdict="GOOD", rate=rate and Decimal(rate), target=target and Decimal(target)
    )


def test_what_amazon_calls_bad_is_breached_whatever_we_measured():
    bad = [ReportedMetric(name=name, verdict="BAD") for name in ("CR", "LSR", "VTR")]
    good = ReportedMetric(name="LSR", verdict="GOOD")
    assert with_reported(Headroom(), reported(*bad)).breached == ("LSR", "CR")
    assert with_reported(Headroom(breached=("CR",)), reported(good)).breached == ("CR",)


def test_of_several_marketplaces_the_one_closest_to_its_target_speaks():
    found = with_reported(Headroom(), reported(on_time("0.97"), on_time("0.93", "0.92"), on_time("0.95")))
    assert (found.on_time_rate, found.on_time_target) == (0.93, 0.92)


@pytest.mark.parametrize("told", [None, reported(), reported(on_time(None)), reported(on_time("0.9", None))])
def test_without_amazons_figure_nothing_is_said_of_deliveries_on_time(told):
    own = Headroom(late_orders=3, cancelled_orders=2)
    assert with_reported(own, told) == own
