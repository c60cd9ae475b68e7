"""When a purchase order slips, people hear of it once, with every order it hits."""

import dataclasses
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fbm_sync.domain.alert import Severity
from fbm_sync.domain.allocation import Cover, CoverSource, ItemCover
from fbm_sync.domain.finding import order_findings
from fbm_sync.domain.risk import IN_DANGER, OrderOutlook, OrderState
from fbm_sync.domain.slip import SlippedLot, bundles_of, slip_finding, slips_of

from builders import ACCOUNT, NOW, SKU, TODAY, in_days, on_day


def a_slipped_lot(po_id="PO-7", line="1", *, first=2, planned=8, **changes):
    """A lot that was said for the day after tomorrow, and is now said for six days later."""
    fields = {
        "po_id": po_id,
        "lot": f"{po_id}/{line}",
        "sku": SKU,
        "supplier": "Acme",
        "first_on": on_day(first),
        "planned_on": on_day(planned),
        "moved_at": NOW,
    }
    return SlippedLot(**(fields | changes))


def an_outlook(order_id, state=OrderState.ON_TRACK, lot="PO-7/1", *, units=1, sku=SKU, **changes):
    source = CoverSource.LOT if lot else CoverSource.ON_HAND
    cover = (Cover(source=source, units=units, lot=lot),)
    item = ItemCover(order_item_id="1", sku=sku, open_units=units, cover=cover)
    fields = {
        "account": ACCOUNT,
        "order_id": order_id,
        "state": state,
        "reason": "why",
        "judged_at": NOW,
        "ship_by_at": in_days(3),
        "blamed_lot": lot,
        "items": (item,),
    }
    return OrderOutlook(**(fields | changes))


def found(outlooks, lots=(), before=()):
    slips = slips_of(lots or [a_slipped_lot()], outlooks, before)
    return [slip_finding(slip, TODAY) for slip in slips]


def test_a_slip_lists_the_orders_it_hits_the_newly_late_ones_first():
    outlooks = [
        an_outlook("1"),
        an_outlook("2", OrderState.LATE_CERTAIN),
        an_outlook("3", OrderState.AT_RISK, units=2, ship_by_at=in_days(2)),
        an_outlook("4", lot=None),
    ]
    (finding,) = found(outlooks, before={(ACCOUNT, "2")})
    assert finding.key == "us:po_slipped:PO-7"
    assert finding.orders == ("3", "2", "1")
    assert finding.text == (
        f"Purchase order PO-7 of Acme slipped by 6 days, from {on_day(2)} to {on_day(8)}. "
        "3 open orders wait for 4 units of it; 2 late or at risk, 1 of them newly."
    )
    assert finding.action == (
        "Ask Acme for a firm date and expedite PO-7; most urgent is order 3 "
        "('fbm-sync explain 3' weighs what is open to you)."
    )
    assert (finding.severity, finding.due_at) == (Severity.CRITICAL, in_days(2))


@pytest.mark.parametrize(
    ("state", "severity"),
    [
        (OrderState.ON_TRACK, Severity.INFO),
        (OrderState.DUE_SOON, Severity.INFO),
        (OrderState.AT_RISK, Severity.WARNING),
        (OrderState.OVERDUE, Severity.CRITICAL),
    ],
)
def test_how_soon_a_person_must_act_follows_from_the_orders_it_makes_late(state, severity):
    (finding,) = found([an_outlook("1", state)])
    assert finding.severity is severity
    if severity is Severity.INFO:
        assert finding.text.endswith("1 open order waits for 1 unit of it; none is late for it.")
        assert (finding.action, finding.due_at) == ("Nothing yet; ask Acme for a firm date.", None)


def test_orders_that_were_late_anyway_are_not_newly_late():
    (finding,) = found([an_outlook("1", OrderState.AT_RISK)], before={(ACCOUNT, "1")})
    assert finding.text.endswith("1 late or at risk, all of them before it slipped.")


def test_a_date_that_passes_without_arrival_is_a_slip():
    (finding,) = found([an_outlook("1")], [a_slipped_lot(first=-1, planned=-1, moved_at=None)])
    assert finding.text.startswith(
        f"Purchase order PO-7 of Acme was due on {on_day(-1)} and has not come: 1 day late so far."
    )
    (finding,) = found([an_outlook("1")], [a_slipped_lot(first=-5, planned=-1, supplier="")])
    assert finding.text.startswith(
        f"Purchase order PO-7 was due on {on_day(-1)}, first said for {on_day(-5)} and has not come: 5 days"
    )
    assert "ask the supplier for" in finding.action


def test_nobody_hears_of_a_slip_that_no_order_waits_for():
    assert found([an_outlook("1", lot=None), an_outlook("2", lot="PO-8/1"), an_outlook("3", sku="B")]) == []


def test_one_purchase_order_is_one_finding_by_the_worst_of_its_lots():
    lots = [a_slipped_lot(), a_slipped_lot(line="2", sku="B", planned=12)]
    both = an_outlook("3", OrderState.AT_RISK)
    both = dataclasses.replace(
        both, items=(*both.items, *an_outlook("3", lot="PO-7/2", sku="B").items), blamed_lot="PO-7/2"
    )
    (finding,) = found([an_outlook("1"), an_outlook("2", lot="PO-7/2", sku="B"), both], lots)
    assert "slipped by 10 days" in finding.text
    assert finding.orders == ("3", "1", "2")


def test_each_account_hears_of_its_own_orders():
    findings = found([an_outlook("1"), an_outlook("2", account="uk")])
    assert [(one.key, one.orders) for one in findings] == [
        ("uk:po_slipped:PO-7", ("2",)),
        ("us:po_slipped:PO-7", ("1",)),
    ]


def test_what_the_slip_explains_is_told_with_it():
    late, other = an_outlook("1", OrderState.AT_RISK), an_outlook("2", OrderState.AT_RISK, lot="PO-8/1")
    soon = an_outlook("3", OrderState.DUE_SOON)
    slips = slips_of([a_slipped_lot()], [late, other, soon])
    findings = order_findings([late, other, soon], {(ACCOUNT, "1"): "Do this."}, bundles_of(slips))
    assert [(one.subject, one.bundle) for one in findings] == [
        ("1", "us:po_slipped:PO-7"),
        ("2", ""),
        ("3", ""),
    ]
    assert [one.action for one in findings] == ["Do this.", "", ""]


def test_an_order_that_waits_longer_for_another_lot_is_not_late_by_this_one():
    outlook = an_outlook("1", OrderState.AT_RISK, blamed_lot="PO-8/1")
    (slip,) = slips_of([a_slipped_lot()], [outlook])
    assert (slip.late, slip.waiting) == ((), (outlook,))


@given(
    st.lists(
        st.builds(
            an_outlook,
            st.integers(0, 30).map(str),
            st.sampled_from(sorted(OrderState)),
            st.sampled_from(["PO-7/1", "PO-8/1", None]),
        ),
        unique_by=lambda one: one.order_id,
    ),
    st.sets(st.integers(0, 30).map(lambda number: (ACCOUNT, str(number)))),
)
def test_every_order_that_waits_is_listed_once_and_those_in_danger_first(outlooks, before):
    waiting = {one.order_id for one in outlooks if one.blamed_lot == "PO-7/1"}
    slips = slips_of([a_slipped_lot()], outlooks, before)
    assert bool(slips) == bool(waiting)
    for slip in slips:
        orders = slip_finding(slip, TODAY).orders
        assert sorted(orders) == sorted(waiting)
        danger = [one.order_id for one in outlooks if one.order_id in waiting and one.state in IN_DANGER]
        assert set(orders[: len(danger)]) == set(danger)
        assert {key for _, key in bundles_of(slips)} == set(danger)


@given(st.integers(0, 40), st.integers(-40, 40), st.integers(-10, 60))
def test_a_lot_never_slips_backwards(first, planned, today):
    lot = a_slipped_lot(first=first, planned=planned)
    days = lot.slipped_days(TODAY + timedelta(days=today))
    assert days == max(0, max(planned, today) - first)
