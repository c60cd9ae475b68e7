"""The account's standing: late and cancelled orders, and how many more it can take."""

import dataclasses
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fbm_sync.domain.health import (
    cancellations,
    count,
    counted_at,
    headroom,
    is_seller_fault,
    late_shipments,
    measure,
    stated,
    targets_of,
    with_reported,
    worst_stated,
)
from fbm_sync.domain.order import Fulfiller, OrderStatus
from fbm_sync.domain.performance import (
    AccountStatus,
    MarketplacePerformance,
    ReportedMetric,
    SellerPerformance,
)
from fbm_sync.domain.policy import Headroom
from fbm_sync.domain.standing import (
    LSR_10,
    LSR_30,
    OTDR_14,
    VTR_30,
    Basis,
    Metric,
    Rule,
    Standing,
    Tally,
    Target,
)

from builders import NOW, a_shipment, a_shipped_order, an_item, an_order, in_days


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
        (cancelled("MERCHANT", units_kept_until=NOW), 1),
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


# --- windows, and what counts in them --------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "numerator", "denominator", "breached", "room"),
    [
        (Rule.AT_LEAST, 90, 100, False, 0),
        (Rule.AT_LEAST, 89, 100, True, 0),
        (Rule.AT_LEAST, 20, 20, False, 2),
        (Rule.AT_LEAST, 0, 0, False, 0),
        (Rule.ABOVE, 90, 100, True, 0),
        (Rule.ABOVE, 91, 100, False, 0),
        (Rule.ABOVE, 20, 20, False, 1),
    ],
)
def test_nine_units_of_ten_must_be_delivered_in_time(rule, numerator, denominator, breached, room):
    target = Target(part=90, whole=100, rule=rule)
    standing = OTDR_14.standing(Tally(numerator, denominator), target)
    assert (standing.breached, standing.headroom_orders) == (breached, room)
    assert standing.rate == (numerator / denominator if denominator else None)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2000), st.integers(1, 99), st.sampled_from(Rule))
def test_the_first_breach_is_the_fewest_bad_ones_that_miss_the_target(total, part, rule):
    def missed(bad):
        good = total - bad
        if rule is Rule.BELOW:
            return 100 * bad >= part * total
        return 100 * good < part * total or (rule is Rule.ABOVE and 100 * good == part * total)

    first = Target(part=part, whole=100, rule=rule).first_breach(total)
    assert missed(first)
    assert first == 0 or not missed(first - 1)


def test_a_window_moves_on_day_by_day():
    span = OTDR_14.span(NOW, ahead_days=2)
    assert (span.since, span.until) == (in_days(-19), in_days(-5))
    assert (LSR_10.span(NOW).since, LSR_10.span(NOW).until) == (in_days(-10), NOW)


@pytest.mark.parametrize(
    ("basis", "order", "at"),
    [
        (Basis.SHIP_BY, an_order(), in_days(3)),
        (Basis.CREATED, an_order(created_at=in_days(-2)), in_days(-2)),
        (Basis.SHIPPED, a_shipped_order(shipped_at=in_days(-1)), in_days(-1)),
        (Basis.SHIPPED, an_order(), None),
        (Basis.SHIPPED, an_order(ship_by_at=in_days(-1)), NOW),
        (Basis.SHIPPED, cancelled(updated_at=in_days(-2)), in_days(-2)),
    ],
    ids=["due", "placed", "left", "still here", "overdue", "cancelled"],
)
def test_the_settings_say_which_moment_puts_an_order_into_a_window(basis, order, at):
    assert counted_at(order, basis, NOW) == at


def test_late_shipments_are_counted_over_a_month_too():
    old = [a_shipped_order("old", ship_by_at=in_days(-20), shipped_at=in_days(-19))]
    assert measure(old, LSR_10, NOW).denominator == 0
    assert measure(old, LSR_30, NOW).numerator == 1


def test_an_order_is_not_late_at_the_very_moment_of_its_ship_by():
    assert measure([an_order(ship_by_at=NOW)], LSR_10, NOW) == LSR_10.standing(Tally(0, 1))


def test_what_amazon_cancels_after_ship_by_counts_even_if_the_buyer_asked():
    assert is_seller_fault(cancelled("AMAZON", wished=True, ship_by_at=in_days(-1), updated_at=NOW))


def delivered(at, *, units=1, tracked=True, deliver_by=-10, ship_by=-12, left=-12):
    parcel = a_shipment(units=units, shipped_at=in_days(left), tracked=tracked)
    arrived = None if at is None else in_days(at)
    parcel = dataclasses.replace(parcel, delivered=at is not None, delivered_at=arrived)
    dates = {"deliver_by_at": deliver_by and in_days(deliver_by), "ship_by_at": ship_by and in_days(ship_by)}
    return a_shipped_order(shipments=(parcel,), **dates)


@pytest.mark.parametrize(
    ("order", "tally"),
    [
        (delivered(-10, units=3), (3, 3)),
        (delivered(-9.9, units=3), (0, 3)),
        (delivered(None), (1, 1)),
        (delivered(None, left=-11.9), (0, 1)),
        (delivered(None, ship_by=None), (1, 1)),
        (delivered(-9.9, tracked=False), (0, 0)),
        (delivered(-9.9, tracked=None), (0, 0)),
        (delivered(-30, deliver_by=-21.1), (0, 0)),
        (delivered(-30, deliver_by=-21), (1, 1)),
        (delivered(-8, deliver_by=-6.9), (0, 0)),
        (delivered(-8, deliver_by=None), (0, 0)),
    ],
)
def test_units_are_in_time_when_seen_delivered_by_then_or_else_when_they_left_by_ship_by(order, tally):
    assert count([order], OTDR_14.span(NOW), NOW) == tally


def test_a_parcel_counts_once_however_many_lines_it_holds():
    lines = [a_shipment(parcel="1", tracked=True), a_shipment("B", parcel="1", tracked=False)]
    others = [a_shipment(parcel="2", tracked=False), a_shipment(tracked=None)]
    old = a_shipment(parcel="3", tracked=True, shipped_at=in_days(-30.1))
    order = a_shipped_order(shipments=(*lines, *others, old))
    assert count([order], VTR_30.span(NOW), NOW) == (1, 2)


def test_one_marketplace_counts_alone_where_it_is_asked_for():
    orders = [a_shipped_order(f"{name}", marketplace=name, ship_by_at=NOW) for name in ("A", "B", None)]
    span = LSR_10.span(NOW)
    assert count(orders, span, NOW).denominator == 3
    assert count(orders, span._replace(marketplace="A"), NOW).denominator == 2


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


def target(value, condition="LESS_THAN", name="CR", **figures):
    return ReportedMetric(
        name=name, verdict="GOOD", target=value and Decimal(value), condition=condition, **figures
    )


def test_amazons_targets_win_and_the_strictest_of_several_counts():
    told = targets_of(reported(target("0.025"), target("0.01"), target("0.02")))
    assert told == {Metric.CR: Target(part=1, whole=100, rule=Rule.BELOW)}
    assert headroom([an_order()] * 50, NOW).cancelled_orders == 1
    assert headroom([an_order()] * 50, NOW, targets=told).cancelled_orders == 0
    (on_time_target,) = targets_of(reported(target("0.9", "GREATER_THAN", "OTDR"))).values()
    assert on_time_target == Target(part=9, whole=10, rule=Rule.ABOVE)


@pytest.mark.parametrize(
    "metric", [target(None), target("0.02", "EQUALS"), target("0"), target("2"), target("0.02", name="ODR")]
)
def test_a_target_that_makes_no_sense_changes_nothing(metric):
    assert targets_of(reported(metric)) == {}
    assert targets_of(None) == {}


def test_deliveries_count_by_unit_where_amazon_counts_units():
    units = ReportedMetric(name="unitOnTimeDeliveryRate", verdict="GOOD", denominator=9)
    none = dataclasses.replace(units, denominator=0)
    parcels = on_time("0.97")

    def told(*metrics):
        place = MarketplacePerformance(marketplace="M", status=AccountStatus.NORMAL, metrics=metrics)
        return stated(place, Metric.OTDR)

    assert told(parcels, units) is units
    assert told(parcels, none) is parcels
    assert told() is None


def test_the_marketplace_that_amazon_calls_bad_speaks_first():
    good = target("0.025", rate=Decimal("0.02"))
    better = target("0.025", rate=Decimal("0.01"))
    bad = dataclasses.replace(better, verdict="BAD")
    assert worst_stated(reported(better, good), Metric.CR)[1] is good
    assert worst_stated(reported(better, good, bad), Metric.CR)[1] is bad
    assert worst_stated(reported(target(None), better), Metric.CR)[1] is better
    assert worst_stated(reported(on_time("0.95"), on_time("0.91")), Metric.OTDR)[1].rate == Decimal("0.91")
    assert worst_stated(None, Metric.CR) is None


def test_nothing_delivered_yet_says_nothing_of_deliveries_on_time():
    none = dataclasses.replace(on_time("0.0"), denominator=0)
    assert with_reported(Headroom(), reported(none)).on_time_rate is None
