"""Where the rates are going: every outcome of small shops counted out, windows that roll, new orders."""

import itertools
import random
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import betabinom

from fbm_sync.domain.allocation import Cover, CoverSource, ItemCover
from fbm_sync.domain.health import count
from fbm_sync.domain.outcome import outcome_odds
from fbm_sync.domain.projection import (
    OpenOrder,
    Outset,
    Pace,
    Projection,
    days_ahead,
    open_order_of,
    pace_of,
    project,
)
from fbm_sync.domain.risk import OrderOutlook, OrderState
from fbm_sync.domain.standing import (
    CR_7,
    LSR_10,
    LSR_30,
    NOTHING,
    OTDR_14,
    Basis,
    HealthTerms,
    Rule,
    Tally,
    Target,
)

from builders import NOW, a_shipped_order, an_order, in_days, on_day

DAY = timedelta(days=1)
BASES = st.sampled_from(Basis)


def an_open_order(**changes):
    fields = {"created_at": in_days(-1), "ship_by_at": in_days(2.5), "late_chance": 0.1}
    return OpenOrder(**(fields | changes))


def ahead(window, tally=NOTHING, *open_orders, terms=None, **outset):
    """The projection of a shop whose known orders are the same on all days."""
    tallies = [tally for _ in days_ahead(window)]
    start = Outset(open_orders=open_orders, **outset)
    return project(window, tallies, start, NOW, terms or HealthTerms())


# --- counted out ---------------------------------------------------------------------------------


def draws_of(orders, chance_of):
    """Every outcome of every lot, and of every order without one: its chance, and who is late then."""
    lots = {}
    for number, order in enumerate(orders):
        lots.setdefault(order.lot or number, []).append(number)
    outcomes = []
    for group in lots.values():
        steps = sorted({0.0, 1.0, *(chance_of(orders[number]) for number in group)})
        outcomes.append(
            [
                (high - low, [number for number in group if chance_of(orders[number]) >= high])
                for low, high in itertools.pairwise(steps)
            ]
        )
    for drawn in itertools.product(*outcomes):
        chance = 1.0
        for likely, _ in drawn:
            chance *= likely
        yield chance, {number for _, late in drawn for number in late}


def small_shop(seed):
    """A few open orders and some that are over, among all kinds of dates."""
    rng = random.Random(seed)
    open_orders = [
        OpenOrder(
            created_at=in_days(-rng.uniform(0, 12)),
            ship_by_at=in_days(rng.uniform(0.01, 12)),
            late_chance=rng.choice((0.0, 0.02, 0.3, 0.7, 1.0)),
            lot=rng.choice((None, "PO-1/1", "PO-2/1")),
        )
        for _ in range(rng.randint(0, 7))
    ]
    known = [
        a_shipped_order(
            f"{number}",
            created_at=in_days(-rng.uniform(5, 40)),
            ship_by_at=in_days(-rng.uniform(-3, 32)),
            shipped_at=in_days(-rng.uniform(0, 32)),
        )
        for number in range(rng.randint(0, 40))
    ]
    waiting = [
        an_order(f"o{number}", created_at=one.created_at, ship_by_at=one.ship_by_at)
        for number, one in enumerate(open_orders)
    ]
    return open_orders, known, waiting


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from((LSR_10, LSR_30)), BASES)
def test_the_chance_of_a_breach_is_that_of_counting_out_every_outcome(seed, window, basis):
    open_orders, known, waiting = small_shop(seed)
    terms = HealthTerms(lsr_by=basis)
    everything = [*known, *waiting]
    spans = [window.span(NOW, ahead_days=day) for day in days_ahead(window)]
    tallies = [count(everything, span, NOW, terms) for span in spans]
    found = project(window, tallies, Outset(open_orders=open_orders), NOW, terms)
    draws = list(draws_of(open_orders, lambda order: order.late_chance))
    for day in found.ahead:
        at = NOW + day.days * DAY
        span = window.span(NOW, ahead_days=day.days)
        expected = 0.0
        for chance, late in draws:
            # By then what is due has left: at its ship-by, or a moment too late.
            orders = [*known]
            for number, one in enumerate(waiting):
                if one.ship_by_at >= at:
                    orders.append(one)
                    continue
                left_at = one.ship_by_at + timedelta(seconds=number in late)
                orders.append(
                    a_shipped_order(
                        one.order_id,
                        created_at=one.created_at,
                        ship_by_at=one.ship_by_at,
                        shipped_at=left_at,
                    )
                )
            expected += chance * window.standing(count(orders, span, at, terms)).breached
        assert day.chance == pytest.approx(expected, abs=1e-9), day.days


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 60), st.integers(0, 3))
def test_new_orders_join_the_ones_there_are(seed, known, bad):
    rng = random.Random(seed)
    orders = [
        an_open_order(ship_by_at=in_days(0.5), late_chance=rng.random(), lot=rng.choice((None, "PO-1/1")))
        for _ in range(rng.randint(0, 5))
    ]
    pace, past = Pace(orders=rng.randint(0, 60), days=14, due_after_days=2), Tally(bad, known + 30)
    found = ahead(LSR_10, Tally(bad, known + len(orders)), *orders, pace=pace, past=past)
    draws = [(chance, len(late)) for chance, late in draws_of(orders, lambda order: order.late_chance)]
    for day in found.ahead:
        new = pace.orders * max(0, day.days - 2) // 14
        total = known + len(orders) + new
        laws = betabinom(new, bad + 0.5, past.denominator - bad + 0.5).pmf(range(new + 1))
        expected = sum(
            chance * likely
            for chance, late in draws
            for fresh, likely in enumerate(laws)
            if total and 100 * (bad + late + fresh) >= 4 * total
        )
        assert day.chance == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("orders", "days"), [(0, 14), (3, 14), (40, 7)])
def test_new_orders_are_counted_whole_and_only_once_they_are_due(orders, days):
    pace = Pace(orders=orders, days=days, due_after_days=2)
    assert pace.new_orders(0) == pace.new_orders(-3) == 0
    assert pace.new_orders(10) == orders * 10 // days


@pytest.mark.parametrize(("former", "chance"), [(29, 0.0), (30, 0.06)])
def test_a_shop_too_young_to_learn_from_is_not_suspected(former, chance):
    pace, past = Pace(orders=4, days=2), Tally(0, former)
    terms = HealthTerms(lsr_by=Basis.CREATED)
    found = ahead(LSR_10, Tally(0, 4), terms=terms, pace=pace, past=past)
    assert found.ahead[1].chance == pytest.approx(chance, abs=0.01)


# --- windows that roll -----------------------------------------------------------------------------


def test_one_lot_makes_a_breach_likelier_than_lots_of_their_own_at_the_same_mean():
    one_lot = ahead(LSR_10, Tally(0, 100), *[an_open_order(lot="PO-1/1")] * 20)
    own_lots = ahead(LSR_10, Tally(0, 100), *[an_open_order(lot=f"PO-{n}/1") for n in range(20)])
    assert one_lot.worst.chance == pytest.approx(0.1)
    assert own_lots.worst.chance == pytest.approx(0.133, abs=0.001)
    five = Tally(0, 300)  # twelve late ones are a breach: ten lots hardly ever fail together
    together = ahead(LSR_10, five, *[an_open_order(lot="PO-1/1")] * 20)
    apart = ahead(LSR_10, five, *[an_open_order(lot=f"PO-{n}/1") for n in range(20)])
    assert together.worst.chance == pytest.approx(0.1)
    assert apart.worst.chance < 1e-6


def test_an_order_can_be_late_only_after_its_ship_by():
    found = ahead(LSR_10, Tally(0, 1), an_open_order(late_chance=1.0))
    assert [day.chance for day in found.ahead[:4]] == [0.0, 0.0, 1.0, 1.0]
    assert found.first_over(0.05).days == 3
    assert found.worst.days == 3


@pytest.mark.parametrize(
    "order",
    [
        an_open_order(ship_by_at=None),
        an_open_order(ship_by_at=in_days(-1), late_chance=1.0),
        an_open_order(late_chance=0.0),
        an_open_order(ship_by_at=in_days(11), late_chance=1.0),
    ],
    ids=["no deadline", "late already, and counted", "on the shelf", "due after the horizon"],
)
def test_what_cannot_become_late_adds_no_chance(order):
    assert ahead(LSR_10, Tally(0, 30), order).worst.chance == 0.0


def test_where_orders_count_from_their_creation_old_ones_leave_the_window_before_they_are_late():
    terms = HealthTerms(lsr_by=Basis.CREATED)
    old = an_open_order(created_at=in_days(-9), late_chance=1.0)
    assert ahead(LSR_10, Tally(0, 1), old, terms=terms).worst.chance == 0.0
    young = an_open_order(created_at=in_days(-7), late_chance=1.0)
    assert [day.chance for day in ahead(LSR_10, Tally(0, 1), young, terms=terms).ahead[:4]] == [0, 0, 1, 0]


def test_without_orders_there_is_no_rate_to_break():
    found = ahead(LSR_10)
    assert {(day.chance, day.headroom) for day in found.ahead} == {(0.0, 0)}
    assert found.first_over(0.05) is None


def test_what_is_broken_stays_broken_until_orders_leave_the_window():
    tallies = [Tally(4, 100)] * 3 + [Tally(3, 100)] * 7
    found = project(LSR_10, tallies, Outset(), NOW, HealthTerms())
    assert [day.chance for day in found.ahead] == [1.0] * 3 + [0.0] * 7
    assert [day.headroom for day in found.ahead] == [0] * 10


def test_the_chance_if_every_open_order_is_in_time_is_told_beside_it():
    past, pace = Tally(3, 100), Pace(orders=140, days=14)
    found = ahead(LSR_10, Tally(3, 80), an_open_order(late_chance=1.0), past=past, pace=pace)
    assert found.ahead[-1].anyway < found.ahead[-1].chance


@pytest.mark.parametrize(
    ("basis", "chance"), [(Basis.CREATED, 1.0), (Basis.SHIP_BY, 0.0), (Basis.SHIPPED, 0.0)]
)
def test_an_order_that_nothing_covers_counts_as_cancelled_while_the_window_holds_it(basis, chance):
    terms = HealthTerms(cr_by=basis)
    lost = an_open_order(late_chance=1.0, lost_chance=1.0)
    found = ahead(CR_7, Tally(0, 30), lost, terms=terms)
    assert found.ahead[0].chance == chance
    assert found.ahead[2].chance == 1.0
    assert found.ahead[6].chance == (0.0 if basis is Basis.CREATED else 1.0)


@pytest.mark.parametrize(("basis", "day_one"), [(Basis.SHIP_BY, 1.0), (Basis.SHIPPED, 1.0)])
def test_an_overdue_order_that_nothing_covers_may_be_cancelled_any_day(basis, day_one):
    lost = an_open_order(ship_by_at=in_days(-1), late_chance=1.0, lost_chance=1.0)
    found = ahead(CR_7, Tally(0, 30), lost, terms=HealthTerms(cr_by=basis))
    assert found.ahead[0].chance == day_one


def test_deliveries_are_projected_by_units_of_open_orders_once_their_day_is_a_week_past():
    late = an_open_order(deliver_by_at=in_days(4), units=5, late_chance=0.5)
    found = ahead(OTDR_14, Tally(44, 45), late)
    # With five units more late there are 44 of 50 in time: less than 90 %.
    assert [day.chance for day in found.ahead[9:12]] == [0.0, 0.5, 0.5]
    assert [day.headroom for day in found.ahead[9:12]] == [3, 4, 4]
    assert ahead(OTDR_14, Tally(44, 45), an_open_order(units=5)).worst.chance == 0.0


def test_amazons_own_target_counts_where_it_is_known():
    strict = Target(part=1, whole=100, rule=Rule.BELOW)
    order = an_open_order(late_chance=0.5)
    tallies = [Tally(0, 100)] * 10
    outset = Outset(open_orders=[order])
    assert project(LSR_10, tallies, outset, NOW, HealthTerms()).worst.chance == 0.0
    assert project(LSR_10, tallies, outset, NOW, HealthTerms(), strict).worst.chance == 0.5


# --- what it starts from ---------------------------------------------------------------------------


def an_outlook(**changes):
    cover = (Cover(source=CoverSource.LOT, units=3, lot="PO-1/1"),)
    fields = {
        "account": "us",
        "order_id": "1",
        "state": OrderState.AT_RISK,
        "reason": "",
        "judged_at": NOW,
        "ship_by_at": in_days(3),
        "promise_on": on_day(5),
        "late_probability": 0.4,
        "blamed_lot": "PO-1/1",
        "auto_cancel_at": in_days(12),
        "items": (ItemCover(order_item_id="i", sku="A", open_units=3, cover=cover),),
    }
    return OrderOutlook(**(fields | changes))


@pytest.mark.parametrize(
    ("changes", "late", "lost"),
    [
        ({}, 0.4, 0.1),
        ({"late_probability": None, "auto_cancel_at": None, "ship_by_at": None, "odds": None}, 0.0, 0.0),
        ({"state": OrderState.CANCEL_REQUESTED}, 0.0, 0.0),
    ],
    ids=["late", "no deadline", "buyer's wish"],
)
def test_an_open_order_may_be_late_or_lost_or_neither(changes, late, lost):
    odds = outcome_odds(ready_in_time=0.6, ready_at_all=0.9, given_up=0.0)
    order = open_order_of(an_outlook(**{"odds": odds} | changes), NOW, in_days(9))
    assert (order.late_chance, order.lost_chance) == (late, pytest.approx(lost))
    assert (order.lot, order.units, order.deliver_by_at) == ("PO-1/1", 3, in_days(9))


def test_the_pace_is_that_of_the_last_two_weeks_or_of_a_younger_shop():
    placed = [(in_days(-1), in_days(2.5)), (in_days(-2), in_days(0)), (in_days(-3.5), None)]
    assert pace_of([*placed, (in_days(-20), in_days(-19))], NOW) == Pace(orders=3, days=4, due_after_days=3)
    assert pace_of([*placed, (in_days(-14), in_days(-9))], NOW) == Pace(orders=4, days=14, due_after_days=3)
    assert pace_of([], NOW) == Pace()
    assert pace_of([(NOW, None)], NOW) == Pace(orders=1, days=1)
    assert pace_of([(in_days(-1), in_days(-2))], NOW).due_after_days == 0


def test_the_first_of_equally_bad_days_is_the_worst():
    assert Projection(ahead=ahead(LSR_10, Tally(1, 1)).ahead).worst.days == 1
