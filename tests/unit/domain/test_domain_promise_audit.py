"""Does Amazon give my orders the ship-by that my listings promise?"""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fbm_sync.domain.alert import Severity
from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.padded import Handled, padded_findings
from fbm_sync.domain.promise_audit import (
    PromiseAudit,
    ShownTerms,
    audit_promise,
    mismatch_findings,
)

from builders import ACCOUNT, NOW, SKU, a_calendar, an_item, an_order, in_days, on_day

WEEK = ShipCalendar()  # Monday to Friday; NOW is a Monday morning
SETTLE = timedelta(hours=6)
LONG_AGO, TOMORROW = in_days(-90), in_days(1)


def shown(handling_days=3, restock_on=None, *, since=LONG_AGO, until=TOMORROW):
    return ShownTerms(
        handling_days=handling_days, restock_on=restock_on, first_seen_at=since, last_seen_at=until
    )


def due(day, calendar=WEEK):
    """The end of a day so many days from today."""
    return calendar.end_of_day(on_day(day))


def audit(ship_by_at, *terms, calendar=WEEK, **order):
    fields = {"created_at": NOW, "ship_by_at": ship_by_at}
    known = {SKU: terms or (shown(),)}
    return audit_promise(an_order(**(fields | order)), known, calendar, SETTLE)


def test_a_ship_by_that_follows_from_the_handling_time_is_right():
    found = audit(due(3))
    assert (found.off_days, found.due_on, found.handling_days, found.sku) == (0, on_day(3), 3, SKU)


@pytest.mark.parametrize(("day", "off"), [(1, -2), (2, -1), (3, 0), (4, 1), (7, 2), (8, 3)])
def test_each_ship_day_earlier_or_later_is_counted(day, off):
    assert audit(due(day)).off_days == off


def test_weekends_and_holidays_do_not_count():
    friday = in_days(4)
    assert audit(due(9), created_at=friday) is None, "seen until tomorrow only"
    long_seen = shown(until=in_days(9))
    assert audit(due(9), long_seen, created_at=friday).off_days == 0
    closed = ShipCalendar(holidays=frozenset({on_day(7)}))
    assert audit(due(10), long_seen, created_at=friday, calendar=closed).off_days == 0
    assert audit(due(9), long_seen, created_at=friday, calendar=closed).off_days == -1


def test_a_shop_that_ships_on_weekends_may_have_told_amazon_or_not():
    friday, long_seen = in_days(4), shown(until=in_days(9))
    for day in (7, 9):
        assert audit(due(day), long_seen, created_at=friday, calendar=a_calendar()).off_days == 0


def test_an_order_after_the_cut_off_may_count_for_the_next_day():
    evening = NOW + timedelta(hours=8)
    assert audit(due(3), created_at=evening).off_days == 0
    assert audit(due(4), created_at=evening).off_days == 0
    assert audit(due(2), created_at=evening).off_days == -1


def test_the_marketplaces_midnight_is_not_the_sellers():
    new_york = ShipCalendar(timezone="America/New_York")
    placed = datetime(2026, 3, 3, 6, tzinfo=UTC)  # one in the morning in New York, ten at night in Seattle
    ends = datetime(2026, 3, 6, 7, 59, 59, tzinfo=UTC)  # the end of Thursday in Seattle
    assert audit(ends, shown(until=in_days(9)), created_at=placed, calendar=new_york).off_days == 0


def test_a_restock_date_ahead_is_the_promise():
    for day in (9, 10):
        found = audit(due(day), shown(1, on_day(9)))
        assert (found.off_days, found.handling_days) == (0, None)
    assert audit(due(1), shown(1, on_day(9))).off_days == -6
    assert audit(due(9), shown(None, on_day(9))).off_days == 0
    assert audit(due(3), shown(3, on_day(-1))).off_days == 0, "one that is over is none"


def test_of_several_lines_the_slowest_decides():
    order = an_order(items=(an_item("A"), an_item("B")), created_at=NOW, ship_by_at=due(3))
    terms = {"A": (shown(1),), "B": (shown(3),)}
    found = audit_promise(order, terms, WEEK, SETTLE)
    assert (found.sku, found.off_days) == ("B", 0)


@pytest.mark.parametrize(
    "case",
    [
        {"ship_by_at": None},
        {"items": ()},
        {"programs": ("PRIME",)},
        {"service_level": "NEXT_DAY"},
    ],
)
def test_where_no_promise_can_be_compared_nothing_is_said(case):
    found = audit(**({"ship_by_at": due(1)} | case))
    assert (found.off_days, found.due_on) == (None, None)


def test_the_accounts_default_is_not_known():
    assert audit(due(1), shown(None)).off_days is None


def test_an_order_placed_while_a_change_was_under_way_proves_nothing():
    former = shown(5, since=LONG_AGO, until=in_days(-1))
    fresh = shown(1, since=in_days(-0.5))
    assert audit(due(1), former, fresh, created_at=in_days(-0.7)).off_days is None, "between two looks"
    assert audit(due(1), former, fresh, created_at=in_days(-0.3)).off_days is None, "not live yet, maybe"
    assert audit(due(1), former, fresh, created_at=NOW).off_days == 0
    assert audit(due(1), fresh, former, created_at=in_days(-1.5)).off_days == -4


def test_what_a_listing_showed_at_our_first_look_held_at_once():
    assert audit(due(3), shown(since=NOW - timedelta(minutes=1))).off_days == 0
    assert audit(due(3), shown(since=NOW + timedelta(minutes=1))).off_days is None


def test_a_listing_that_was_not_looked_at_since_is_asked_about_later():
    assert audit(due(3), shown(until=NOW - timedelta(minutes=1))) is None
    assert audit_promise(an_order(), {}, WEEK, SETTLE) is None


# --- the pattern -------------------------------------------------------------------------------------


def told(off, number=0, sku=SKU, **changes):
    fields = {
        "account": ACCOUNT,
        "order_id": f"1-{number:03}",
        "created_at": NOW + timedelta(minutes=number),
        "sku": sku,
        "handling_days": 3,
        "due_on": on_day(3),
        "off_days": off,
    }
    return PromiseAudit(**(fields | changes))


def some(*offs, sku=SKU, start=0):
    return [told(off, start + number, sku) for number, off in enumerate(offs)]


def mismatch(*audits):
    (finding,) = mismatch_findings(ACCOUNT, audits)
    return finding


def test_when_all_is_right_nobody_is_told():
    assert mismatch_findings(ACCOUNT, some(0, 0, 0, None)) == []
    assert mismatch_findings("uk", some(-1)) == []


def test_orders_that_come_out_earlier_point_to_automated_handling_time():
    finding = mismatch(*some(-2, -2, 0, -1))
    assert (finding.key, finding.severity) == ("us:promise_mismatch:us", Severity.WARNING)
    assert finding.text == (
        "Of 4 recent orders 3 are due 1 to 2 ship days earlier than the listing says (such as 1-003: by 3 "
        f"days of handling it leaves by {on_day(3)}). Automated Handling Time seems on: Amazon sets the "
        "handling time itself."
    )
    assert finding.orders == ("1-003", "1-001", "1-000")
    assert 'automated_handling = "on"' in finding.action


def test_a_single_early_order_is_told_without_a_conclusion():
    finding = mismatch(*some(-2))
    assert "Of 1 recent order 1 is due 2 ship days earlier than the listing says (" in finding.text
    assert "Automated" not in finding.text
    assert "Automated" not in mismatch(*some(-1, -1, 0, 0, 0)).text, "most orders are right"


def test_orders_due_a_day_later_on_some_days_point_to_the_handling_capacity():
    finding = mismatch(*some(0, 1, 1, 0))
    assert finding.severity is Severity.INFO
    assert "An extra handling-capacity day seems to be added (on 1 day)." in finding.text
    assert "(on 2 days)" in mismatch(*some(1), told(1, 9, created_at=in_days(1))).text
    longer = mismatch(*some(0, 2, 1))
    assert "a longer handling time than the listing shows" in longer.text
    by_restock = mismatch(told(2, handling_days=None))
    assert "by its restock date it leaves by" in by_restock.text


def test_earlier_orders_are_the_worse_half():
    finding = mismatch(*some(1, -1, 0))
    assert "1 is due 1 ship day earlier than the listing says and 1 is due 1 ship day later" in finding.text
    assert (finding.severity, finding.orders) == (Severity.WARNING, ("1-001",))


def test_where_only_one_sku_is_off_the_sku_is_named():
    others = some(0, 0, 0, sku="B", start=10)
    finding = mismatch(*some(-1, -1), *others)
    assert finding.subject == SKU
    assert f"Of 2 recent orders of {SKU} 2 are due 1 ship day earlier" in finding.text
    assert mismatch(*some(-1, -1), *some(-1, sku="B", start=10)).subject == ACCOUNT


def test_only_the_latest_orders_count():
    assert mismatch_findings(ACCOUNT, some(-1, *[0] * 50)) == []


@given(st.lists(st.builds(told, st.none() | st.integers(-3, 3), st.integers(0, 99), st.sampled_from("AB"))))
def test_a_mismatch_is_told_exactly_when_an_order_is_off(audits):
    audits = list({one.order_id: one for one in audits}.values())[:50]
    findings = mismatch_findings(ACCOUNT, audits)
    assert len(findings) == any(one.off_days for one in audits)
    assert findings == mismatch_findings(ACCOUNT, audits[::-1]), "whatever their sequence"


# --- faster than the setting -------------------------------------------------------------------------


def handled(gap, *, handling_days=3, sku=SKU, account=ACCOUNT):
    """An order that left so many days before it had to."""
    return Handled(
        account=account,
        sku=sku,
        handling_days=handling_days,
        due_on=on_day(10),
        left_on=on_day(10 - gap),
    )


def padded(*gaps, **changes):
    return padded_findings([handled(gap, **changes) for gap in gaps], a_calendar())


def test_a_sku_that_always_leaves_early_has_a_padded_handling_time():
    (finding,) = padded(*[1] * 9, 3)
    assert (finding.key, finding.severity) == (f"us:handling_padded:{SKU}", Severity.INFO)
    assert finding.text == (
        f"10 of 10 orders of {SKU} in 30 days left a ship day or more before its handling time of 3 days was "
        "over; most had 1 day to spare."
    )
    assert finding.action.startswith("Set handling_days to 2 for it:")
    assert "most had 2 days to spare" in padded(*[2] * 10)[0].text


@pytest.mark.parametrize(
    "gaps",
    [[1] * 9, [1] * 7 + [0] * 3, [0] * 10, [-1] * 20],
)
def test_few_orders_or_mixed_ones_prove_nothing(gaps):
    assert padded(*gaps) == []


def test_four_of_five_are_nearly_always():
    assert padded(*[2] * 8, 0, 0) != []


def test_a_handling_time_of_no_day_cannot_be_padded():
    assert padded(*[1] * 10, handling_days=0) == []


def test_each_account_is_judged_by_its_own_orders():
    mixed = [handled(1, account="us" if number % 2 else "uk") for number in range(18)]
    assert padded_findings(mixed, a_calendar()) == []


@given(st.lists(st.integers(-2, 5), max_size=30), st.integers(1, 9))
def test_shipping_earlier_never_makes_a_padded_sku_look_right(gaps, handling_days):
    if padded(*gaps, handling_days=handling_days):
        assert padded(*[gap + 1 for gap in gaps], handling_days=handling_days)
