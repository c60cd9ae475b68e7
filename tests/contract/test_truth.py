"""What must hold in the store holds, and is noticed when it does not: on SQLite and on PostgreSQL alike."""

import contextlib
import dataclasses
from datetime import timedelta

import pytest

from fbm_sync.adapters.store.ledger import open_ledger
from fbm_sync.domain.alert import AlertState
from fbm_sync.domain.change import PushOutcome, PushReceipt
from fbm_sync.domain.drift import Drift
from fbm_sync.domain.hold import DroppedChange
from fbm_sync.domain.listing import Offer
from fbm_sync.domain.order import OrderStatus
from fbm_sync.domain.telling import Envelope, Purpose
from fbm_sync.flows.plan import plan
from fbm_sync.ports import Hold, OrderWindow, PageCursor

from builders import (
    ACCOUNT,
    NOW,
    SKU,
    a_change,
    a_count,
    a_lot,
    a_receipt,
    a_shipped_order,
    a_step,
    a_supply,
    an_alert,
    an_item,
    an_observed_offer,
    an_order,
    in_days,
    on_day,
    shop_terms,
    some_receipts,
)
from fakes import FakeClock

HOUR = timedelta(hours=1)


class UndoneError(Exception):
    """Ends a transaction that nobody shall see."""


@pytest.fixture
def ledger(ledger_url):
    with open_ledger(ledger_url, create=True) as ledger:
        yield ledger


def a_receipt_of(outcome, at=NOW, after=5, sku=SKU):
    return PushReceipt(change=a_change(0, after, sku), outcome=outcome, at=at)


@pytest.fixture
def shop(ledger):
    """A shop in which everything that the store can hold is there once, and all of it is true."""
    received = a_lot("PO-2", 10, received_units=4, promised_on=on_day(3))
    receipts = [*some_receipts(), a_receipt(po_id="PO-2", sku=SKU, quantity=4, received_on=on_day(-1))]
    with ledger.transaction() as books:
        books.supply.record(a_supply([a_count(3), a_count(20, "MUG")], [a_lot(), received], receipts), NOW)
        books.orders.record(
            [
                an_order("1", units=2),
                an_order("2", units=3, created_at=in_days(-1)),
                an_order("3", sku="NONE", units=2),
                a_shipped_order("4", shipped_at=in_days(-1 / 24), units=2),
                an_order("5", status=OrderStatus.CANCELLED),
            ]
        )
        books.orders.advance_watermark(ACCOUNT, NOW)
        window = OrderWindow(since=in_days(-1))
        books.orders.save_cursor(ACCOUNT, PageCursor(window=window, token="t", read_up_to=NOW, saved_at=NOW))
        books.runs.succeeded("pull", ACCOUNT, "run", NOW)
        books.offers.record_observed([an_observed_offer(5, "MUG"), an_observed_offer()])
        books.offers.record_receipt(a_receipt_of(PushOutcome.CONFIRMED, sku="MUG"), "run")
        books.offers.record_hold(
            Hold(hold_id="h", account=ACCOUNT, reasons=("r",), changes=(a_change(),), held_at=NOW)
        )
        books.offers.drop(
            [DroppedChange(account=ACCOUNT, sku=SKU, offer=a_change().after, hold_id="h", dropped_at=NOW)]
        )
        number = books.pushes.begin_feed(ACCOUNT, [a_change(0, 5, "MUG")], "run", NOW)
        books.pushes.feed_submitted(number, "feed-7", NOW)
        books.pushes.claim(ACCOUNT, [SKU], "run", NOW, NOW + HOUR)
        seen = an_observed_offer().offer
        books.truth.note_drifts([Drift(account=ACCOUNT, sku=SKU, was=seen, shown=seen, seen_at=NOW)])
        books.alerts.record([an_alert()])
        envelope = Envelope(channel="log", transition=a_step(), purpose=Purpose.NEWS, not_before=NOW)
        books.alerts.outbox.enqueue([envelope])
    plan(ledger, FakeClock(), shop_terms(), run_id="run")
    return ledger


def broken(ledger, *statements):
    """What no longer holds after these statements, which are undone."""
    found = {}
    with contextlib.suppress(UndoneError), ledger.transaction() as books:
        connection = books._connection
        is_sqlite = connection.dialect.name == "sqlite"
        connection.exec_driver_sql(
            "PRAGMA defer_foreign_keys = ON" if is_sqlite else "SET LOCAL session_replication_role = replica"
        )
        for statement in statements:
            assert connection.exec_driver_sql(statement).rowcount != 0, statement
        found = {one.name: one.detail for one in books.truth.invariants(NOW) if not one.ok}
        raise UndoneError
    return found


def test_all_of_it_holds_in_a_store_that_is_true(shop):
    assert broken(shop) == {}
    with shop.transaction() as books:
        assert {one.detail for one in books.truth.invariants(NOW)} == {""}


def test_all_of_it_holds_in_an_empty_store(ledger):
    assert broken(ledger) == {}


def test_what_has_changed_since_the_last_plan_contradicts_nothing(shop):
    with shop.transaction() as books:
        books.supply.record(a_supply([a_count(0, counted_at=NOW)]), NOW)
        books.orders.record([an_order("1", units=7, updated_at=NOW), an_order("6", sku="MUG")])
    assert broken(shop) == {}


SPOILT = [
    ("order_units_add_up", ["UPDATE order_items SET shipped_units = -1 WHERE order_id = '3'"], "3 NONE"),
    ("order_units_add_up", ["UPDATE order_items SET unfulfilled_units = 9 WHERE order_id = '3'"], "3 NONE"),
    ("parcels_hold_what_was_shipped", ["UPDATE shipments SET units = 3"], f"4 {SKU}"),
    ("parcels_hold_what_was_shipped", ["UPDATE shipments SET units = 0"], f"4 {SKU}: an empty parcel"),
    ("parcels_hold_what_was_shipped", ["UPDATE shipments SET sku = 'X'"], "4 X: a parcel of no line"),
    ("no_units_below_zero", ["UPDATE stock_counts SET damaged = -1 WHERE sku = 'MUG'"], "count of MUG"),
    ("no_units_below_zero", ["UPDATE observed_offers SET quantity = -1 WHERE sku = 'MUG'"], "listing MUG"),
    ("open_orders_are_found", ["UPDATE orders SET is_open = (1 = 0) WHERE order_id = '1'"], "1"),
    ("open_orders_are_found", ["UPDATE orders SET is_open = (1 = 1) WHERE order_id = '4'"], "4"),
    (
        "nothing_lies_in_the_future",
        ["UPDATE watermarks SET known_up_to = '2026-03-02 09:11:00+00:00'"],
        "orders known up to us 2026-03-02 09:11Z",
    ),
    (
        "nothing_lies_in_the_future",
        ["UPDATE successes SET succeeded_at = '2027-03-02 09:11:00+00:00' WHERE flow = 'plan'"],
        "success of plan 2027-03-02 09:11Z",
    ),
    (
        "orders_are_known_as_far_as_read",
        ["UPDATE watermarks SET known_up_to = '2026-03-02 07:59:00+00:00'"],
        "us was read at 2026-03-02 09:00Z, known up to 2026-03-02 07:59Z",
    ),
    (
        "orders_are_known_as_far_as_read",
        ["DELETE FROM watermarks"],
        "us was read at 2026-03-02 09:00Z, known never",
    ),
    (
        "order_parts_have_their_order",
        ["UPDATE order_items SET order_id = 'X' WHERE order_id = '5'"],
        "line of X",
    ),
    (
        "order_parts_have_their_order",
        ["UPDATE order_outlooks SET order_id = 'X' WHERE order_id = '1'"],
        "judgement of X",
    ),
    (
        "order_parts_have_their_order",
        ["UPDATE outlook_history SET order_id = 'X' WHERE order_id = '1'"],
        "judgement of X",
    ),
    ("offer_parts_have_their_listing", ["UPDATE drifts SET sku = 'X'"], "drift of X"),
    ("offer_parts_have_their_listing", ["DELETE FROM verdicts"], f"reasons for {SKU}, reasons for MUG"),
    (
        "offer_parts_have_their_listing",
        [f"UPDATE observed_offers SET sku = 'X' WHERE sku = '{SKU}'"],
        f"decision about {SKU}, drift of {SKU}, hold h of {SKU}",
    ),
    ("taken_skus_become_free", ["UPDATE feeds SET finished_at = begun_at"], "MUG by feed 1"),
    ("taken_skus_become_free", ["UPDATE feeds SET account = 'uk'"], "MUG by feed 1"),
    ("taken_skus_become_free", ["UPDATE push_claims SET held_until = NULL"], f"{SKU} without an end"),
    ("feeds_keep_their_skus", ["DELETE FROM push_claims WHERE sku = 'MUG'"], "feed 1 without MUG"),
    ("feeds_keep_their_skus", ["UPDATE feeds SET changes = '[]'"], "feed 1 without changes"),
    ("feeds_keep_their_skus", ["UPDATE feeds SET submitted_at = NULL"], "feed 1 half handed in"),
    (
        "changes_have_their_listing",
        ["UPDATE push_claims SET sku = 'X' WHERE sku = 'MUG'"],
        "X taken",
    ),
    ("changes_have_their_listing", ["UPDATE dropped_changes SET account = 'uk'"], f"{SKU} said no to"),
    (
        "nothing_lies_in_the_future",
        ["UPDATE feeds SET begun_at = '2027-03-02 09:11:00+00:00'"],
        "feed 1 2027-03-02 09:11Z",
    ),
    ("news_have_their_alert", ["DELETE FROM alerts"], "us:due_soon:111-1"),
    ("lot_dates_have_their_lot", ["DELETE FROM lots WHERE po_id = 'PO-1'"], f"PO-1 1 {SKU}"),
    (
        "only_one_is_in_force",
        [
            "DROP INDEX ix_offer_decisions_in_force",
            """INSERT INTO offer_decisions SELECT decision_id + 1000, account, sku, mode, first_decided_at,
            run_id, evidence, renewed_at, renewed_run_id, renewed_evidence, superseded_at, digest, is_notable,
            asks_for_change, leaves_alone, shares_budget, has_worries FROM offer_decisions
            WHERE sku = 'MUG'""",
        ],
        "decisions about MUG in us",
    ),
    (
        "only_one_is_in_force",
        [
            "DROP INDEX ix_outlook_history_in_force",
            """INSERT INTO outlook_history SELECT outlook_id + 1000, account, order_id, state, stage,
            promise_on, blamed_lot, first_judged_at, ended_at, body FROM outlook_history
            WHERE order_id = '1'""",
        ],
        "judgements of 1 in us",
    ),
    (
        "open_orders_are_judged",
        ["DELETE FROM order_outlooks WHERE order_id = '1'"],
        "1 is open and not judged",
    ),
    (
        "open_orders_are_judged",
        ["UPDATE orders SET status = 'SHIPPED', is_open = (1 = 0) WHERE order_id = '1'"],
        "1 is judged and not open",
    ),
    (
        "demand_is_covered_or_short",
        [
            """UPDATE order_outlooks SET body = REPLACE(body, '"open_units":2', '"open_units":3')
            WHERE order_id = '3'"""
        ],
        "3 NONE: 2 covered of 3",
    ),
    (
        "demand_is_covered_or_short",
        ["UPDATE order_items SET ordered_units = 4 WHERE order_id = '3'"],
        "3 NONE: 2 judged of 4",
    ),
    (
        "demand_is_covered_or_short",
        [
            """UPDATE order_outlooks SET body = REPLACE(body, '"units":2', '"units":-2')
            WHERE order_id = '3'"""
        ],
        "3 NONE: -2 covered of 2",
    ),
    (
        "nothing_is_assigned_twice",
        [f"UPDATE stock_counts SET on_hand = 2 WHERE sku = '{SKU}'"],
        "of the 0 on hand",
    ),
    (
        "nothing_is_assigned_twice",
        ["UPDATE lots SET status = 'cancelled'"],
        f"{SKU} of the 0 in PO-",
    ),
    (
        "no_more_is_offered_than_comes",
        ["UPDATE stock_counts SET on_hand = 19 WHERE sku = 'MUG'"],
        "MUG: 20 offered and 0 assigned of 19",
    ),
    (
        "receipts_match_purchase_orders",
        ["UPDATE receipts SET quantity = 5 WHERE po_id = 'PO-2'"],
        f"PO-2 {SKU}: 5 by receipts, 4 by the purchase order",
    ),
]


def test_what_does_not_hold_is_noticed(shop):
    """All in one test: to set up the shop takes longer than to look at it."""
    noticed = {}
    for name, statements, detail in SPOILT:
        found = broken(shop, *statements).get(name, "")
        noticed[statements[-1], detail] = detail if detail in found else found
    assert noticed == {about: about[1] for about in noticed}


def test_every_rule_can_fail(shop):
    with shop.transaction() as books:
        assert {one.name for one in books.truth.invariants(NOW)} == {name for name, _, _ in SPOILT}


# --- what the comparison asks ------------------------------------------------------------------------


def test_orders_are_found_by_the_time_of_their_version_and_by_being_open(shop):
    with shop.transaction() as books:
        assert books.truth.open_ids(ACCOUNT) == ("1", "2", "3")
        assert books.truth.open_ids("uk") == ()
        at = in_days(-1 / 24)
        assert books.truth.updated_between(ACCOUNT, at, at) == {"1", "2", "3", "4", "5"}
        assert books.truth.updated_between(ACCOUNT, at + HOUR, NOW + HOUR) == frozenset()


def test_what_was_written_is_told_by_how_it_ended_and_when(shop):
    with shop.transaction() as books:
        books.offers.record_receipt(a_receipt_of(PushOutcome.ACCEPTED, NOW + HOUR, 7, "MUG"), "run")
        books.offers.record_receipt(a_receipt_of(PushOutcome.CONFIRMED, NOW), "run")
        books.offers.record_receipt(a_receipt_of(PushOutcome.REJECTED, NOW + HOUR, 9, "CAP"), "run")
        assert set(books.truth.confirmed(ACCOUNT, ["MUG", SKU, "CAP"])) == {SKU}
        written = books.truth.written(ACCOUNT, ["MUG", "CAP"], NOW)
        assert {one.change.after.quantity for one in written["MUG"]} == {5, 7}
        assert "CAP" not in written
        assert len(books.truth.written(ACCOUNT, ["MUG"], NOW + HOUR)["MUG"]) == 1


def test_units_of_orders_cancelled_since_then_were_given_back(shop):
    with shop.transaction() as books:
        books.orders.record([an_order("6", items=(an_item(units=2, cancelled_by="BUYER"),))])
        assert books.truth.returned_units(ACCOUNT, SKU, in_days(-1)) == 3
        assert books.truth.returned_units(ACCOUNT, SKU, NOW) == 0


def test_a_drift_stays_as_it_was_first_seen(shop):
    drift = Drift(
        account=ACCOUNT,
        sku=SKU,
        was=Offer(quantity=0, handling_days=2),
        shown=Offer(quantity=9, handling_days=2),
        seen_at=NOW,
    )
    with shop.transaction() as books:
        first = next(one for one, _ in books.watch.drifts() if one.sku == SKU)
        books.truth.note_drifts([drift, dataclasses.replace(drift, sku="MUG")])
        books.truth.note_drifts([])
        found = {one.sku: one for one, _ in books.watch.drifts()}
    assert found == {SKU: first, "MUG": dataclasses.replace(drift, sku="MUG")}


def test_an_alert_that_is_over_may_be_forgotten_before_its_last_news(shop):
    with shop.transaction() as books:
        books.alerts.record([an_alert(state=AlertState.RESOLVED)])
        numbers = [one.notification_id for one in books.alerts.outbox.due(NOW)]
        books.alerts.outbox.mark_sent(numbers, NOW)
    assert broken(shop, "DELETE FROM alerts") == {}
