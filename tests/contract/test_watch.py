"""What the ledger remembers of former times, on SQLite and on PostgreSQL alike."""

import dataclasses
from datetime import timedelta

import pytest
from alembic import command

from fbm_sync.adapters.store import schema
from fbm_sync.adapters.store.ledger import SqlLedger, open_ledger
from fbm_sync.domain.change import PushOutcome, PushReceipt
from fbm_sync.domain.decision import OfferDecision, Verdict, Worry, WorryKind
from fbm_sync.domain.listing import ListingMode, Offer
from fbm_sync.domain.order import Fulfiller, OrderStatus
from fbm_sync.domain.promise_audit import PromiseAudit, ShownTerms
from fbm_sync.domain.risk import OrderOutlook, OrderState
from fbm_sync.domain.supply import Leg
from fbm_sync.ports import PlanBasis

from builders import (
    ACCOUNT,
    NOW,
    SKU,
    TODAY,
    a_change,
    a_lot,
    a_shipment,
    a_supply,
    an_item,
    an_observed_offer,
    an_order,
    in_days,
    on_day,
)

HOUR = timedelta(hours=1)


@pytest.fixture
def ledger(ledger_url):
    with open_ledger(ledger_url, create=True) as ledger:
        yield ledger


def read(ledger, *lots, at=NOW):
    with ledger.transaction() as books:
        books.supply.record(a_supply(lots=lots), at)


def slipped(ledger, today=TODAY):
    with ledger.transaction() as books:
        return {one.lot: one for one in books.watch.slipped_lots(today)}


def see(ledger, quantity, handling_days=2, *, hours=0, **changes):
    seen = an_observed_offer(quantity, handling_days=handling_days, observed_at=NOW + hours * HOUR, **changes)
    with ledger.transaction() as books:
        books.offers.record_observed([seen])


# --- lots --------------------------------------------------------------------------------------------


def test_the_first_date_of_a_lot_is_kept_however_often_it_moves(ledger):
    read(ledger, a_lot(promised_on=on_day(3)))
    assert slipped(ledger) == {}
    read(ledger, a_lot(promised_on=on_day(5)), at=NOW + HOUR)
    read(ledger, a_lot(promised_on=on_day(9)), at=NOW + 2 * HOUR)
    read(ledger, a_lot(promised_on=on_day(8)), at=NOW + 3 * HOUR)
    lot = slipped(ledger)["PO-1/1"]
    assert (lot.first_on, lot.planned_on, lot.moved_at) == (on_day(3), on_day(8), NOW + 2 * HOUR)
    assert (lot.po_id, lot.supplier, lot.sku) == ("PO-1", "Acme", SKU)
    read(ledger, a_lot(promised_on=on_day(2)), at=NOW + 4 * HOUR)
    assert slipped(ledger) == {}


def test_a_date_that_passes_counts_and_one_that_is_taken_back_stays(ledger):
    read(ledger, a_lot(promised_on=None), a_lot("PO-2", promised_on=on_day(3)))
    read(ledger, a_lot(promised_on=on_day(4)), a_lot("PO-2", promised_on=None))
    assert slipped(ledger) == {}
    assert slipped(ledger, on_day(4)).keys() == {"PO-2/1"}
    late = slipped(ledger, on_day(5))
    assert late.keys() == {"PO-1/1", "PO-2/1"}
    assert {lot.moved_at for lot in late.values()} == {None}


def test_lots_that_are_no_longer_open_are_forgotten(ledger):
    many = [a_lot(f"PO-{number}", promised_on=on_day(3)) for number in range(5)]
    late = [dataclasses.replace(lot, promised_on=on_day(6)) for lot in many]
    read(ledger, *many)
    read(ledger, *late)
    assert len(slipped(ledger)) == 5
    read(ledger, *late[:4])
    assert len(slipped(ledger)) == 4
    read(ledger, late[0], dataclasses.replace(late[1], received_units=100))
    assert slipped(ledger).keys() == {"PO-0/1"}
    assert slipped(ledger)["PO-0/1"].first_on == on_day(3)
    read(ledger)
    assert slipped(ledger) == {}


def test_a_lot_with_legs_goes_by_the_end_of_its_way(ledger):
    read(ledger, a_lot(legs=(Leg(name="ocean", planned_end_on=on_day(20)),)))
    read(ledger, a_lot(legs=(Leg(name="ocean", planned_end_on=on_day(22)),)))
    assert slipped(ledger)["PO-1/1"].slipped_days(TODAY) == 2


# --- listings ----------------------------------------------------------------------------------------


def terms(ledger):
    with ledger.transaction() as books:
        return books.watch.terms_of(ACCOUNT, [SKU, "NONE"])


def test_what_a_listing_showed_is_kept_from_the_first_look_to_the_last(ledger):
    see(ledger, 5)
    see(ledger, 4, hours=2)
    see(ledger, 4, 3, hours=3)
    see(ledger, 4, 3, hours=5)
    see(ledger, 9, 7, hours=4)  # an older look
    see(ledger, 4, 3, hours=6, restock_on=on_day(9))
    assert terms(ledger) == {
        SKU: (
            ShownTerms(handling_days=2, restock_on=None, first_seen_at=NOW, last_seen_at=NOW + 2 * HOUR),
            ShownTerms(
                handling_days=3, restock_on=None, first_seen_at=NOW + 3 * HOUR, last_seen_at=NOW + 5 * HOUR
            ),
            ShownTerms(
                handling_days=3,
                restock_on=on_day(9),
                first_seen_at=NOW + 6 * HOUR,
                last_seen_at=NOW + 6 * HOUR,
            ),
        )
    }
    with ledger.transaction() as books:
        books.watch.forget(NOW + 4 * HOUR)
    assert len(terms(ledger)[SKU]) == 2


def drifts(ledger):
    with ledger.transaction() as books:
        return [(drift.was.quantity, shown.quantity) for drift, shown in books.watch.drifts()]


def test_a_listing_that_drifted_is_known_until_it_shows_the_former_offer(ledger):
    see(ledger, 0)
    assert drifts(ledger) == []
    see(ledger, 4, hours=1)
    see(ledger, 3, hours=2)
    assert drifts(ledger) == [(0, 3)]
    see(ledger, 6, hours=3)
    assert drifts(ledger) == [(0, 6)]
    see(ledger, 0, hours=4)
    assert drifts(ledger) == []


def test_what_we_wrote_or_a_cancelled_order_gave_back_is_no_drift(ledger):
    see(ledger, 0)
    answers = [
        PushReceipt(change=a_change(0, units), outcome=PushOutcome.ACCEPTED, at=NOW + minutes * HOUR / 60)
        for units, minutes in ((5, 10), (0, 20))
    ]
    with ledger.transaction() as books:
        for answer in answers:
            books.offers.record_receipt(answer, "run")
    see(ledger, 5, hours=1)
    assert drifts(ledger) == [], "the earlier of two changes showed first"
    see(ledger, 0, hours=2)
    with ledger.transaction() as books:
        given_up = {"status": OrderStatus.CANCELLED, "updated_at": NOW}
        books.orders.record([an_order(units=7, **given_up), an_order("2", sku="OTHER", units=9, **given_up)])
    see(ledger, 7, hours=30)
    assert drifts(ledger) == []
    see(ledger, 8, hours=60)
    assert drifts(ledger) == [(7, 8)]


# --- decisions, orders -------------------------------------------------------------------------------


def a_decision(*worries, sku=SKU, observed=None):
    verdict = Verdict(
        mode=ListingMode.SOLD_OUT,
        desired=Offer(quantity=0, handling_days=2),
        observed=observed or Offer(quantity=5, handling_days=2),
        product_type="PRODUCT",
        atp_today=0,
        worries=worries,
    )
    return OfferDecision(account=ACCOUNT, sku=sku, verdict=verdict, decided_at=NOW, run_id="run")


def test_only_decisions_in_force_with_worries_are_found_and_whether_they_are_outdated(ledger):
    worry = Worry(kind=WorryKind.INBOUND_OVERCOMMITTED, units=3, of_units=10, taken=8, offered=5)
    see(ledger, 5)
    with ledger.transaction() as books:
        books.offers.record_decisions([a_decision(worry), a_decision(sku="B"), a_decision(worry, sku="C")])
        books.offers.record_decisions([a_decision(sku="C")])
        (found,) = books.watch.worried()
        assert (found.worried.sku, found.worried.worries, found.is_outdated) == (SKU, (worry,), False)
    see(ledger, 4, hours=1)
    with ledger.transaction() as books:
        assert [one.is_outdated for one in books.watch.worried()] == [True]


def an_outlook(order_id, state=OrderState.ON_TRACK, **changes):
    fields = {"account": ACCOUNT, "order_id": order_id, "state": state, "reason": "why", "judged_at": NOW}
    return OrderOutlook(**(fields | changes))


def test_how_orders_stood_at_an_instant_is_remembered(ledger):
    with ledger.transaction() as books:
        books.orders.record([an_order("1"), an_order("2", sku="B")])
        books.orders.record_outlooks([an_outlook("1"), an_outlook("2")], NOW)
        books.orders.record_outlooks([an_outlook("1", OrderState.AT_RISK), an_outlook("2")], NOW + HOUR)
        at = {moment: books.watch.states_at(["1", "2", "3"], NOW + moment * HOUR) for moment in (-1, 0, 1)}
        assert [one.order_id for one in books.watch.orders_for([SKU])] == ["1"]
        assert books.watch.waiting_for([SKU, "B"]) == ()
    assert at[-1] == {}
    assert at[0] == {(ACCOUNT, "1"): OrderState.ON_TRACK, (ACCOUNT, "2"): OrderState.ON_TRACK}
    assert at[1][ACCOUNT, "1"] is OrderState.AT_RISK


def an_audit(order_id="111-1", **changes):
    fields = {"account": ACCOUNT, "order_id": order_id, "created_at": in_days(-1), "sku": SKU}
    return PromiseAudit(**(fields | {"handling_days": 3, "due_on": on_day(2), "off_days": -1} | changes))


def test_an_order_is_audited_once_and_its_audit_goes_with_it(ledger):
    orders = [
        an_order("1", first_read_at=NOW),
        an_order("2", first_read_at=NOW, status=OrderStatus.PENDING),
        an_order("3", first_read_at=in_days(-2)),
        an_order("4", first_read_at=NOW, status=OrderStatus.SHIPPED, shipments=(a_shipment(shipped_at=NOW),)),
        an_order("5", first_read_at=NOW, account="uk"),
    ]
    with ledger.transaction() as books:
        books.orders.record(orders)
        assert [one.order_id for one in books.watch.unaudited(ACCOUNT, in_days(-1))] == ["1", "4"]
        books.watch.record_audits([])
        books.watch.record_audits([an_audit("1"), an_audit("4", off_days=0)])
        books.watch.record_audits([an_audit("1", off_days=None)])
        assert books.watch.unaudited(ACCOUNT, in_days(-1)) == ()
        assert [one.off_days for one in books.watch.audits(ACCOUNT, in_days(-2))] == [-1, 0]
        assert books.watch.audits(ACCOUNT, NOW) == ()
        (left,) = books.watch.shipped_audits(ACCOUNT, in_days(-2))
        assert (left.audit.order_id, left.shipped_at) == ("4", NOW)


def test_the_latest_order_sold_by_a_restock_date_tells_what_it_is_worth_and_is_news(ledger):
    audits = [
        an_audit("1", handling_days=None, off_days=-2),
        an_audit("2", handling_days=None, off_days=0, created_at=in_days(-0.5)),
        an_audit("3", handling_days=None, off_days=None, created_at=NOW),
        an_audit("4", sku="B", created_at=NOW),
        an_audit("5", sku="C", handling_days=None, off_days=-1),
    ]
    with ledger.transaction() as books:
        books.orders.record([an_order(one.order_id, sku="Z") for one in audits])
        books.plans.settle(books.plans.news(), PlanBasis(planned_at=NOW, shop="", accounts={}))
        books.watch.record_audits(audits)
        assert books.plans.news().skus == {SKU, "C"}
        found = books.watch.restock_shown(ACCOUNT, in_days(-2))
        assert {sku: (one.order_id, one.off_days) for sku, one in found.items()} == {
            SKU: ("2", 0),
            "C": ("5", -1),
        }
        assert found[SKU].created_at == in_days(-0.5)
        assert books.watch.restock_shown(ACCOUNT, in_days(-2), ["C", "B"]).keys() == {"C"}
        assert books.watch.restock_shown(ACCOUNT, in_days(-0.7)).keys() == {SKU}
        assert books.watch.restock_shown("uk", in_days(-2)) == {}


def test_busy_skus_and_usual_rates_are_counted_in_orders(ledger):
    twice = an_order("9", items=(an_item("A", 2, order_item_id="1"), an_item("A", 3, order_item_id="2")))
    with ledger.transaction() as books:
        books.orders.record(
            [
                twice,
                an_order("1", sku="A", units=4),
                an_order("2", sku="B"),
                an_order("3", sku="A", created_at=in_days(-3)),
                an_order("4", sku="A", account="uk"),
                an_order("5", sku="A", fulfilled_by=Fulfiller.AMAZON),
            ]
        )
        assert books.watch.busy_skus(ACCOUNT, in_days(-1), 2) == {"A": (4, 5)}
        assert books.watch.orders_between(ACCOUNT, ["A", "B"], in_days(-5), in_days(-1)) == {"A": 1}


def test_units_bought_since_an_instant_of_each_sku_leave_out_what_was_cancelled(ledger):
    hour = in_days(-1 / 24)
    with ledger.transaction() as books:
        books.orders.record(
            [
                an_order("1", sku="A", units=4, created_at=NOW),
                an_order("2", sku="A", units=2, created_at=hour),
                an_order("3", sku="B", units=5, created_at=hour),
                an_order("4", sku="A", created_at=NOW, status=OrderStatus.CANCELLED),
                an_order("5", created_at=NOW, items=(an_item("A", 3, cancelled_by="BUYER"), an_item("B", 1))),
                an_order("6", sku="A", created_at=NOW, account="uk"),
                an_order("7", sku="A", created_at=NOW, fulfilled_by=Fulfiller.AMAZON),
            ]
        )
        assert books.watch.bought_since(ACCOUNT, {"A": hour, "B": in_days(-1), "C": hour}) == {"A": 4, "B": 6}
        assert books.watch.bought_since(ACCOUNT, {}) == {}


# --- an upgrade --------------------------------------------------------------------------------------


def test_an_upgrade_remembers_the_dates_and_offers_it_finds(database_url):
    values = (
        ("lots", "0, 'PO-1', '1', 'CUP', '', 9, 0, 'Acme', '', 'confirmed', NULL, '2026-03-05', NULL"),
        ("lots", "1, 'PO-2', '1', 'CUP', '', 9, 9, 'Acme', '', 'received', NULL, '2026-03-05', NULL"),
        ("observed_offers", "'us', 'CUP', 3, '2026-03-01 09:00:00+00:00', '{}'"),
    )
    with SqlLedger(database_url) as ledger:
        if ledger._file:
            ledger._file.touch()
        with ledger._engine.begin() as connection:
            command.upgrade(schema.configuration(connection), "0004")
            for table, row in values:
                connection.exec_driver_sql(f"INSERT INTO {table} VALUES ({row})")
        assert ledger.upgrade().is_current
        with ledger._engine.begin() as connection:
            dates = connection.exec_driver_sql("SELECT po_id, first_on, slipped_days FROM lot_dates").all()
            assert [(po_id, str(first_on), days) for po_id, first_on, days in dates] == [
                ("PO-1", "2026-03-05", 0)
            ]
            since = connection.exec_driver_sql("SELECT terms_since = observed_at FROM observed_offers")
            assert bool(since.scalar_one())
