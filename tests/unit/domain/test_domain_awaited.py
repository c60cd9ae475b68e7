"""A lot that somebody waits for: until when it may come, and how that is said."""

import random
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from fbm_sync.domain.awaited import await_lot, describe_lot
from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.leadtime import last_arrival
from fbm_sync.domain.supply import Leg

from builders import a_calendar, an_expected_lot, on_day

WEEKDAYS = ShipCalendar()


def test_goods_that_must_leave_on_a_tuesday_and_need_two_days_must_be_here_on_friday():
    tuesday = date(2026, 3, 10)
    assert last_arrival(tuesday, 2, WEEKDAYS) == date(2026, 3, 6)
    assert last_arrival(tuesday, 0, WEEKDAYS) == tuesday
    assert last_arrival(date(2026, 3, 8), 0, WEEKDAYS) == date(2026, 3, 6), "a Sunday is no ship day"


@settings(max_examples=500, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 9))
def test_the_last_day_is_in_time_and_no_later_one_is(seed, receiving):
    rng = random.Random(seed)
    calendar = ShipCalendar(
        weekdays=frozenset(rng.sample(range(7), rng.randint(1, 7))),
        holidays=frozenset(on_day(rng.randint(0, 120)) for _ in range(rng.randint(0, 20))),
    )
    deadline = on_day(rng.randint(0, 120))
    last = last_arrival(deadline, receiving, calendar)
    assert calendar.add_ship_days(last, receiving) <= deadline
    for later in (1, 2, 7):
        assert calendar.add_ship_days(last + timedelta(days=later), receiving) > deadline


def test_what_is_known_of_a_lot_is_written_down():
    lot = an_expected_lot("PO-7", 40, ready_in=5, receiving_days=1)
    found = await_lot(lot, a_calendar(), on_day(9))
    assert (found.lot, found.units, found.supplier) == ("PO-7/1", 40, "Acme")
    assert (found.arrives_by, found.ready_on, found.last_arrival_on) == (on_day(5), on_day(5), on_day(8))
    assert await_lot(lot).last_arrival_on is None
    assert await_lot(lot, a_calendar()).last_arrival_on is None


def test_it_is_said_in_one_line():
    lot = await_lot(an_expected_lot("PO-7", 1))
    assert describe_lot(lot) == (
        "1 unit from Acme, confirmed for 2026-03-09; here by 2026-03-09 with 95% probability, "
        "ready to ship 2026-03-09 (learned from this supplier's receipts: 20)"
    )
    legs = (Leg(name="factory", planned_end_on=on_day(3)), Leg(name="ocean", planned_end_on=on_day(12)))
    travelling = await_lot(an_expected_lot("PO-9", 3, legs=legs))
    assert "confirmed for 2026-03-09, due on 2026-03-14 by the legs of its way; " in describe_lot(travelling)
    undated = await_lot(an_expected_lot("PO-8", 3, promised_on=None, supplier=""))
    assert describe_lot(undated).startswith("3 units from an unnamed supplier, ordered on 2026-01-31; ")
