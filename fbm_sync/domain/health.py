"""The account's standing with Amazon, measured from our own orders, and how much it can still take.

Amazon's own figures win where they are known: what it calls bad is breached, and its targets count.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import datetime

from fbm_sync.domain.order import Fulfiller, Order, OrderStatus, Shipment
from fbm_sync.domain.performance import MarketplacePerformance, ReportedMetric, SellerPerformance
from fbm_sync.domain.policy import Headroom
from fbm_sync.domain.standing import (
    CR_7,
    LSR_10,
    Basis,
    HealthTerms,
    Metric,
    Rule,
    Span,
    Standing,
    Tally,
    Target,
    Window,
)

BAD = "BAD"
_WEIGHED = (Metric.LSR, Metric.CR)
_UNITS_ON_TIME = "unitOnTimeDeliveryRate"
_RULES = {"LESS_THAN": Rule.BELOW, "GREATER_THAN": Rule.ABOVE}
_USUAL = HealthTerms()


def measure(
    orders: Iterable[Order],
    window: Window,
    now: datetime,
    terms: HealthTerms = _USUAL,
    target: Target | None = None,
) -> Standing:
    """Return where an account with these orders stands in one measure now."""
    return window.standing(count(orders, window.span(now), now, terms), target)


def late_shipments(orders: Iterable[Order], now: datetime) -> Standing:
    """Measure the 10-day LSR: orders whose ship-by fell in the window, late when confirmed after it."""
    return measure(orders, LSR_10, now)


def cancellations(orders: Iterable[Order], now: datetime) -> Standing:
    """Measure the 7-day CR: orders created in the window, cancelled by the seller without a request."""
    return measure(orders, CR_7, now)


def count(orders: Iterable[Order], span: Span, now: datetime, terms: HealthTerms = _USUAL) -> Tally:
    """Count one measure over a span of time, as is known now.

    LSR counts orders and those of them that left after their ship-by, or are past it and still here. CR
    counts orders and those cancelled by the seller's fault. OTDR counts tracked units by the day promised
    for their delivery, and those in time; VTR parcels by the day they left, and those with a tracking number.
    """
    counted = [
        order
        for order in orders
        if _counts(order) and (span.marketplace is None or order.marketplace in (None, span.marketplace))
    ]
    if span.metric is Metric.OTDR:
        return _units_in_time(counted, span)
    if span.metric is Metric.VTR:
        return _tracked_parcels(counted, span)
    basis = terms.basis(span.metric)
    within = [order for order in counted if _is_within(counted_at(order, basis, now), span)]
    if span.metric is Metric.CR:
        return Tally(sum(map(is_seller_fault, within)), len(within))
    due = [order for order in within if order.status is not OrderStatus.CANCELLED]
    return Tally(sum(is_late(order, now) for order in due), len(due))


def counted_at(order: Order, basis: Basis, now: datetime) -> datetime | None:
    """Return the moment that puts an order into a window; `None` as long as nothing does.

    By shipment, what is overdue counts as if it left now, and what is over without a parcel from its end.
    """
    if basis is Basis.SHIP_BY:
        return order.ship_by_at
    if basis is Basis.CREATED:
        return order.created_at
    if order.is_open:
        return now if is_late(order, now) else None
    return order.shipped_at or order.updated_at


def is_late(order: Order, now: datetime) -> bool:
    """Tell whether an order left after its ship-by, or is past it and still here."""
    left_at = now if order.is_open else order.shipped_at
    return left_at is not None and order.ship_by_at is not None and left_at > order.ship_by_at


def is_seller_fault(order: Order) -> bool:
    """Tell whether an order was cancelled in a way that counts against the seller, now or later.

    The seller's own cancellation counts unless the buyer asked for it, Amazon's counts after ship-by; what
    Amazon cancels while there is still time to ship does not.
    """
    own = any(item.cancelled_by == "MERCHANT" and not item.cancel_requested for item in order.items)
    # An order last seen pending failed to be paid, unless the seller cancelled it: that takes a payment.
    if own or order.units_kept_until is not None:
        return own
    too_late = order.ship_by_at is None or order.updated_at > order.ship_by_at
    return too_late and any(item.cancelled_by == "AMAZON" for item in order.items)


def in_time(order: Order, parcel: Shipment) -> bool:
    """Tell whether a parcel was delivered in time, as far as we can see.

    Seen delivered, the day promised for its delivery decides. Not seen, whether it left by ship-by: that is
    an estimate.
    """
    if parcel.delivered_at is not None and order.deliver_by_at is not None:
        return parcel.delivered_at <= order.deliver_by_at
    return order.ship_by_at is None or parcel.shipped_at <= order.ship_by_at


def _units_in_time(orders: Iterable[Order], span: Span) -> Tally:
    parcels = [
        (order, parcel)
        for order in orders
        if _is_within(order.deliver_by_at, span)
        for parcel in order.shipments
        if parcel.tracked
    ]
    good = sum(parcel.units for order, parcel in parcels if in_time(order, parcel))
    return Tally(good, sum(parcel.units for _, parcel in parcels))


def _tracked_parcels(orders: Iterable[Order], span: Span) -> Tally:
    """Count parcels once, however many lines they hold; one of which nothing is known is left out."""
    tracked: dict[tuple[str, str, str], bool] = {}
    for order in orders:
        for part in order.shipments:
            if part.tracked is not None and _is_within(part.shipped_at, span):
                parcel = (order.account, order.order_id, part.parcel)
                tracked[parcel] = part.tracked or tracked.get(parcel, False)
    return Tally(sum(tracked.values()), len(tracked))


def _is_within(at: datetime | None, span: Span) -> bool:
    return at is not None and span.since <= at <= span.until


def _counts(order: Order) -> bool:
    return order.fulfilled_by is not Fulfiller.AMAZON and not order.is_pending


# --- how much the account can take -------------------------------------------------------------------


def headroom(
    orders: Iterable[Order],
    now: datetime,
    terms: HealthTerms = _USUAL,
    targets: Mapping[Metric, Target] | None = None,
) -> Headroom:
    """Return how many more late and cancelled orders the account can take now."""
    known, asked = tuple(orders), targets or {}
    lsr, cr = (measure(known, window, now, terms, asked.get(window.metric)) for window in (LSR_10, CR_7))
    return headroom_of(lsr, cr)


def headroom_of(lsr: Standing, cr: Standing) -> Headroom:
    """Return how many more late and cancelled orders these two measures leave."""
    return Headroom(
        late_orders=lsr.headroom_orders,
        cancelled_orders=cr.headroom_orders,
        breached=tuple(standing.metric.value for standing in (lsr, cr) if standing.breached),
    )


# --- Amazon's own word -------------------------------------------------------------------------------


def stated(place: MarketplacePerformance, metric: Metric) -> ReportedMetric | None:
    """Return what Amazon states of one measure; deliveries on time by unit where Amazon counts units."""
    if metric is Metric.OTDR:
        units = place.metric(_UNITS_ON_TIME)
        if units is not None and units.denominator:
            return units
    return place.metric(metric.value)


def targets_of(reported: SellerPerformance | None) -> Mapping[Metric, Target]:
    """Return the targets Amazon's report names; of several marketplaces the strictest counts."""
    strictest: dict[Metric, Target] = {}
    for metric in Metric:
        named = [
            target
            for place in (reported.marketplaces if reported else ())
            if (told := stated(place, metric)) is not None and (target := _target(told)) is not None
        ]
        if named:
            # The one that is missed with the fewest bad ones of very many.
            strictest[metric] = min(named, key=lambda target: target.first_breach(_VERY_MANY))
    return strictest


_VERY_MANY = 10**9


def _target(told: ReportedMetric) -> Target | None:
    rule = _RULES.get(told.condition or "")
    if rule is None or told.target is None or not 0 < told.target < 1:
        return None
    part, whole = told.target.as_integer_ratio()
    return Target(part=part, whole=whole, rule=rule)


def worst_stated(
    reported: SellerPerformance | None, metric: Metric
) -> tuple[MarketplacePerformance, ReportedMetric] | None:
    """Return what Amazon states of one measure where it is worst: called bad, else closest to its target."""
    told = [
        (place, one)
        for place in (reported.marketplaces if reported else ())
        if (one := stated(place, metric)) is not None
    ]
    return min(told, key=lambda pair: (pair[1].verdict != BAD, _distance(pair[1])), default=None)


def _distance(told: ReportedMetric) -> float:
    if told.rate is None or told.target is None:
        return float("inf")
    distance = float(told.rate - told.target)
    return -distance if told.condition == "LESS_THAN" else distance


def with_reported(own: Headroom, reported: SellerPerformance | None) -> Headroom:
    """Let Amazon's own word count beside our figures: what it calls BAD is breached, whatever we measured.

    Deliveries on time (OTDR) are Amazon's figure alone; of several marketplaces the one closest to its
    target, or furthest below it, speaks.
    """
    places = reported.marketplaces if reported else ()
    bad = {
        metric.value
        for place in places
        for metric in _WEIGHED
        if (told := stated(place, metric)) is not None and told.verdict == BAD
    }
    on_time = [
        (float(told.rate), float(told.target))
        for place in places
        if (told := stated(place, Metric.OTDR)) is not None
        and told.rate is not None
        and told.target is not None
        and told.denominator != 0
    ]
    rate, target = min(on_time, key=lambda one: one[0] - one[1], default=(None, own.on_time_target))
    return dataclasses.replace(
        own,
        breached=tuple(metric.value for metric in _WEIGHED if metric.value in {*own.breached, *bad}),
        on_time_rate=rate,
        on_time_target=target,
    )
