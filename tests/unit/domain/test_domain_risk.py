"""Will each order leave in time? Its state, the reason, the lot to blame and the least bad step."""

import dataclasses
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fbm_sync.domain.allocation import allocate
from fbm_sync.domain.calendar import ShipCalendar, ShipCalendars
from fbm_sync.domain.deadline import STAGES, auto_cancel_at, stage_of
from fbm_sync.domain.order import OrderStatus
from fbm_sync.domain.risk import (
    WORRYING,
    OrderState,
    judge_orders,
    shortages,
    span_words,
    words_for,
)

from builders import NOW, SKU, TODAY, a_calendar, an_expected_lot, an_item, an_order, in_days, on_day

HOURS = 1 / 24
CALENDARS = ShipCalendars(house=a_calendar())


def cover(orders, on_hand=0, lots=()):
    return allocate(orders, {SKU: on_hand}, {SKU: lots}, now=NOW, calendars=CALENDARS).orders


def judge(order, on_hand=0, lots=(), *, now=NOW, calendar=None, late_limit=0.1):
    """The outlook of one order, with its stock counted at `NOW`."""
    by_name = {lot.lot_id: lot for lot in lots}
    covered = cover([order], on_hand, lots)
    calendars = ShipCalendars(house=calendar or a_calendar())
    (outlook,) = judge_orders(covered, by_name, calendars, now=now, late_limit=late_limit)
    return outlook


def sure(units=100, day=1):
    return an_expected_lot(units=units, ready_in=day, chances={day: 0.99})


def shaky(chance, day=1):
    return an_expected_lot(units=100, ready_in=day, chances={day: chance})


WISH = {"items": (an_item(cancel_requested=True),)}
PENDING = {"status": OrderStatus.PENDING}


@pytest.mark.parametrize(
    ("order", "on_hand", "lots", "state", "reason", "action"),
    [
        ({}, 1, (), "on_track", "Ship-by Thu 2026-03-05 09:00 UTC; all units are on the shelf.", ""),
        ({}, 0, (sure(),), "on_track", "it waits for PO-1/1, confirmed for 2026-03-09, expected ready", ""),
        (PENDING, 1, (), "on_track", "Its payment is pending; its units are held", ""),
        (PENDING | {"ship_by_at": in_days(-1)}, 1, (), "on_track", "it must not ship yet", ""),
        (
            PENDING | {"created_at": in_days(-22)},
            1,
            (),
            "pending_stuck",
            "pending since Sun",
            "ask Seller Support",
        ),
        (PENDING | {"created_at": in_days(-21)}, 1, (), "on_track", "payment is pending", ""),
        (WISH, 1, (), "cancel_requested", "The buyer asked to cancel", "as 'buyer cancelled'"),
        (WISH | {"ship_by_at": in_days(-9)}, 0, (), "cancel_requested", "must not ship", "Cancel it"),
        (WISH | PENDING, 0, (), "cancel_requested", "must not ship", "Cancel it"),
        (
            {"ship_by_at": None},
            1,
            (),
            "unknown_deadline",
            "Amazon gives no ship-by date",
            "in Seller Central",
        ),
        ({"ship_by_at": None}, 0, (), "unknown_deadline", "nobody can say", "as soon as you can"),
        (
            {"ship_by_at": in_days(20 * HOURS)},
            1,
            (),
            "due_soon",
            "Due within 24 h, ship-by Tue 2026-03-03 05:00 UTC; all",
            "Ship it and confirm",
        ),
        ({"ship_by_at": in_days(24 * HOURS)}, 1, (), "due_soon", "Due within 24 h", "Ship it"),
        ({"ship_by_at": in_days(3 * HOURS)}, 1, (), "due_soon", "Due within 4 h", "Ship it"),
        ({"ship_by_at": NOW}, 1, (), "due_soon", "Due within 4 h", "Ship it"),
        ({"ship_by_at": in_days(25 * HOURS)}, 1, (), "on_track", "on the shelf", ""),
        ({}, 0, (shaky(0.89, 2),), "at_risk", "11% likely to miss ship-by", "Expedite PO-1/1"),
        ({}, 0, (shaky(0.91, 2),), "on_track", "it waits for PO-1/1", ""),
        (
            {},
            0,
            (sure(day=9),),
            "late_certain",
            "It cannot leave by Thu 2026-03-05 09:00 UTC: it waits",
            "Expedite PO-1/1",
        ),
        ({}, 0, (), "late_certain", "1 unit of CUP-BLUE covered by no stock", "cancel early"),
        (
            {"items": (an_item(units=3),)},
            1,
            (),
            "late_certain",
            "2 units of CUP-BLUE covered by no",
            "Find the units",
        ),
        (
            {"ship_by_at": in_days(-1)},
            1,
            (),
            "overdue",
            "Ship-by Sun 2026-03-01 09:00 UTC has passed and no shipment",
            "Ship and confirm it now",
        ),
        ({"ship_by_at": in_days(-1)}, 0, (sure(),), "overdue", "it waits for PO-1/1", "Expedite PO-1/1"),
        ({"ship_by_at": in_days(-1)}, 0, (), "overdue", "covered by no stock", "Find the units elsewhere"),
        (
            {"ship_by_at": in_days(-4.9)},
            1,
            (),
            "overdue",
            "has passed",
            "Ship and confirm it now",
        ),
        (
            {"ship_by_at": in_days(-5)},
            1,
            (),
            "auto_cancel_soon",
            "Ship-by Wed 2026-02-25 09:00 UTC has passed",
            "before Amazon cancels it",
        ),
        ({"ship_by_at": in_days(-5)}, 0, (sure(),), "auto_cancel_soon", "it waits for", "Cancel it yourself"),
        ({"ship_by_at": in_days(-5)}, 0, (), "auto_cancel_soon", "covered by no", "Cancel it yourself"),
    ],
)
def test_each_order_is_in_one_state_with_a_reason_and_a_step(order, on_hand, lots, state, reason, action):
    outlook = judge(an_order(**order), on_hand, lots)
    assert outlook.state == state
    assert reason in outlook.reason
    assert action in outlook.action
    assert bool(outlook.action) == (outlook.state in WORRYING)


def test_a_weekend_before_a_sunday_deadline_leaves_no_ship_day():
    saturday, sunday_night = datetime(2026, 3, 7, 8, tzinfo=UTC), datetime(2026, 3, 8, 23, 59, 59, tzinfo=UTC)
    order = an_order(ship_by_at=sunday_night)
    outlook = judge(order, 1, now=saturday, calendar=ShipCalendar())
    assert outlook.state is OrderState.LATE_CERTAIN
    assert outlook.slack_days == -1
    assert outlook.reason.startswith("No ship day is left before ship-by Sun 2026-03-08")
    assert outlook.action == "Ship and confirm it before ship-by, although it is no ship day."
    friday = saturday - timedelta(days=1)
    assert judge(order, 1, now=friday, calendar=ShipCalendar()).state is OrderState.ON_TRACK


def test_an_order_due_tonight_is_not_given_up_after_the_cut_off():
    tonight = an_order(ship_by_at=NOW.replace(hour=23))
    outlook = judge(tonight, 1, now=NOW.replace(hour=15), calendar=ShipCalendar())
    assert outlook.state is OrderState.DUE_SOON


def test_the_promise_and_its_slack_are_counted_in_ship_days():
    outlook = judge(
        an_order(ship_by_at=datetime(2026, 3, 10, 20, tzinfo=UTC)), 0, (sure(day=4),), calendar=ShipCalendar()
    )
    assert outlook.promise_on == date(2026, 3, 6)
    assert outlook.slack_days == 2
    assert outlook.late_probability == pytest.approx(0.01)
    assert outlook.blamed_lot == "PO-1/1"
    late = judge(
        an_order(ship_by_at=datetime(2026, 3, 4, 20, tzinfo=UTC)), 0, (sure(day=4),), calendar=ShipCalendar()
    )
    assert late.slack_days == -2


def test_without_supply_or_deadline_there_is_no_slack():
    assert judge(an_order()).slack_days is None
    assert judge(an_order()).promise_on is None
    outlook = judge(an_order(ship_by_at=None), 1)
    assert (outlook.slack_days, outlook.late_probability, outlook.auto_cancel_at) == (None, None, None)


def test_an_order_that_waits_for_two_lots_blames_the_later():
    lots = (
        an_expected_lot("A", 1, ready_in=1, chances={1: 0.9}),
        an_expected_lot("B", 5, ready_in=2, chances={2: 0.8}),
    )
    outlook = judge(an_order(units=3), 1, lots)
    assert outlook.blamed_lot == "B/1"
    assert outlook.late_probability == pytest.approx(1 - 0.8), "B alone brings enough"
    assert outlook.late_alone_probability == pytest.approx(1 - 0.9 * 0.8), "were A's unit its own"


def test_a_lot_that_overtakes_another_saves_the_front_of_the_queue_only():
    lots = (
        an_expected_lot("A", 1, ready_in=1, chances={1: 0.5}),
        an_expected_lot("B", 1, ready_in=2, chances={2: 0.5}),
    )
    orders = [an_order("1", ship_by_at=in_days(2)), an_order("2", ship_by_at=in_days(3))]
    by_name = {lot.lot_id: lot for lot in lots}
    front, back = judge_orders(cover(orders, 0, lots), by_name, CALENDARS, now=NOW, late_limit=0.1)
    assert (front.late_alone_probability, back.late_alone_probability) == (0.5, 0.5)
    assert front.late_probability == pytest.approx(0.5), "B comes too late for it"
    assert back.late_probability == pytest.approx(0.75), "it waits for both"
    patient = [an_order("1", ship_by_at=in_days(4)), an_order("2", ship_by_at=in_days(5))]
    front, _ = judge_orders(cover(patient, 0, lots), by_name, CALENDARS, now=NOW, late_limit=0.1)
    assert front.late_probability == pytest.approx(0.25), "either will do"


def test_a_lot_nobody_believes_in_any_more_will_not_come_in_time():
    covered = cover([an_order()], 0, [sure()])
    (outlook,) = judge_orders(covered, {}, CALENDARS, now=NOW, late_limit=0.1)
    assert outlook.state is OrderState.LATE_CERTAIN
    assert "it waits for PO-1/1, expected ready" in outlook.reason


def test_a_lot_without_confirmed_date_is_named_without_one():
    lots = (an_expected_lot(promised_on=None, ready_in=2, chances={2: 0.99}),)
    assert "it waits for PO-1/1, expected ready to ship 2026-03-04." in judge(an_order(), 0, lots).reason


def test_an_order_is_short_when_nothing_covers_some_of_its_units():
    assert not judge(an_order(units=3), 2, (sure(1),)).is_short
    assert judge(an_order(units=4), 2, (sure(1),)).is_short


def test_orders_are_listed_by_deadline_with_unknown_ones_last():
    orders = [
        an_order("3", ship_by_at=None),
        an_order("2"),
        an_order("1"),
        an_order("4", ship_by_at=in_days(1)),
    ]
    found = judge_orders(cover(orders, 9), {}, CALENDARS, now=NOW, late_limit=0.1)
    assert [one.order_id for one in found] == ["4", "1", "2", "3"]


def test_an_order_that_only_keeps_units_for_a_while_is_not_judged():
    kept = an_order(status=OrderStatus.CANCELLED, units_kept_until=in_days(1))
    assert len(cover([kept], 9)) == 1
    assert judge_orders(cover([kept], 9), {}, CALENDARS, now=NOW, late_limit=0.1) == ()


@pytest.mark.parametrize(
    ("hours", "stage"),
    [
        (24.1, None),
        (24, "T-24"),
        (12.1, "T-24"),
        (12, "T-12"),
        (4.1, "T-12"),
        (4, "T-4"),
        (0.1, "T-4"),
        (0, "T-4"),
        (-1, None),
    ],
)
def test_the_most_urgent_stage_counts(hours, stage):
    assert stage_of(NOW + timedelta(hours=hours), NOW) == stage


DAY = timedelta(days=1)
TURNS = (*(-span for _, span in STAGES), timedelta(0), 5 * DAY)
A_STEP = st.integers(-3, 3).map(lambda steps: steps * timedelta.resolution)
JITTER = st.one_of(A_STEP, st.timedeltas(-DAY, DAY))


@st.composite
def moments_and_orders(draw):
    """A moment of the day, and an order which may turn from one state or stage to the next in it."""
    now = NOW.replace(hour=0) + draw(st.timedeltas(timedelta(0), DAY - timedelta.resolution))
    turn = draw(st.sampled_from(TURNS))
    ship_by_at = draw(st.sampled_from((now - turn + draw(JITTER), now - turn + draw(JITTER), None)))
    order = an_order(
        ship_by_at=ship_by_at,
        created_at=now - draw(st.sampled_from((21 * DAY, DAY))) + draw(JITTER),
        status=draw(st.sampled_from((OrderStatus.PENDING, OrderStatus.UNSHIPPED))),
        items=(an_item(cancel_requested=draw(st.integers(0, 5)) == 0),),
    )
    return now, order


@settings(max_examples=500, deadline=None)
@given(
    moment_and_order=moments_and_orders(),
    on_hand=st.integers(0, 1),
    lot=st.sampled_from(((), (sure(),), (shaky(0.5),), (sure(day=9),))),
    share=st.floats(0, 1),
    weekdays=st.sampled_from((frozenset(range(7)), frozenset({1, 3}))),
)
def test_an_outlook_holds_until_the_moment_said_and_not_a_moment_longer(
    moment_and_order, on_hand, lot, share, weekdays
):
    now, order = moment_and_order
    calendar = a_calendar(weekdays=weekdays)
    cut_off = now.replace(hour=14, minute=0, second=0, microsecond=0)
    ends = cut_off if now < cut_off else calendar.start_of_day(now.date() + DAY)

    covered, by_name = cover([order], on_hand, lot), {one.lot_id: one for one in lot}

    def seen(at):
        calendars = ShipCalendars(house=calendar)
        (outlook,) = judge_orders(covered, by_name, calendars, now=at, late_limit=0.1)
        return outlook

    outlook = seen(now)
    until = outlook.holds_until
    assert until is None or until > now
    last = min(ends, until or ends) - timedelta.resolution
    between = now + share * (last - now)
    for at in (between, last):
        assert dataclasses.replace(seen(at), judged_at=now) == outlook
    if until is not None and until < ends:
        assert dataclasses.replace(seen(until), judged_at=now, holds_until=until) != outlook


@pytest.mark.parametrize(
    ("order", "until"),
    [
        ({"ship_by_at": in_days(3)}, in_days(2)),
        ({"ship_by_at": in_days(1)}, in_days(0.5)),
        ({"ship_by_at": in_days(2 * HOURS)}, in_days(2 * HOURS) + timedelta.resolution),
        ({"ship_by_at": NOW}, NOW + timedelta.resolution),
        ({"ship_by_at": in_days(-1)}, in_days(4)),
        ({"ship_by_at": in_days(-5)}, None),
        ({"ship_by_at": None}, None),
        (WISH | {"ship_by_at": in_days(-1)}, None),
        (PENDING | {"ship_by_at": None}, in_days(-1 / 24 + 21) + timedelta.resolution),
        (PENDING | WISH | {"ship_by_at": None}, None),
        (PENDING | {"ship_by_at": None, "created_at": in_days(-22)}, None),
    ],
)
def test_time_alone_turns_an_outlook_at_its_next_stage_or_limit(order, until):
    order = an_order(**order)
    assert judge(order, 1).holds_until == until


@pytest.mark.parametrize(
    ("zone", "ship_by", "holidays", "cancelled"),
    [
        ("UTC", "2026-03-02T23:59:59", (), "2026-03-11T23:59:59"),  # Monday: the Wednesday of next week
        ("UTC", "2026-03-06T23:59:59", (), "2026-03-17T23:59:59"),  # Friday: two weekends
        ("UTC", "2026-03-07T12:00:00", (), "2026-03-17T23:59:59"),
        ("UTC", "2026-03-02T23:59:59", (date(2026, 3, 4),), "2026-03-12T23:59:59"),
        (
            "America/Los_Angeles",
            "2026-03-03T07:59:59",
            (),
            "2026-03-12T06:59:59",
        ),  # Monday there; DST between
        ("Europe/Berlin", "2026-03-23T22:59:59", (), "2026-04-01T21:59:59"),
        ("Asia/Tokyo", "2026-03-02T14:59:59", (), "2026-03-11T14:59:59"),
        ("Australia/Sydney", "2026-03-30T12:59:59", (), "2026-04-08T13:59:59"),
    ],
)
def test_amazon_cancels_at_the_end_of_the_seventh_business_day(zone, ship_by, holidays, cancelled):
    calendar = ShipCalendar(timezone=zone, holidays=frozenset(holidays))
    found = auto_cancel_at(datetime.fromisoformat(ship_by).replace(tzinfo=UTC), calendar)
    assert found == datetime.fromisoformat(cancelled).replace(tzinfo=UTC)


def test_what_nothing_covers_is_listed_with_the_orders_that_want_it():
    two_lines = (an_item(units=2, order_item_id="a"), an_item(units=1, order_item_id="b"))
    orders = [
        an_order("1", units=3),
        an_order("2", items=two_lines, ship_by_at=in_days(9)),
        an_order("3", account="uk"),
    ]

    def judged(orders, on_hand=0):
        return judge_orders(cover(orders, on_hand), {}, CALENDARS, now=NOW, late_limit=0.1)

    found = shortages(judged(orders, 4))
    assert found == {("us", SKU): (3, ("2",))}
    assert shortages(judged(orders))[("us", SKU)] == (6, ("1", "2"))
    assert shortages(judged(orders))[("uk", SKU)] == (1, ("3",))


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (0, "0 min"),
        (59, "59 min"),
        (60, "1 h 0 min"),
        (61, "1 h 1 min"),
        (1440, "1 day"),
        (1500, "1 day 1 h"),
        (2880, "2 days"),
    ],
)
def test_a_span_is_said_in_its_two_largest_units(minutes, words):
    assert span_words(timedelta(minutes=minutes)) == words


def test_a_moment_is_said_in_the_sellers_own_time():
    assert words_for(NOW, ShipCalendar(timezone="America/New_York")) == "Mon 2026-03-02 04:00 EST"
    assert on_day(0) == TODAY
