"""What the ledger promises, on SQLite and on PostgreSQL alike."""

import collections.abc
import contextlib
import dataclasses
import enum
import itertools
import json
import random
import re
import threading
import types
import typing
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from sqlalchemy import MetaData, Table, event, func, inspect, select

from fbm_sync.adapters.store import schema
from fbm_sync.adapters.store.ledger import SqlLedger, open_ledger
from fbm_sync.domain.alert import (
    Alert,
    AlertState,
    Finding,
    Reason,
    Severity,
    Transition,
    TransitionKind,
)
from fbm_sync.domain.allocation import Cover, CoverSource, ItemCover
from fbm_sync.domain.change import PushOutcome, PushReceipt
from fbm_sync.domain.decision import Fact, OfferDecision, Verdict
from fbm_sync.domain.delivering import ChannelState
from fbm_sync.domain.guard import OnSale
from fbm_sync.domain.hold import DroppedChange
from fbm_sync.domain.letters import Untold
from fbm_sync.domain.listing import ListingMode, ObservedOffer, Offer, OfferChange
from fbm_sync.domain.open_risk import OpenRisks, open_risks
from fbm_sync.domain.order import Fulfiller, Order, OrderItem, OrderStatus, Shipment
from fbm_sync.domain.policy import Cap, Gate
from fbm_sync.domain.risk import OrderOutlook, OrderState
from fbm_sync.domain.supply import CatalogEntry, Lot, Receipt, SnapshotSummary, StockCount, SupplySnapshot
from fbm_sync.domain.telling import Envelope, Purpose
from fbm_sync.errors import StoreError
from fbm_sync.ports import (
    DecisionCensus,
    Hold,
    Horizon,
    OrderWindow,
    PageCursor,
    Pause,
    PlanBasis,
    RequestBudget,
    Unreadable,
)

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


# --- builders ------------------------------------------------------------------------------------


def an_item(number=1, **changes):
    facts = {"order_item_id": f"item-{number}", "sku": f"SKU-{number}", "ordered_units": 2}
    return OrderItem(**facts | changes)


def an_order(order_id="1", **changes):
    facts = {
        "account": "main",
        "order_id": order_id,
        "status": OrderStatus.UNSHIPPED,
        "created_at": NOW - DAY,
        "updated_at": NOW,
        "items": (an_item(),),
        "ship_by_at": NOW + DAY,
    }
    return Order(**facts | changes)


def a_parcel(shipped_at, number=1):
    return Shipment(
        shipment_id=f"parcel-{number}", order_item_id="item-1", sku="SKU-1", units=1, shipped_at=shipped_at
    )


def a_decision(sku="SKU-1", **changes):
    decision = {
        "account": "main",
        "sku": sku,
        "decided_at": NOW,
        "run_id": "run-1",
        "as_of": (NOW - HOUR, None),
    }
    verdict = {
        "mode": ListingMode.BACKORDER,
        "desired": Offer(quantity=7, handling_days=None, restock_on=date(2026, 3, 20)),
        "observed": Offer(quantity=0, handling_days=2),
        "product_type": "SHOES",
        "atp_today": 0,
        "cap": Cap(units=7, binding="chance", limits={"chance": 7, "inbound_coverage": 9}),
        "gates": (Gate(name="firm_inbound", passed=True, value="9", limit="1"),),
        "facts": (Fact(name="on_hand", value="0"), Fact(name="policy", value="default")),
        "rules": ("Sold ahead.",),
        "rejected": ("Sold out.",),
        "reasons": ("Inbound covers 7 more – früh genug.",),
    }
    verdict |= {name: changes.pop(name) for name in verdict if name in changes}
    return OfferDecision(**decision | changes, verdict=Verdict(**verdict))


def a_change(sku="SKU-1", account="main"):
    return OfferChange(
        account=account,
        sku=sku,
        product_type="SHOES",
        before=Offer(quantity=1, handling_days=2),
        after=Offer(quantity=5, handling_days=None, restock_on=date(2026, 3, 9)),
    )


def an_answer(outcome=PushOutcome.ACCEPTED, at=NOW, **changes):
    return PushReceipt(
        change=a_change(**changes), outcome=outcome, at=at, submission_id="s-1", problems=("no",)
    )


def a_hold(hold_id="h1", account="main", **changes):
    facts = {"reasons": ("too many",), "changes": (a_change(account=account),), "held_at": NOW}
    return Hold(hold_id=hold_id, account=account, **facts | changes)


def a_dropped(sku="SKU-1", account="main", **changes):
    facts = {"offer": Offer(quantity=7, handling_days=2), "hold_id": "h1", "dropped_at": NOW}
    return DroppedChange(account=account, sku=sku, **facts | changes)


def an_alert(subject="1", **changes):
    finding = Finding(
        account="main",
        kind="at_risk",
        subject=subject,
        severity=Severity.WARNING,
        text="Late?",
        action="Ship.",
        stage="T-12",
        orders=("1",),
        due_at=NOW + DAY,
    )
    facts = {"finding": finding, "state": AlertState.OPEN, "opened_at": NOW, "changed_at": NOW}
    return Alert(**facts | changes)


def a_transition(subject="1", **changes):
    facts = {
        "alert": an_alert(subject),
        "kind": TransitionKind.OPENED,
        "reason": Reason.FIRST_FOUND,
        "at": NOW,
    }
    return Transition(**facts | changes)


def an_envelope(subject="1", channel="mail", not_before=NOW, **changes):
    return Envelope(
        channel=channel,
        transition=a_transition(subject, **changes),
        purpose=Purpose.NEWS,
        not_before=not_before,
    )


A_BASIS = PlanBasis(planned_at=NOW, shop="as it is", accounts={"main": "3 spare"})


def an_arrival(**changes):
    facts = {"po_id": "PO-1", "supplier": "Süd GmbH", "received_on": date(2026, 1, 5), "quantity": 10}
    return Receipt(**facts | changes)


def a_snapshot(*skus, **changes):
    stock = tuple(StockCount(sku=sku, on_hand=3, counted_at=NOW) for sku in skus or ("SKU-1",))
    return SupplySnapshot(**{"stock": stock} | changes)


# --- any value of a kind ---------------------------------------------------------------------------

# What PostgreSQL cannot store, Amazon's own names do not contain: zero characters and half characters.
_texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), max_size=8)
_moments = st.datetimes(datetime(1990, 1, 1), datetime(2150, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
_PLAIN = {
    str: _texts,
    int: st.integers(-(2**40), 2**40),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    datetime: _moments,
    date: st.dates(date(1990, 1, 1), date(2150, 1, 1)),
    type(None): st.none(),
}


def anything(hint, **fixed):
    """Any value of a type of the domain, whatever fields it will gain."""
    hint = getattr(hint, "__supertype__", hint)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in _PLAIN:
        return _PLAIN[hint]
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*map(anything, arguments))
    if origin is tuple:
        return st.lists(anything(arguments[0]), max_size=3).map(tuple)
    if origin is collections.abc.Mapping:
        return st.dictionaries(*map(anything, arguments), max_size=3)
    if issubclass(hint, enum.Enum):
        return st.sampled_from(hint)
    hints = typing.get_type_hints(hint)
    fields = {field.name: anything(hints[field.name]) for field in dataclasses.fields(hint)}
    return st.builds(hint, **fields | fixed)


def several(hint, *keys, **fixed):
    """Any few values of a type, no two with the same key."""
    return st.lists(
        anything(hint, **fixed),
        max_size=4,
        unique_by=lambda value: tuple(getattr(value, key) for key in keys),
    )


many_examples = settings(
    max_examples=25,
    deadline=None,
    # Each example leaves the ledger as it was.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


# --- fixtures --------------------------------------------------------------------------------------


@pytest.fixture
def ledger(ledger_url):
    with open_ledger(ledger_url, create=True) as ledger:
        yield ledger


@pytest.fixture
def other_ledger(ledger, ledger_url):
    """Another process, as it were."""
    with open_ledger(ledger_url) as other:
        yield other


@pytest.fixture
def books(ledger):
    with ledger.transaction() as books:
        yield books


class Undo(Exception):
    """Ends an example."""


@contextlib.contextmanager
def undone(ledger):
    """A transaction that leaves nothing behind, for one example of many."""
    with contextlib.suppress(Undo), ledger.transaction() as books:
        yield books
        raise Undo


def rows_in(ledger):
    """How many rows each table holds."""
    with ledger._engine.begin() as connection:
        return {
            table.name: connection.scalar(select(func.count()).select_from(table))
            for table in schema.METADATA.sorted_tables
        }


@contextlib.contextmanager
def statements(ledger):
    """The statements that the ledger speaks meanwhile."""
    heard = []

    def listen(_connection, _cursor, statement, *_):
        heard.append(statement)

    event.listen(ledger._engine, "before_cursor_execute", listen)
    yield heard
    event.remove(ledger._engine, "before_cursor_execute", listen)


def in_threads(*works):
    """Do some works at the same time; the first error is the test's."""
    errors = []
    gate = threading.Barrier(len(works))

    def run(work):
        try:
            gate.wait(10)
            work()
        except BaseException as error:  # noqa: BLE001  raised again in the test's own thread
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for error in errors:
        raise error


# --- the suite -------------------------------------------------------------------------------------


class TestOrders:
    @many_examples
    @given(orders=several(Order, "account", "order_id"))
    def test_every_order_comes_back_as_it_was_recorded(self, ledger, orders):
        with undone(ledger) as books:
            books.orders.record(orders)
            found = books.orders.find([order.order_id for order in orders])
            assert set(found) == set(orders)
            assert len(found) == len(orders)
            for order in orders:
                assert books.orders.known(order.account, [order.order_id]) == {order.order_id: order}

    def test_an_older_version_of_an_order_never_replaces_a_newer_one(self, books):
        newer = an_order(updated_at=NOW, status=OrderStatus.SHIPPED, shipments=(a_parcel(NOW),))
        older = an_order(updated_at=NOW - timedelta(microseconds=1), items=(an_item(1), an_item(2)))
        books.orders.record([newer])
        books.orders.record([older])
        assert books.orders.find(["1"]) == (newer,)

    @many_examples
    @given(ages=st.permutations(range(6)), cuts=st.sets(st.integers(1, 5)))
    def test_versions_in_any_sequence_and_on_any_pages_end_at_the_newest(self, ledger, ages, cuts):
        versions = [
            an_order(
                updated_at=NOW - age * HOUR,
                items=tuple(an_item(number) for number in range(age + 1)),
                shipments=tuple(a_parcel(NOW, number) for number in range(age)),
            )
            for age in ages
        ]
        with undone(ledger) as books:
            for start, end in itertools.pairwise([0, *sorted(cuts), len(versions)]):
                books.orders.record(versions[start:end])
            assert books.orders.find(["1"]) == (versions[ages.index(0)],)

    def test_microseconds_decide_between_versions(self, books):
        # On SQLite moments are compared as text: with and without a fraction must have the same width.
        whole = an_order(updated_at=NOW, status_text="whole")
        fraction = an_order(updated_at=NOW + timedelta(microseconds=1), status_text="fraction")
        for versions in ([whole, fraction], [fraction, whole]):
            books.orders.record(versions)
            assert books.orders.find(["1"]) == (fraction,)

    def test_the_same_page_recorded_twice_adds_nothing(self, ledger):
        page = [an_order(str(number), shipments=(a_parcel(NOW),)) for number in range(20)]
        counted = []
        for _ in range(2):
            with ledger.transaction() as books:
                books.orders.record(page)
                assert set(books.orders.find([str(number) for number in range(20)])) == set(page)
            counted.append(rows_in(ledger))
        assert counted[0] == counted[1]

    def test_a_line_that_amazon_takes_out_of_an_order_is_gone(self, books):
        books.orders.record([an_order(items=(an_item(1), an_item(2)), shipments=(a_parcel(NOW),))])
        shorter = an_order(updated_at=NOW + HOUR, items=(an_item(2),))
        books.orders.record([shorter])
        assert books.orders.find(["1"]) == (shorter,)

    def test_what_only_we_know_of_an_order_is_kept_without_a_new_version(self, books):
        books.orders.record([an_order()])
        books.orders.record([an_order(units_kept_until=NOW + 4 * HOUR)])
        (order,) = books.orders.find(["1"])
        assert order.units_kept_until == NOW + 4 * HOUR

    def test_lines_keep_their_sequence_even_when_amazon_repeats_one(self, books):
        order = an_order(items=(an_item(3), an_item(1), an_item(3)))
        books.orders.record([order])
        assert books.orders.find(["1"]) == (order,)

    def test_moments_of_any_time_zone_come_back_in_utc(self, books):
        far_east = timezone(timedelta(hours=9))
        books.orders.record([an_order(created_at=NOW.astimezone(far_east))])
        (order,) = books.orders.find(["1"])
        assert order.created_at == NOW
        assert order.created_at.tzinfo is UTC

    def test_a_moment_without_a_time_zone_is_refused(self, ledger):
        with pytest.raises(StoreError, match="timezone"), ledger.transaction() as books:
            books.orders.record([an_order(created_at=datetime(2026, 1, 1))])  # noqa: DTZ001

    def test_the_same_order_id_in_two_accounts_is_two_orders(self, books):
        ours, theirs = an_order(account="main"), an_order(account="second", items=(an_item(9),))
        books.orders.record([ours, theirs])
        assert books.orders.known("second", ["1", "2"]) == {"1": theirs}
        assert books.orders.find(["1", "1"]) == (ours, theirs)

    def test_thousands_of_orders_are_recorded_and_found_at_once(self, books):
        page = [an_order(f"{number:05}", items=(an_item(1), an_item(2))) for number in range(1_200)]
        books.orders.record(page)
        assert books.orders.find([order.order_id for order in page]) == tuple(page)
        assert len(books.orders.known("main", [order.order_id for order in page])) == 1_200

    def test_orders_that_take_units_from_sale_are_open_ones_and_those_cooling_off(self, books):
        holding = [
            *(an_order(status.value, status=status) for status in OrderStatus if status not in _CLOSED),
            an_order("cooling", status=OrderStatus.CANCELLED, units_kept_until=NOW + HOUR),
        ]
        free = [
            *(an_order(status.value, status=status) for status in _CLOSED),
            an_order("cooled", status=OrderStatus.CANCELLED, units_kept_until=NOW),
            an_order("amazon", fulfilled_by=Fulfiller.AMAZON),
            an_order("empty", items=(an_item(shipped_units=2),)),
            an_order("none", items=()),
        ]
        books.orders.record([*holding, *free])
        assert set(books.orders.holding_units(NOW)) == set(holding)

    def test_orders_touched_lately_were_created_due_or_shipped_since(self, books):
        old = {"created_at": NOW - 9 * DAY, "ship_by_at": NOW - 8 * DAY}
        touched = [
            an_order("created", created_at=NOW, ship_by_at=None),
            an_order("due", created_at=NOW - 9 * DAY, ship_by_at=NOW),
            an_order("shipped", **old, shipments=(a_parcel(NOW), a_parcel(NOW - 8 * DAY, 2))),
        ]
        untouched = [an_order("old", **old), an_order("gone", **old, shipments=(a_parcel(NOW - DAY),))]
        books.orders.record([*touched, *untouched])
        assert set(books.orders.touched_since(NOW)) == set(touched)
        assert set(books.orders.every()) == {*touched, *untouched}


_CLOSED = (OrderStatus.SHIPPED, OrderStatus.CANCELLED, OrderStatus.UNFULFILLABLE)


class TestReadingOrders:
    def test_what_could_not_be_read_is_set_aside_and_its_first_sighting_kept(self, books):
        books.orders.set_aside("main", [Unreadable(subject="1", reason="no date")], NOW)
        books.orders.set_aside("main", [Unreadable(subject="1", reason="no SKU")], NOW + HOUR)
        (item,) = books.orders.quarantined()
        assert (item.account, item.subject, item.reason) == ("main", "1", "no SKU")
        assert (item.first_seen_at, item.last_seen_at) == (NOW, NOW + HOUR)

    def test_what_was_read_after_all_leaves_quarantine_in_its_account_only(self, books):
        for account in ("main", "second"):
            books.orders.set_aside(account, [Unreadable(subject=subject, reason="") for subject in "12"], NOW)
        books.orders.readmit("main", ["1", "3"])
        books.orders.readmit("second", [])
        left = [(item.account, item.subject) for item in books.orders.quarantined()]
        assert left == [("main", "2"), ("second", "1"), ("second", "2")]

    def test_even_broken_characters_can_be_set_aside(self, books):
        odd = "half \ud83d, zero \x00, whole 🙂"
        books.orders.set_aside("main", [Unreadable(subject=odd, reason=odd)], NOW)
        (item,) = books.orders.quarantined()
        assert item.reason == "half ?, zero ?, whole 🙂"
        books.orders.readmit("main", [odd])
        assert books.orders.quarantined() == ()

    @many_examples
    @given(moments=st.lists(_moments, min_size=1, max_size=6))
    def test_the_watermark_only_moves_forward(self, ledger, moments):
        with undone(ledger) as books:
            assert books.orders.watermark("main") is None
            for count, moment in enumerate(moments, start=1):
                books.orders.advance_watermark("main", moment)
                assert books.orders.watermark("main") == max(moments[:count])
            assert books.orders.watermark("second") is None

    def test_a_killed_walk_remembers_its_page_until_it_is_complete(self, books):
        window = OrderWindow(since=NOW - DAY, until=NOW)
        first = PageCursor(window=window, token="t1", read_up_to=NOW, saved_at=NOW)
        second = PageCursor(window=OrderWindow(since=NOW), token="t2", read_up_to=None, saved_at=NOW + HOUR)
        assert books.orders.cursor("main") is None
        for cursor in (first, second, None):
            books.orders.save_cursor("main", cursor)
            assert books.orders.cursor("main") == cursor
        books.orders.save_cursor("second", first)
        assert books.orders.cursor("main") is None

    @many_examples
    @given(outlooks=several(OrderOutlook, "account", "order_id"))
    def test_every_outlook_comes_back_as_it_was_recorded(self, ledger, outlooks):
        with undone(ledger) as books:
            books.orders.record_outlooks(outlooks, NOW)
            found = books.orders.outlooks()
            assert sorted(found, key=_place) == sorted(outlooks, key=_place)

    def test_outlooks_are_replaced_as_a_whole_and_most_urgent_first(self, books):
        def outlook(order_id, ship_by_at):
            return OrderOutlook(
                account="main",
                order_id=order_id,
                state=OrderState.AT_RISK,
                reason="lot late",
                judged_at=NOW,
                ship_by_at=ship_by_at,
            )

        soon, later, never = outlook("3", NOW), outlook("1", NOW + DAY), outlook("2", None)
        books.orders.record_outlooks([outlook("4", NOW), never], NOW)
        books.orders.record_outlooks([later, never, soon], NOW)
        assert books.orders.outlooks() == (soon, later, never)
        books.orders.record_outlooks([], NOW)
        assert books.orders.outlooks() == ()

    def test_what_was_expected_of_an_order_at_any_moment_can_be_looked_up(self, books):
        first = _an_outlook(judged_at=NOW)
        same = _an_outlook(judged_at=NOW + HOUR, late_probability=0.2, reason="a little worse")
        worse = _an_outlook(judged_at=NOW + 2 * HOUR, state=OrderState.AT_RISK)
        for outlook in (first, same, worse):
            books.orders.record_outlooks([outlook], outlook.judged_at)
        books.orders.record_outlooks([], NOW + 3 * HOUR)
        in_force = {-1: (), 0: (first,), 1: (first,), 1.9: (first,), 2: (worse,), 2.9: (worse,), 3: ()}
        for hours, expected in in_force.items():
            assert books.orders.outlooks(at=NOW + hours * HOUR) == expected
        assert books.orders.outlooks() == ()

    @pytest.mark.parametrize(
        "news",
        [
            {"state": OrderState.LATE_CERTAIN},
            {"stage": "T-4"},
            {"promise_on": None},
            {"blamed_lot": "PO-2/1"},
        ],
        ids=lambda news: next(iter(news)),
    )
    def test_an_order_has_a_new_line_in_the_history_only_when_there_is_news(self, ledger, news):
        seen = []
        later = NOW + HOUR
        for outlook in (
            _an_outlook(),
            _an_outlook(judged_at=later, late_probability=0.5, slack_days=-1, action="Hurry."),
            _an_outlook(judged_at=later, **news),
        ):
            with ledger.transaction() as books:
                books.orders.record_outlooks([outlook], outlook.judged_at)
                assert books.orders.outlooks() == (outlook,)
            seen.append(rows_in(ledger)["outlook_history"])
        assert seen == [1, 1, 2]

    def test_only_the_named_orders_are_answered_for(self, books):
        judged = [_an_outlook(f"{number:04}") for number in range(600)]
        books.orders.record_outlooks(judged, NOW)
        assert books.orders.outlooks(order_ids=["0007", "none", "0007"]) == (judged[7],)
        assert books.orders.outlooks(order_ids=["0007"], at=NOW) == (judged[7],)
        assert books.orders.outlooks(order_ids=[one.order_id for one in judged], at=NOW) == tuple(judged)

    def test_an_order_that_opens_again_starts_a_new_line(self, books):
        for hours, outlooks in enumerate(([_an_outlook()], [], [_an_outlook(judged_at=NOW + 2 * HOUR)])):
            books.orders.record_outlooks(outlooks, NOW + hours * HOUR)
        lengths = [len(books.orders.outlooks(at=NOW + hours * HOUR)) for hours in range(3)]
        assert lengths == [1, 0, 1]

    def test_a_clock_set_back_leaves_one_outlook_in_force(self, books):
        early = _an_outlook(judged_at=NOW - HOUR, state=OrderState.AT_RISK)
        books.orders.record_outlooks([_an_outlook()], NOW)
        books.orders.record_outlooks([early], NOW - HOUR)
        assert books.orders.outlooks(at=NOW) == (early,)


def _an_outlook(order_id="1", **changes):
    facts = {
        "account": "main",
        "order_id": order_id,
        "state": OrderState.ON_TRACK,
        "reason": "all there",
        "judged_at": NOW,
        "ship_by_at": NOW + DAY,
        "stage": "T-24",
        "promise_on": date(2026, 3, 2),
        "blamed_lot": "PO-1/1",
    }
    return OrderOutlook(**facts | changes)


def _place(value):
    return (value.account, value.order_id)


class TestSupply:
    def test_nothing_is_believed_before_the_first_snapshot(self, books):
        books.supply.record_doubts(["empty"], NOW)
        assert books.supply.summary() is None
        assert books.supply.reading() is None

    @many_examples
    @given(snapshot=anything(SupplySnapshot))
    def test_every_snapshot_comes_back_as_it_was_recorded(self, ledger, snapshot):
        with undone(ledger) as books:
            books.supply.record(snapshot, NOW)
            reading = books.supply.reading()
            found = reading.snapshot
            assert (found.stock, found.lots, found.catalog) == (
                snapshot.stock,
                snapshot.lots,
                snapshot.catalog,
            )
            assert sorted(found.receipts, key=repr) == sorted(snapshot.receipts, key=repr)
            assert (reading.read_at, reading.doubts, reading.doubted_at) == (NOW, (), None)
            assert books.supply.summary() == SnapshotSummary(
                counted_at=snapshot.counted_at,
                skus=len({count.sku for count in snapshot.stock}),
                on_hand_units=snapshot.on_hand_units,
            )

    def test_a_new_snapshot_replaces_the_old_one(self, books):
        entry = CatalogEntry(sku="SKU-1", price_minor=1999, release_on=date(2026, 5, 1))
        lot = Lot(po_id="PO-1", line="1", sku="SKU-1", quantity=9, supplier="S")
        books.supply.record(a_snapshot("SKU-1", "SKU-2", lots=(lot,), catalog=(entry,)), NOW)
        smaller = a_snapshot("SKU-2", lots=(dataclasses.replace(lot, received_units=3),))
        books.supply.record(smaller, NOW + HOUR)
        reading = books.supply.reading()
        assert reading.snapshot == smaller
        assert reading.read_at == NOW + HOUR

    def test_the_locked_skus_are_those_of_the_last_catalogue(self, books):
        entries = [
            CatalogEntry(sku="A", locked=True),
            CatalogEntry(sku="B"),
            CatalogEntry(sku="C", locked=True),
        ]
        books.supply.record(a_snapshot(catalog=entries), NOW)
        assert books.supply.locked() == {"A", "C"}
        assert books.supply.reading().snapshot.catalog == tuple(entries)
        before = books.plans.news().up_to
        books.supply.record(a_snapshot(catalog=entries[:2]), NOW + HOUR)
        assert books.supply.locked() == {"A"}
        assert "C" in books.plans.news().skus
        assert books.plans.news().up_to > before

    def test_a_list_that_has_not_changed_is_not_written_again(self, ledger):
        snapshot = a_snapshot("SKU-1", "SKU-2")
        with ledger.transaction() as books:
            books.supply.record(snapshot, NOW)
        with statements(ledger) as heard, ledger.transaction() as books:
            books.supply.record(snapshot, NOW + HOUR)
            assert books.supply.reading().read_at == NOW + HOUR
        assert not [statement for statement in heard if "INTO stock_counts" in statement]

    def test_the_same_receipts_read_twice_add_nothing(self, books):
        arrivals = (an_arrival(), an_arrival(received_on=date(2026, 1, 9)), an_arrival(sku="SKU-1"))
        for _ in range(2):
            books.supply.record(a_snapshot(receipts=arrivals), NOW)
            assert len(books.supply.reading().snapshot.receipts) == 3

    def test_receipts_that_left_the_sellers_list_are_still_learned_from(self, books):
        first, second = an_arrival(), an_arrival(received_on=date(2026, 2, 1))
        books.supply.record(a_snapshot(receipts=(first,)), NOW)
        books.supply.record(a_snapshot(receipts=(second,)), NOW)
        assert books.supply.reading().snapshot.receipts == (first, second)

    def test_a_corrected_receipt_replaces_the_wrong_one(self, books):
        right = an_arrival(quantity=12, promised_on=date(2026, 1, 3), lane="ocean")
        books.supply.record(a_snapshot(receipts=(an_arrival(),)), NOW)
        books.supply.record(a_snapshot(receipts=(right,)), NOW)
        assert books.supply.reading().snapshot.receipts == (right,)

    def test_two_deliveries_on_one_day_stay_two(self, books):
        same = (an_arrival(), an_arrival())
        for _ in range(2):
            books.supply.record(a_snapshot(receipts=same), NOW)
            assert books.supply.reading().snapshot.receipts == same

    def test_doubts_are_remembered_until_a_snapshot_is_believed(self, books):
        books.supply.record(a_snapshot(), NOW)
        books.supply.record_doubts(["the list is empty", "no date"], NOW + HOUR)
        reading = books.supply.reading()
        assert reading.doubts == ("the list is empty", "no date")
        assert (reading.read_at, reading.doubted_at) == (NOW, NOW + HOUR)
        assert reading.snapshot == a_snapshot()
        books.supply.record(a_snapshot(), NOW + 2 * HOUR)
        assert books.supply.reading().doubts == ()
        assert books.supply.reading().doubted_at is None


class TestOffers:
    @many_examples
    @given(offers=several(ObservedOffer, "account", "sku", offer=anything(Offer)))
    def test_every_observation_comes_back_as_it_was_recorded(self, ledger, offers):
        with undone(ledger) as books:
            books.offers.record_observed(offers)
            for account in {offer.account for offer in offers}:
                ours = {offer.sku: offer for offer in offers if offer.account == account}
                assert books.offers.observed(account) == ours

    def test_single_listings_may_be_asked_for_however_many(self, books):
        seen = [
            ObservedOffer(
                account="main",
                sku=f"SKU-{number:04}",
                offer=Offer(quantity=number, handling_days=2),
                observed_at=NOW,
            )
            for number in range(1_200)
        ]
        books.offers.record_observed(seen)
        assert books.offers.observed("main", ["SKU-0007", "NONE"]) == {"SKU-0007": seen[7]}
        assert len(books.offers.observed("main", [one.sku for one in seen[:1_100]])) == 1_100
        assert books.offers.observed("second", ["SKU-0007"]) == {}

    def test_an_older_look_never_replaces_a_newer_one(self, books):
        def look(at, quantity):
            return ObservedOffer(
                account="main", sku="A", offer=Offer(quantity=quantity, handling_days=2), observed_at=at
            )

        books.offers.record_observed([look(NOW, 5), look(NOW - HOUR, 9)])
        books.offers.record_observed([look(NOW - HOUR, 9)])
        assert books.offers.observed("main")["A"].offer.quantity == 5
        books.offers.record_observed([look(NOW, 4)])
        assert books.offers.observed("main")["A"].offer.quantity == 4
        assert books.offers.observed("second") == {}

    @many_examples
    @given(decisions=several(OfferDecision, "account", "sku"))
    def test_every_decision_comes_back_as_it_was_recorded(self, ledger, decisions):
        with undone(ledger) as books:
            assert books.offers.record_decisions(decisions) == len(decisions)
            assert sorted(books.offers.decisions(), key=repr) == sorted(decisions, key=repr)
            assert books.offers.record_decisions(decisions) == 0

    def test_an_equal_decision_on_newer_facts_only_renews_its_date(self, ledger):
        later = a_decision(
            decided_at=NOW + HOUR,
            run_id="run-2",
            as_of=(NOW, NOW),
        )
        same = a_decision(decided_at=NOW + HOUR, run_id="run-3")
        with ledger.transaction() as books:
            assert books.offers.record_decisions([a_decision()]) == 1
            assert books.offers.record_decisions([same]) == 0
            assert books.offers.decisions() == (a_decision(),)
            assert books.offers.record_decisions([later]) == 0
            assert books.offers.decisions() == (later,)
        assert rows_in(ledger)["offer_decisions"] == 1

    @pytest.mark.parametrize(
        "difference",
        [
            {"mode": ListingMode.SOLD_OUT},
            {"desired": None},
            {"observed": None},
            {"atp_today": 1},
            {"product_type": "HAT"},
            {"cap": None},
            {"gates": ()},
            {"rules": ()},
            {"rejected": ()},
            {"reasons": ("another",)},
            {"facts": (Fact(name="on_hand", value="1"), Fact(name="policy", value="default"))},
            {"facts": ()},
        ],
        ids=lambda difference: next(iter(difference)),
    )
    def test_a_decision_that_differs_in_substance_is_a_new_one(self, books, difference):
        other = a_decision(decided_at=NOW + HOUR, **difference)
        books.offers.record_decisions([a_decision()])
        assert books.offers.record_decisions([other]) == 1
        assert books.offers.decisions() == (other,)
        assert books.offers.decisions(at=NOW) == (a_decision(),)

    def test_the_decision_in_force_at_any_moment_can_be_looked_up(self, books):
        first = a_decision()
        renewed = a_decision(
            decided_at=NOW + HOUR,
            run_id="run-2",
            as_of=(NOW, None),
        )
        second = a_decision(decided_at=NOW + 2 * HOUR, atp_today=3)
        for decision in (first, renewed, second):
            books.offers.record_decisions([decision])
        in_force = {-1: (), 0: (first,), 0.5: (first,), 1: (renewed,), 1.5: (renewed,), 2: (second,)}
        for hours, expected in in_force.items():
            assert books.offers.decisions(at=NOW + hours * HOUR) == expected

    def test_decisions_are_given_for_the_named_skus_of_every_account(self, books):
        skus = ["SKU-2", "SKU-1"]
        everything = [a_decision(sku, account=account) for account in ("main", "second") for sku in skus]
        books.offers.record_decisions(everything)
        named = books.offers.decisions(skus=["SKU-2", "SKU-9", "SKU-2"])
        assert [(decision.account, decision.sku) for decision in named] == [
            ("main", "SKU-2"),
            ("second", "SKU-2"),
        ]
        assert len(books.offers.decisions()) == 4
        assert books.offers.decisions(skus=["SKU-2"], at=NOW - HOUR) == ()

    def test_a_clock_set_back_leaves_one_decision_in_force(self, books):
        early = a_decision(decided_at=NOW - HOUR, atp_today=5)
        books.offers.record_decisions([a_decision()])
        books.offers.record_decisions([early])
        assert books.offers.decisions() == (early,)
        assert books.offers.decisions(at=NOW) == (early,)

    def test_of_two_decisions_in_one_run_the_last_counts(self, books):
        assert books.offers.record_decisions([a_decision(atp_today=1), a_decision(atp_today=2)]) == 1
        assert [decision.atp_today for decision in books.offers.decisions()] == [2]

    @many_examples
    @given(receipt=anything(PushReceipt))
    def test_every_answer_comes_back_as_it_was_recorded(self, ledger, receipt):
        with undone(ledger) as books:
            books.offers.record_receipt(receipt, "run-1")
            assert books.offers.receipts(receipt.change.account) == (receipt,)

    def test_the_newest_answer_of_each_sku_is_in_force(self, ledger):
        accepted, confirmed = an_answer(), an_answer(PushOutcome.CONFIRMED, NOW + HOUR)
        other, foreign = an_answer(sku="SKU-2"), an_answer(account="second")
        with ledger.transaction() as books:
            for receipt in (accepted, other, foreign, confirmed):
                books.offers.record_receipt(receipt, "run-1")
            assert books.offers.receipts("main") == (confirmed, other)
            assert books.offers.receipts("main", [PushOutcome.CONFIRMED, PushOutcome.FAILED]) == (confirmed,)
            # The one accepted before does not count: its SKU has a newer answer.
            assert books.offers.receipts("main", [PushOutcome.ACCEPTED]) == (other,)
        assert rows_in(ledger)["push_receipts"] == 4

    def test_an_answer_that_comes_in_late_is_history(self, books):
        newest = an_answer(PushOutcome.CONFIRMED, NOW)
        books.offers.record_receipt(newest, "run-2")
        books.offers.record_receipt(an_answer(PushOutcome.ACCEPTED, NOW - HOUR), "run-1")
        assert books.offers.receipts("main") == (newest,)

    def test_a_hold_is_remembered_as_it_was_last_recorded(self, books):
        books.offers.record_hold(a_hold())
        books.offers.record_hold(a_hold(released_at=NOW + HOUR))
        assert books.offers.holds() == (a_hold(released_at=NOW + HOUR),)
        books.offers.record_hold(a_hold())
        assert books.offers.holds("main") == (a_hold(),)

    def test_holds_end_but_those_that_are_named_and_those_of_other_accounts(self, books):
        for hold in (a_hold("h1", released_at=NOW), a_hold("h2"), a_hold("h3"), a_hold("s1", "second")):
            books.offers.record_hold(hold)
        books.offers.end_holds("main", but=["h1", "h3"])
        assert [hold.hold_id for hold in books.offers.holds()] == ["h1", "h3", "s1"]
        books.offers.end_holds("main")
        assert [hold.hold_id for hold in books.offers.holds()] == ["s1"]

    @many_examples
    @given(dropped=several(DroppedChange, "account", "sku"))
    def test_every_change_that_was_said_no_to_comes_back_as_it_was(self, ledger, dropped):
        with undone(ledger) as books:
            books.offers.drop(dropped)
            for account in {one.account for one in dropped}:
                ours = {one.sku: one for one in dropped if one.account == account}
                assert books.offers.dropped(account) == ours

    def test_a_no_holds_until_another_one_or_something_else_is_decided(self, books):
        books.offers.drop([a_dropped(), a_dropped("SKU-2"), a_dropped(account="second")])
        newer = a_dropped(offer=Offer(quantity=1, handling_days=2), hold_id="h2", dropped_at=NOW + HOUR)
        books.offers.drop([newer])
        assert books.offers.dropped("main") == {"SKU-1": newer, "SKU-2": a_dropped("SKU-2")}
        books.offers.take_up("main", {"SKU-1", "SKU-9"})
        assert books.offers.dropped("main").keys() == {"SKU-2"}
        assert books.offers.dropped("second").keys() == {"SKU-1"}

    def test_what_asks_for_a_change_is_found_without_the_rest(self, ledger):
        shown = Offer(quantity=0, handling_days=2)
        alike = {f"SAME-{number}": a_decision(f"SAME-{number}", desired=shown) for number in range(4)}
        left = {"desired": None}
        with ledger.transaction() as books:
            books.offers.record_decisions(
                [a_decision(), a_decision("B"), *alike.values(), a_decision("LEFT", **left)]
            )
            books.offers.record_decisions([a_decision(account="second")])
            assert [one.sku for one in books.offers.asking("main")] == ["B", "SKU-1"]
            assert books.offers.asking("main", ["B", "SAME-1"]) == (a_decision("B"),)
            assert books.offers.asking("nobody") == ()
            assert books.offers.count_decided("main") == 6
            assert books.offers.count_decided("main", ["B", "LEFT", "NONE", "SAME-1"]) == 2
            books.offers.record_decisions([a_decision("B", desired=shown, decided_at=NOW + HOUR)])
            assert [one.sku for one in books.offers.asking("main")] == ["SKU-1"]
            assert books.offers.count_decided("main") == 6

    def test_what_was_seen_since_the_last_plan_may_ask_for_a_change_too(self, books):
        shown = Offer(quantity=0, handling_days=2)
        same = [a_decision(sku, desired=shown) for sku in ("MOVED", "SAME", "LEFT")]
        same[2] = a_decision("LEFT", desired=None)
        books.offers.record_decisions(same)
        seen = [
            ObservedOffer(account=account, sku=sku, offer=Offer(quantity=7, handling_days=2), observed_at=NOW)
            for account, sku in (("main", "MOVED"), ("main", "LEFT"), ("second", "SAME"))
        ]
        assert books.offers.asking("main") == ()
        books.offers.record_observed(seen[:2])
        assert [one.sku for one in books.offers.asking("main")] == ["MOVED"]
        books.plans.settle(books.plans.news(), PlanBasis(planned_at=NOW, shop="", accounts={}))
        assert books.offers.asking("main") == ()

    def test_what_is_on_sale_is_counted_by_account(self, books):
        def look(sku, quantity, account="main"):
            offer = Offer(quantity=quantity, handling_days=2)
            return ObservedOffer(account=account, sku=sku, offer=offer, observed_at=NOW)

        assert books.offers.on_sale("main") == OnSale()
        books.offers.record_observed([look("A", 3_000_000_000), look("B", 0), look("C", 9, "second")])
        assert books.offers.on_sale("main") == OnSale(listings=2, units=3_000_000_000)

    def test_words_of_others_with_broken_characters_do_not_stop_the_shop(self, books):
        receipt = PushReceipt(
            change=a_change(), outcome=PushOutcome.REJECTED, at=NOW, problems=("half \ud83d",)
        )
        books.offers.record_receipt(receipt, "run-1")
        assert books.offers.receipts("main")[0].problems == ("half ?",)


def _subjects(notifications):
    return [notification.transition.alert.finding.subject for notification in notifications]


class TestPlans:
    def test_whatever_is_recorded_anew_is_news_until_a_plan_has_settled_it(self, ledger):
        seen = ObservedOffer(
            account="main", sku="SKU-3", offer=Offer(quantity=1, handling_days=2), observed_at=NOW
        )
        with ledger.transaction() as books:
            books.orders.record([an_order()])
            books.supply.record(a_snapshot("SKU-2"), NOW)
            books.offers.record_observed([seen])
            news = books.plans.news()
            assert news.skus == {"SKU-1", "SKU-2", "SKU-3"}
            assert books.plans.basis() is None
            books.plans.settle(news, A_BASIS)
            assert books.plans.news().skus == frozenset()
            assert books.plans.basis() == A_BASIS

    def test_what_says_nothing_new_is_no_news(self, ledger):
        seen = ObservedOffer(
            account="main", sku="SKU-3", offer=Offer(quantity=1, handling_days=2), observed_at=NOW
        )
        lots = (Lot(po_id="PO-1", line="1", sku="SKU-4", quantity=5, supplier="Acme"),)
        with ledger.transaction() as books:
            books.supply.record(a_snapshot("SKU-1", "SKU-2", lots=lots), NOW)
            books.offers.record_observed([seen])
            books.plans.settle(books.plans.news(), A_BASIS)
            later = tuple(StockCount(sku=sku, on_hand=3, counted_at=NOW + HOUR) for sku in ("SKU-2", "SKU-1"))
            books.supply.record(SupplySnapshot(stock=later, lots=lots), NOW + HOUR)
            books.offers.record_observed([dataclasses.replace(seen, observed_at=NOW + HOUR)])
            assert books.plans.news().skus == frozenset()
            moved = (dataclasses.replace(lots[0], promised_on=date(2026, 4, 1)),)
            books.supply.record(SupplySnapshot(stock=later[1:], lots=moved), NOW + HOUR)
            assert books.plans.news().skus == {"SKU-2", "SKU-4"}

    def test_a_count_repeated_after_parcels_have_left_is_news(self, ledger):
        sent = an_order(shipments=(a_parcel(NOW + HOUR),))
        with ledger.transaction() as books:
            books.supply.record(a_snapshot("SKU-1", "SKU-2"), NOW)
            books.orders.record([sent])
            books.plans.settle(books.plans.news(), A_BASIS)
            again = tuple(
                StockCount(sku=sku, on_hand=3, counted_at=NOW + 2 * HOUR) for sku in ("SKU-1", "SKU-2")
            )
            books.supply.record(SupplySnapshot(stock=again), NOW + 2 * HOUR)
            assert books.plans.news().skus == {"SKU-1"}

    def test_news_that_come_in_while_a_plan_is_at_work_stay(self, books):
        books.orders.record([an_order(), an_order("2", items=(an_item(2),))])
        known = books.plans.news()
        books.orders.record([an_order(updated_at=NOW + HOUR)])
        books.plans.settle(known, A_BASIS)
        assert books.plans.news().skus == {"SKU-1"}

    def test_the_lines_an_order_no_longer_has_are_news_as_well(self, books):
        books.orders.record([an_order()])
        books.plans.settle(books.plans.news(), A_BASIS)
        books.orders.record([an_order(items=(an_item(2),), updated_at=NOW + HOUR)])
        assert books.plans.news().skus == {"SKU-1", "SKU-2"}

    def test_skus_in_the_same_open_orders_are_tied_to_each_other(self, books):
        gone = an_order("3", status=OrderStatus.SHIPPED, items=(an_item(3), an_item(4)))
        books.orders.record(
            [
                an_order("1", items=(an_item(1), an_item(2))),
                an_order("2", items=(an_item(2), an_item(3))),
                gone,
            ]
        )
        assert books.orders.tied_to({"SKU-1"}, NOW) == {"SKU-1", "SKU-2", "SKU-3"}
        assert books.orders.tied_to({"SKU-4", "SKU-9"}, NOW) == {"SKU-4", "SKU-9"}
        assert {one.order_id for one in books.orders.current(NOW, NOW + DAY, {"SKU-3"})} == {"2", "3"}

    def test_time_alone_turns_what_falls_due_is_let_go_or_was_judged_until_then(self, books):
        books.orders.record(
            [
                an_order("1", ship_by_at=NOW + HOUR),
                an_order("2", items=(an_item(2),), ship_by_at=NOW + DAY),
                an_order("3", items=(an_item(3),), status=OrderStatus.CANCELLED, units_kept_until=NOW + HOUR),
                an_order("4", items=(an_item(4),), ship_by_at=NOW + DAY),
            ]
        )
        books.orders.record_outlooks([_an_outlook("4", holds_until=NOW + HOUR)], NOW)
        assert books.orders.skus_turning(NOW, NOW + HOUR / 2) == frozenset()
        assert books.orders.skus_turning(NOW, NOW + HOUR) == {"SKU-1", "SKU-3", "SKU-4"}

    def test_what_orders_tell_together_is_counted_as_the_domain_counts_it(self, books):
        mine = [
            an_order("1", ship_by_at=NOW - HOUR),
            an_order("2", ship_by_at=NOW - HOUR, fulfilled_by=Fulfiller.AMAZON),
            an_order("3", ship_by_at=NOW - HOUR, status=OrderStatus.SHIPPED, shipments=(a_parcel(NOW),)),
            an_order("4", ship_by_at=NOW - 2 * HOUR, status=OrderStatus.PENDING),
            an_order("5", status=OrderStatus.CANCELLED, items=(an_item(cancelled_by="MERCHANT"),)),
            an_order("6", created_at=NOW - 8 * DAY, ship_by_at=NOW - 11 * DAY),
            an_order("7", ship_by_at=None),
        ]
        books.orders.record([*mine, an_order("8", account="other", ship_by_at=NOW - HOUR)])
        assert books.orders.first_created("main", NOW - 7 * DAY) == NOW - DAY
        assert books.orders.first_created("main", NOW) is None

    def test_what_open_orders_put_at_risk_is_summed_up_as_the_domain_does(self, books):
        def waiting(order_id, chance, **changes):
            part = Cover(source=CoverSource.LOT, units=1, lot="PO-1/1")
            items = (ItemCover(order_item_id="item-1", sku="SKU-1", open_units=1, cover=(part,)),)
            return _an_outlook(order_id, late_probability=chance, items=items, **changes)

        outlooks = [
            waiting("1", 0.02),
            waiting("2", 0.05),
            waiting("3", 0.5),
            waiting("4", 0.5, ship_by_at=NOW - HOUR),
            waiting("5", 0.0, blamed_lot=None),
            waiting("6", None, ship_by_at=None),
            waiting("7", 0.3, account="other"),
        ]
        books.orders.record_outlooks(outlooks, NOW)
        assert books.orders.open_risks("main", NOW, 0.1) == open_risks(outlooks, "main", NOW, 0.1)
        assert books.orders.open_risks("main", NOW, 0.1, {"SKU-1"}) == OpenRisks()

    def test_outlooks_of_some_skus_are_replaced_without_touching_the_others(self, books):
        books.orders.record([an_order("1"), an_order("2", items=(an_item(2),))])
        books.orders.record_outlooks([_an_outlook("1"), _an_outlook("2")], NOW)
        fresh = _an_outlook("1", state=OrderState.AT_RISK)
        books.orders.record_outlooks([fresh], NOW + HOUR, {"SKU-1"})
        assert books.orders.outlooks(order_ids=["1"]) == (fresh,)
        assert books.orders.worrying() == (fresh,)
        books.orders.record_outlooks([], NOW + HOUR, {"SKU-2"})
        assert [one.order_id for one in books.orders.outlooks()] == ["1"]
        assert books.orders.outlooks(order_ids=["2"], at=NOW) == (_an_outlook("2"),)
        assert set(books.orders.assigned()) == {("main", "1")}
        assert books.orders.assigned({"SKU-2"}) == {}

    def test_decisions_are_counted_and_those_that_share_the_budget_are_known(self, books):
        shared = a_decision("SKU-1", cap=Cap(units=7, binding="headroom", limits={"headroom": 7}))
        calm = a_decision("SKU-2", cap=None, desired=Offer(quantity=0, handling_days=2))
        books.offers.record_decisions([shared, calm, a_decision("SKU-3", desired=None, cap=None)])
        assert books.offers.census() == DecisionCensus(listings=3, changes=1, untouched=1)
        assert books.offers.sharing_budget("main") == {"SKU-1"}
        assert books.offers.sharing_budget("other") == frozenset()

    def test_a_snapshot_stays_as_it_was_while_others_write(self, ledger, other_ledger):
        with ledger.snapshot() as books:
            assert books.orders.every() == ()
            with other_ledger.transaction() as others:
                others.orders.record([an_order()])
            assert books.orders.every() == ()
        with ledger.snapshot() as books:
            assert len(books.orders.every()) == 1


class TestAlerts:
    @many_examples
    @given(alerts=st.lists(anything(Alert), max_size=4, unique_by=lambda alert: alert.key))
    def test_every_alert_comes_back_as_it_was_recorded(self, ledger, alerts):
        with undone(ledger) as books:
            books.alerts.record(alerts)
            found = books.alerts.alerts(open_only=False)
            assert sorted(found, key=repr) == sorted(alerts, key=repr)
            still_open = [alert for alert in alerts if alert.state is AlertState.OPEN]
            assert sorted(books.alerts.alerts(), key=repr) == sorted(still_open, key=repr)

    def test_an_alert_recorded_again_takes_its_new_state_and_the_newest_change_comes_first(self, books):
        books.alerts.record([an_alert("1"), an_alert("2"), an_alert("3", changed_at=NOW + HOUR)])
        resolved = an_alert("2", state=AlertState.RESOLVED, resolved_at=NOW + DAY, changed_at=NOW + DAY)
        books.alerts.record([resolved])
        assert books.alerts.alerts(open_only=False) == (
            resolved,
            an_alert("3", changed_at=NOW + HOUR),
            an_alert("1"),
        )
        assert [alert.finding.subject for alert in books.alerts.alerts()] == ["3", "1"]

    def test_a_person_acknowledges_an_open_alert_once(self, books):
        closed = an_alert("2", state=AlertState.RESOLVED)
        books.alerts.record([an_alert("1"), closed])
        assert books.alerts.acknowledge(an_alert("1").key, NOW + HOUR)
        assert books.alerts.acknowledge(an_alert("1").key, NOW + DAY)
        assert books.alerts.alerts() == (an_alert("1", acknowledged_at=NOW + HOUR),)
        assert not books.alerts.acknowledge(closed.key, NOW)
        assert not books.alerts.acknowledge("unknown", NOW)

    @many_examples
    @given(one=st.lists(anything(Finding), max_size=3), other=st.lists(anything(Finding), max_size=3))
    def test_what_is_looked_for_rarely_is_found_until_it_is_looked_for_again(self, ledger, one, other):
        with undone(ledger) as books:
            assert books.alerts.noted_at("review") is None
            books.alerts.note("audit", other, NOW)
            books.alerts.note("review", one, NOW)
            assert books.alerts.noted() == (*other, *one)
            books.alerts.note("review", [], NOW + DAY)
            assert books.alerts.noted() == tuple(other)
            assert books.alerts.noted_at("review") == NOW + DAY

    def test_who_knows_the_cause_knows_all_that_it_explains(self, books):
        cause = an_alert("1")
        member = dataclasses.replace(
            an_alert("2"), finding=dataclasses.replace(an_alert("2").finding, bundle=cause.key)
        )
        ended = dataclasses.replace(member, state=AlertState.RESOLVED)
        for alerts, known in (([cause, member, an_alert("3")], 2), ([ended, cause], 1), ([member], 1)):
            books.alerts.record([an_alert(number, state=AlertState.RESOLVED) for number in "123"])
            books.alerts.record(alerts)
            assert books.alerts.acknowledge(cause.key, NOW + HOUR)
            assert books.alerts.snooze(cause.key, NOW + DAY, NOW)
            found = [one for one in books.alerts.alerts() if one.acknowledged_at and one.snoozed_at]
            assert len(found) == known
        assert not books.alerts.acknowledge("", NOW), "what has no cause is not explained by nothing"

    def test_a_snoozed_alert_knows_since_when_and_until_when(self, books):
        books.alerts.record([an_alert("1"), an_alert("2", state=AlertState.RESOLVED)])
        assert books.alerts.snooze(an_alert("1").key, NOW + DAY, NOW + HOUR)
        assert books.alerts.alerts() == (an_alert("1", snoozed_at=NOW + HOUR, snoozed_until=NOW + DAY),)
        assert not books.alerts.snooze(an_alert("2").key, NOW + DAY, NOW)
        assert not books.alerts.snooze("unknown", NOW + DAY, NOW)

    def test_alerts_are_found_by_key_open_or_not(self, books):
        alerts = [an_alert("1"), an_alert("2", state=AlertState.RESOLVED)]
        books.alerts.record(alerts)
        keys = [one.key for one in alerts]
        assert books.alerts.named([*keys, "unknown"]) == dict(zip(keys, alerts, strict=True))
        assert books.alerts.named([]) == {}


class TestOutbox:
    @many_examples
    @given(envelopes=st.lists(anything(Envelope), max_size=3))
    def test_every_envelope_waits_once(self, ledger, envelopes):
        with undone(ledger) as books:
            books.alerts.outbox.enqueue(envelopes)
            due = books.alerts.outbox.due(datetime(2200, 1, 1, tzinfo=UTC))
            assert [
                Envelope(
                    channel=one.channel,
                    transition=one.transition,
                    purpose=one.purpose,
                    not_before=one.not_before,
                )
                for one in due
            ] == envelopes
            assert len({one.notification_id for one in due}) == len(due)
            assert all(one.attempts == 0 for one in due)

    def test_notifications_are_due_oldest_first_and_not_before_their_time(self, books):
        outbox = books.alerts.outbox
        outbox.enqueue([an_envelope("1", not_before=NOW + HOUR), an_envelope("2"), an_envelope("3")])
        assert _subjects(outbox.due(NOW)) == ["2", "3"]
        assert _subjects(outbox.due(NOW + HOUR)) == ["1", "2", "3"]
        assert len(outbox.due(NOW + HOUR, limit=2)) == 2

    def test_what_waits_is_known_by_channel_and_so_is_what_was_heard_before(self, books):
        outbox = books.alerts.outbox
        outbox.enqueue([an_envelope("1"), an_envelope("1", "pager"), an_envelope("2", not_before=NOW + HOUR)])
        assert outbox.channels_due(NOW) == ("mail", "pager")
        tray = outbox.tray("mail", NOW)
        assert _subjects(tray.waiting) == ["1", "2"]
        assert (tray.busy, tray.heard) == (frozenset(), frozenset())
        outbox.mark_sent([tray.waiting[0].notification_id], NOW)
        outbox.enqueue([an_envelope("1", kind=TransitionKind.REMINDED)])
        assert outbox.tray("mail", NOW).heard == {an_alert("1").life}
        assert outbox.tray("pager", NOW).heard == frozenset()
        assert len(outbox.tray("mail", NOW, limit=1).waiting) == 1

    def test_who_hears_of_an_alert_is_known_until_it_is_left_untold(self, books):
        outbox = books.alerts.outbox
        later = an_alert("1", opened_at=NOW + DAY)
        outbox.enqueue([an_envelope("1"), an_envelope("1", "pager"), an_envelope("1", alert=later)])
        mail, pager, _ = outbox.due(NOW)
        key = later.key
        assert outbox.hearing([key]) == {(key, NOW): {"mail", "pager"}, (key, NOW + DAY): {"mail"}}
        outbox.mark_sent([mail.notification_id], NOW)
        outbox.leave_untold({pager.notification_id: Untold.ACKNOWLEDGED})
        assert outbox.hearing([key])[key, NOW] == {"mail"}
        assert outbox.hearing(["unknown"]) == {}
        outbox.leave_untold({})

    def test_two_senders_never_have_the_same_notification(self, books):
        outbox = books.alerts.outbox
        outbox.enqueue([an_envelope("1"), an_envelope("2"), an_envelope("3")])
        one, two, three = (note.notification_id for note in outbox.due(NOW))
        assert outbox.claim([one, two], NOW, NOW + HOUR)
        assert not outbox.claim([two, three], NOW, NOW + HOUR)
        assert _subjects(outbox.due(NOW)) == ["3"]
        assert outbox.tray("mail", NOW).busy == {an_alert("1").life, an_alert("2").life}
        tray = outbox.tray("mail", NOW + HOUR)
        assert tray.uncertain == {an_alert("1").life, an_alert("2").life}
        assert outbox.claim([two, three], NOW + HOUR, NOW + DAY), "the first one died meanwhile"
        outbox.mark_sent([one], NOW + HOUR)
        assert not outbox.claim([one], NOW + DAY, NOW + DAY), "what was sent is not to be had"

    def test_what_a_dead_sender_may_have_sent_stays_in_doubt_whatever_comes_of_it(self, books):
        outbox = books.alerts.outbox
        for number, ending in enumerate((self._refused, self._left_untold)):
            name, at = f"case {number}", NOW + number * DAY
            outbox.enqueue([an_envelope(name, not_before=at)])
            (note,) = outbox.due(at)
            assert outbox.claim([note.notification_id], at, at + HOUR)
            ending(outbox, note.notification_id, at + HOUR)
            outbox.enqueue([an_envelope(name, kind=TransitionKind.RESOLVED, not_before=at + HOUR)])
            assert outbox.tray("mail", at + HOUR).uncertain == {an_alert(name).life}
            assert outbox.hearing([an_alert(name).key]) == {an_alert(name).life: {"mail"}}
            outbox.mark_sent([one.notification_id for one in outbox.due(at + HOUR)], at + HOUR)

    @staticmethod
    def _refused(outbox, number, at):
        assert outbox.claim([number], at, at + HOUR)
        outbox.mark_failed([number], "no such address", None)

    @staticmethod
    def _left_untold(outbox, number, at):
        outbox.leave_untold({number: Untold.ACKNOWLEDGED})

    def test_a_notification_that_arrived_is_never_due_again(self, books):
        outbox = books.alerts.outbox
        outbox.enqueue([an_envelope()])
        (note,) = outbox.due(NOW)
        assert outbox.due(NOW) == (note,)
        outbox.mark_sent([note.notification_id], NOW)
        assert outbox.due(NOW + DAY) == ()
        assert outbox.channels_due(NOW + DAY) == ()

    def test_a_failed_notification_is_tried_again_at_its_time_until_given_up(self, books):
        outbox = books.alerts.outbox
        outbox.enqueue([an_envelope()])
        (note,) = outbox.due(NOW)
        outbox.claim([note.notification_id], NOW, NOW + DAY)
        outbox.mark_failed([note.notification_id], "no route", NOW + HOUR)
        assert outbox.due(NOW) == ()
        (again,) = outbox.due(NOW + HOUR)
        assert again == dataclasses.replace(note, attempts=1, not_before=NOW + HOUR)
        outbox.mark_failed([note.notification_id], "unknown\x00user", None)
        assert outbox.due(NOW + 9 * DAY) == ()

    @many_examples
    @given(state=anything(ChannelState))
    def test_how_a_channel_does_comes_back_as_it_was_recorded(self, ledger, state):
        state = dataclasses.replace(state, failures=state.failures % 1000)
        with undone(ledger) as books:
            outbox = books.alerts.outbox
            assert outbox.channels() == {}
            outbox.record_channel(state)
            assert outbox.channels() == {state.channel: state}
            outbox.record_channel(ChannelState(channel=state.channel))
            assert outbox.channels() == {state.channel: ChannelState(channel=state.channel)}


class TestRuns:
    def test_the_last_success_of_each_flow_and_account_is_known(self, books):
        assert books.runs.last_success("pull", "main") is None
        books.runs.succeeded("pull", "main", "run-1", NOW)
        books.runs.succeeded("pull", "second", "run-1", NOW + HOUR)
        books.runs.succeeded("push", "main", "run-1", NOW + DAY)
        assert books.runs.last_success("pull", "main") == NOW
        # A clock that was wrong once must not vouch for runs that have not happened.
        books.runs.succeeded("pull", "main", "run-2", NOW - HOUR)
        assert books.runs.last_success("pull", "main") == NOW - HOUR

    def test_the_kill_switch_stays_on_until_it_is_switched_off(self, books):
        assert books.runs.paused() is None
        books.runs.pause("stock-take", NOW)
        books.runs.pause("Inventur – länger", NOW + HOUR)
        assert books.runs.paused() == Pause(reason="Inventur – länger", since=NOW)
        books.runs.resume()
        books.runs.resume()
        assert books.runs.paused() is None

    def test_what_is_left_of_a_request_limit_is_kept_for_each_account(self, books):
        spent = RequestBudget(tokens=-1.5, at=NOW)
        slower = RequestBudget(tokens=0.25, at=NOW + HOUR, named_rate=0.0056)
        assert books.runs.budgets("main") == {}
        books.runs.record_budget("main", "searchOrders", RequestBudget(tokens=20, at=NOW - HOUR))
        books.runs.record_budget("main", "searchOrders", spent)
        books.runs.record_budget("main", "getOrder", slower)
        books.runs.record_budget("other", "getOrder", spent)
        assert books.runs.budgets("main") == {"searchOrders": spent, "getOrder": slower}


KINDS = ("decisions", "outlooks", "answers", "alerts", "notifications", "orders")
EVERYTHING = Horizon(records=NOW + 999 * DAY, orders=NOW + 999 * DAY)


def _closed_order(order_id, at, status=OrderStatus.SHIPPED, **changes):
    facts = {"created_at": at - DAY, "updated_at": at, "ship_by_at": at, "shipments": (a_parcel(at),)}
    return an_order(order_id, status=status, **facts | changes)


def _record_past(books, at):
    """One record of each kind that was over at an instant, and its successor that holds still."""
    for decision in (a_decision(decided_at=at - DAY), a_decision(decided_at=at, atp_today=3)):
        books.offers.record_decisions([decision])
    for outlook in (_an_outlook(judged_at=at - DAY), _an_outlook(judged_at=at, state=OrderState.AT_RISK)):
        books.orders.record_outlooks([outlook], outlook.judged_at)
    for answer in (an_answer(at=at), an_answer(PushOutcome.CONFIRMED, at + HOUR)):
        books.offers.record_receipt(answer, "run-1")
    over = {"state": AlertState.RESOLVED, "resolved_at": at}
    books.alerts.record([an_alert("old", changed_at=at, **over), an_alert("open", changed_at=at)])
    outbox = books.alerts.outbox
    outbox.enqueue([an_envelope("old", name, not_before=at) for name in ("mail", "pager", "post")])
    outbox.enqueue([an_envelope("open", not_before=at)])
    told, given_up, waiting, heard = (note.notification_id for note in outbox.due(at))
    outbox.mark_sent([told, heard], at)
    outbox.mark_failed([given_up], "no such channel", None)
    outbox.mark_failed([waiting], "no route", at + HOUR)
    books.orders.record([_closed_order("gone", at), an_order("1", created_at=at, updated_at=at)])


class TestHistory:
    def test_only_what_was_over_before_the_horizon_is_forgotten(self, ledger):
        at = NOW - 100 * DAY
        with ledger.transaction() as books:
            _record_past(books, at)
        untouched = Horizon(records=at, orders=at)
        beyond = Horizon(records=at + HOUR / 60, orders=at + HOUR / 60)
        with ledger.transaction() as books:
            assert books.history.count(untouched) == dict.fromkeys(KINDS, 0)
            assert books.history.drop(untouched, limit=100) == dict.fromkeys(KINDS, 0)
            expected = dict.fromkeys(KINDS, 1) | {"notifications": 2}
            assert books.history.count(beyond) == expected
            assert books.history.drop(beyond, limit=100) == expected
            assert books.history.count(beyond) == dict.fromkeys(KINDS, 0)

    def test_what_is_in_force_survives_any_horizon(self, ledger):
        with ledger.transaction() as books:
            _record_past(books, NOW)
            books.offers.record_hold(a_hold())
            books.offers.drop([a_dropped()])
            books.supply.record(a_snapshot(receipts=(an_arrival(),)), NOW)
            books.history.drop(EVERYTHING, limit=100)
        left = rows_in(ledger)
        assert {name: count for name, count in left.items() if count} == {
            "offer_decisions": 1,
            "verdicts": 1,
            "order_outlooks": 1,
            "outlook_history": 1,
            "push_receipts": 1,
            "alerts": 1,
            "notifications": 2,
            "orders": 1,
            "order_items": 1,
            "changed_skus": 1,
            "holds": 1,
            "dropped_changes": 1,
            "stock_counts": 1,
            "receipts": 1,
            "supply_readings": 1,
        }
        with ledger.transaction() as books:
            assert [one.atp_today for one in books.offers.decisions()] == [3]
            assert [one.outcome for one in books.offers.receipts("main")] == [PushOutcome.CONFIRMED]
            assert [one.finding.subject for one in books.alerts.alerts(open_only=False)] == ["open"]
            assert [note.channel for note in books.alerts.outbox.due(NOW + DAY)] == ["post"]
            assert len(books.alerts.outbox.hearing([an_alert("open").key])) == 1, "who heard hears its end"
            assert [one.order_id for one in books.orders.every()] == ["1"]
            assert [one.state for one in books.orders.outlooks(at=NOW)] == [OrderState.AT_RISK]

    @pytest.mark.parametrize("status", sorted(set(OrderStatus) - set(_CLOSED)))
    def test_an_order_that_is_not_over_is_never_forgotten(self, books, status):
        books.orders.record([_closed_order("1", NOW - 999 * DAY, status)])
        assert books.history.drop(EVERYTHING, limit=100)["orders"] == 0

    @pytest.mark.parametrize(
        "lately",
        [
            {"created_at": NOW},
            {"updated_at": NOW},
            {"ship_by_at": NOW},
            {"shipments": (a_parcel(NOW),)},
            {"units_kept_until": NOW},
        ],
        ids=lambda lately: next(iter(lately)),
    )
    def test_an_order_is_kept_while_any_of_its_dates_may_still_count(self, books, lately):
        books.orders.record([_closed_order("1", NOW - 99 * DAY, **lately)])
        horizon = Horizon(records=NOW, orders=NOW)
        assert books.history.drop(horizon, limit=100)["orders"] == 0
        later = Horizon(records=NOW, orders=NOW + HOUR)
        assert books.history.drop(later, limit=100)["orders"] == 1

    def test_an_order_takes_its_lines_and_parcels_along_and_another_account_keeps_its_own(self, ledger):
        with ledger.transaction() as books:
            books.orders.record([_closed_order("1", NOW - 99 * DAY), an_order("1", account="second")])
            books.history.drop(Horizon(records=NOW, orders=NOW), limit=100)
        left = rows_in(ledger)
        assert (left["orders"], left["order_items"], left["shipments"]) == (1, 1, 0)

    def test_the_oldest_go_first_and_never_more_than_allowed(self, books):
        for days in (5, 1, 4, 2, 3):
            books.orders.record([_closed_order(str(days), NOW - days * DAY)])
        assert books.history.drop(EVERYTHING, limit=2)["orders"] == 2
        assert [one.order_id for one in books.orders.every()] == ["1", "2", "3"]


class TestTransactions:
    def test_what_is_recorded_is_there_after_a_restart(self, ledger_url):
        with open_ledger(ledger_url, create=True) as ledger, ledger.transaction() as books:
            books.orders.record([an_order()])
        with open_ledger(ledger_url) as ledger, ledger.transaction() as books:
            assert books.orders.find(["1"]) == (an_order(),)

    def test_a_failed_transaction_leaves_no_trace(self, ledger):
        before = rows_in(ledger)

        def fail():
            with ledger.transaction() as books:
                books.orders.record([an_order(shipments=(a_parcel(NOW),))])
                books.orders.set_aside("main", [Unreadable(subject="1", reason="")], NOW)
                books.orders.advance_watermark("main", NOW)
                books.supply.record(a_snapshot(receipts=(an_arrival(),)), NOW)
                books.offers.record_decisions([a_decision()])
                books.offers.record_hold(a_hold())
                books.alerts.record([an_alert()])
                books.alerts.outbox.enqueue([an_envelope()])
                books.runs.pause("x", NOW)
                raise KeyError("power cut")

        with pytest.raises(KeyError, match="power cut"):
            fail()
        assert rows_in(ledger) == before == dict.fromkeys(before, 0)

    def test_a_transaction_inside_another_is_refused_at_once(self, ledger):
        with ledger.transaction() as books:
            with pytest.raises(RuntimeError, match="open already"), ledger.transaction():
                pass
            books.runs.pause("still usable", NOW)
        with ledger.transaction() as books:
            assert books.runs.paused() is not None

    def test_two_threads_writing_the_same_page_leave_it_there_once(self, ledger):
        page = [an_order(str(number), items=(an_item(1), an_item(2))) for number in range(200)]

        def record(orders):
            with ledger.transaction() as books:
                known = books.orders.known("main", [order.order_id for order in orders])
                books.orders.record(orders)
                books.offers.record_decisions([a_decision(order.order_id) for order in orders])
                assert len(known) in (0, len(orders))

        turned = list(reversed(page))
        in_threads(*(lambda orders=orders: record(orders) for orders in (page, turned, page, turned)))
        counted = rows_in(ledger)
        assert (counted["orders"], counted["order_items"], counted["offer_decisions"]) == (200, 400, 200)

    def test_threads_of_many_accounts_share_one_ledger(self, ledger):
        def account(name):
            for number in range(5):
                with ledger.transaction() as books:
                    books.orders.record([an_order(str(number), account=name)])
                    books.orders.advance_watermark(name, NOW + number * HOUR)
                with ledger.transaction() as books:
                    assert books.orders.watermark(name) == NOW + number * HOUR

        in_threads(*(lambda name=f"account-{number}": account(name) for number in range(8)))
        assert rows_in(ledger)["orders"] == 40

    def test_what_was_read_still_holds_when_it_is_written(self, ledger):
        # Without one transaction at a time, two readers would see the same count and one step be lost.
        with ledger.transaction() as books:
            books.orders.record([an_order(items=(an_item(ordered_units=0),))])

        def count_up():
            for _ in range(10):
                with ledger.transaction() as books:
                    (order,) = books.orders.find(["1"])
                    units = order.items[0].ordered_units + 1
                    books.orders.record([dataclasses.replace(order, items=(an_item(ordered_units=units),))])

        in_threads(count_up, count_up, count_up)
        with ledger.transaction() as books:
            assert books.orders.find(["1"])[0].items[0].ordered_units == 30

    def test_waiting_too_long_for_another_process_ends_in_plain_words(self, ledger, ledger_url):
        busy = pytest.raises(StoreError, match=r"kept busy by another process .* run again\.$")
        impatient = open_ledger(ledger_url, patience_seconds=0.2)
        with contextlib.closing(impatient), ledger.transaction(), busy, impatient.transaction():
            pass
        with open_ledger(ledger_url) as patient, patient.transaction() as books:
            assert books.runs.paused() is None

    def test_random_work_of_several_threads_ends_where_one_after_the_other_would(self, ledger):
        versions = [
            an_order(str(age % 7), updated_at=NOW + age * HOUR, status_text=str(age)) for age in range(70)
        ]
        shuffled = random.Random(7).sample(versions, len(versions))

        def record(orders):
            for start in range(0, len(orders), 5):
                with ledger.transaction() as books:
                    books.orders.record(orders[start : start + 5])

        in_threads(*(lambda orders=shuffled[part::3]: record(orders) for part in range(3)))
        with ledger.transaction() as books:
            found = books.orders.find([str(number) for number in range(7)])
        assert set(found) == set(versions[-7:])


def _migrate(ledger, version):
    """Go the way of all versions from an empty database to this one."""
    if ledger._file:
        ledger._file.touch()
    with ledger._engine.begin() as connection:
        command.upgrade(schema.configuration(connection), version)


def _described(ledger):
    """All that a database says of its tables, whatever the order in which it was made."""
    with ledger._engine.begin() as connection:
        found = inspect(connection)
        return {
            name: {
                "columns": {
                    one["name"]: (str(one["type"]), one["nullable"], one["default"])
                    for one in found.get_columns(name)
                },
                "key": found.get_pk_constraint(name),
                "foreign": sorted(map(str, found.get_foreign_keys(name))),
                "unique": sorted(map(str, found.get_unique_constraints(name))),
                "checks": sorted(map(str, found.get_check_constraints(name))),
                "indexes": sorted(map(_index, found.get_indexes(name))),
            }
            for name in found.get_table_names()
        }


def _index(one):
    where = [
        str(text) for option, text in one.get("dialect_options", {}).items() if option.endswith("_where")
    ]
    return one["name"], one["column_names"], bool(one["unique"]), where


class TestSchema:
    def test_the_migrations_make_exactly_the_tables_this_release_needs(self, database_url):
        with SqlLedger(database_url) as ledger:
            _migrate(ledger, "head")
            with ledger._engine.begin() as connection:
                options = {"version_table": schema.VERSION_TABLE, "compare_server_default": True}
                context = MigrationContext.configure(connection, opts=options)
                assert compare_metadata(context, schema.METADATA) == []

    def test_a_new_database_is_what_the_migrations_make_of_the_oldest_to_the_last_name(self, database_url):
        with SqlLedger(database_url) as ledger:
            ledger.upgrade()
            new = _described(ledger)
            assert new
            with ledger._engine.begin() as connection:
                everything = MetaData()
                everything.reflect(connection)
                everything.drop_all(connection)
            _migrate(ledger, "head")
            assert _described(ledger) == new

    def test_a_fresh_database_has_no_schema_until_it_is_upgraded(self, database_url):
        with SqlLedger(database_url) as ledger:
            assert ledger.status() == schema.SchemaStatus(current=None, head=schema.head())
            assert not ledger.status().is_current
            newest = schema.head()
            assert ledger.upgrade() == ledger.status() == schema.SchemaStatus(current=newest, head=newest)
            assert ledger.upgrade().is_current
        open_ledger(database_url).close()

    def test_the_version_needed_is_that_of_the_newest_migration(self):
        scripts = ScriptDirectory.from_config(schema.configuration())
        assert scripts.get_heads() == [schema.head()]

    def test_work_on_a_database_without_schema_is_refused(self, database_url):
        SqlLedger(database_url).close()
        with pytest.raises(StoreError, match=r"has no schema yet; .* Run 'fbm-sync db upgrade'\.$"):
            open_ledger(database_url)

    def test_a_schema_that_a_newer_release_wrote_is_left_alone(self, database_url):
        with SqlLedger(database_url) as ledger:
            ledger.upgrade()
            with ledger._engine.begin() as connection:
                connection.exec_driver_sql(f"UPDATE {schema.VERSION_TABLE} SET version_num = '9999'")
            assert ledger.status().current == "9999"
            with pytest.raises(StoreError, match=r"a newer one wrote it.*'fbm-sync db upgrade'\.$"):
                ledger.upgrade()
        with pytest.raises(StoreError, match="9999, which this version does not know"):
            open_ledger(database_url, create=True)

    def test_two_that_upgrade_at_the_same_time_do_not_disturb_each_other(self, database_url):
        def upgrade():
            with SqlLedger(database_url) as ledger:
                assert ledger.upgrade().is_current

        in_threads(upgrade, upgrade, upgrade)

    def test_an_upgrade_keeps_what_the_release_before_has_written(self, database_url):
        with SqlLedger(database_url) as ledger:
            _migrate(ledger, "0001")
            with ledger.transaction() as books:
                books.runs.succeeded("pull", "main", "r1", NOW)
            with pytest.raises(StoreError, match=r"has schema 0001; .* Run 'fbm-sync db upgrade'"):
                open_ledger(database_url, create=True)
            assert ledger.upgrade().is_current
        with open_ledger(database_url) as ledger, ledger.transaction() as books:
            assert books.runs.last_success("pull", "main") == NOW
            assert books.runs.budgets("main") == {}

    def test_a_catalogue_from_before_an_upgrade_locks_nothing(self, database_url):
        with SqlLedger(database_url) as ledger:
            _migrate(ledger, "0007")
            with ledger._engine.begin() as connection:
                former = Table("catalog", MetaData(), autoload_with=connection)
                row = {"position": 0, "sku": "A", "prime_template": False, "max_listed": 7}
                connection.execute(former.insert().values(row))
            ledger.upgrade()
        with open_ledger(database_url) as ledger, ledger.transaction() as books:
            assert books.supply.part(["A"]).catalog == (CatalogEntry(sku="A", max_listed=7),)
            assert books.supply.locked() == frozenset()

    @pytest.mark.parametrize(
        ("words", "reason"),
        [
            ("first found", Reason.FIRST_FOUND),
            ("stage T-4 reached", Reason.STAGE_REACHED),
            ("now critical", Reason.GOT_WORSE),
            ("the trouble is no longer found", Reason.NO_LONGER_FOUND),
        ],
    )
    def test_news_that_waited_for_a_channel_before_an_upgrade_go_out_after_it(
        self, database_url, words, reason
    ):
        step = json.loads(TypeAdapter(Transition).dump_json(a_transition()))
        text = json.dumps(step | {"reason": words, "not_before": NOW.isoformat()})
        with SqlLedger(database_url) as ledger:
            if ledger._file:
                ledger._file.touch()
            with ledger._engine.begin() as connection:
                command.upgrade(schema.configuration(connection), "0004")
                former = Table("notifications", MetaData(), autoload_with=connection)
                row = {"channel": "mail", "attempts": 2, "error": "no route", "transition": text}
                moment = {"not_before": NOW, "retry_at": NOW + HOUR, "sent_at": None}
                connection.execute(former.insert().values(pending=True, **row, **moment))
                moment = {"not_before": NOW, "retry_at": None, "sent_at": NOW + HOUR}
                connection.execute(former.insert().values(pending=False, **row, **moment))
            ledger.upgrade()
        with open_ledger(database_url) as ledger, ledger.transaction() as books:
            outbox = books.alerts.outbox
            assert outbox.due(NOW) == ()
            (note,) = outbox.due(NOW + HOUR)
            assert note.transition == a_transition(reason=reason)
            assert (note.attempts, note.purpose) == (2, Purpose.NEWS)
            assert outbox.tray("mail", NOW).heard == {an_alert().life}
            assert outbox.hearing([an_alert().key]) == {an_alert().life: {"mail"}}

    def test_a_failed_upgrade_leaves_the_database_as_it_was(self, database_url):
        with SqlLedger(database_url) as ledger:
            if ledger._file:
                ledger._file.touch()
            with ledger._engine.begin() as connection:
                connection.exec_driver_sql("CREATE TABLE successes (x INTEGER)")
            with pytest.raises(StoreError, match="successes"):
                ledger.upgrade()
            with ledger._engine.begin() as connection:
                context = MigrationContext.configure(connection, opts={"version_table": schema.VERSION_TABLE})
                assert context.get_current_revision() is None
                assert not connection.dialect.has_table(connection, "orders")
        with pytest.raises(StoreError, match="no schema yet"):
            open_ledger(database_url, create=True)


class TestPostgresql:
    def test_a_server_that_restarted_is_found_again(self, postgresql_url):
        with SqlLedger(postgresql_url) as ledger:
            ledger.upgrade()
            with open_ledger(postgresql_url) as other, other._engine.begin() as connection:
                connection.exec_driver_sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            with ledger.transaction() as books:
                assert books.runs.paused() is None

    def test_a_database_that_does_not_exist_is_said_to_be_so(self, postgresql_url):
        with pytest.raises(StoreError, match=r'"nowhere" does not exist.*that store\.url is right\.$'):
            open_ledger(re.sub(r"/store_\d+", "/nowhere", postgresql_url))

    def test_a_read_only_database_is_said_to_be_so(self, postgresql_url):
        with SqlLedger(postgresql_url) as ledger:
            ledger.upgrade()
        refused = pytest.raises(StoreError, match=r"cannot be written .* write permission")
        read_only = f"{postgresql_url}&options=-c%20default_transaction_read_only%3Don"
        with open_ledger(read_only) as ledger, refused, ledger.transaction() as books:
            books.runs.pause("x", NOW)

    def test_tables_that_are_missing_ask_for_an_upgrade(self, postgresql_url):
        refused = pytest.raises(StoreError, match=r"Run 'fbm-sync db upgrade'\.$")
        with SqlLedger(postgresql_url) as ledger, refused, ledger.transaction() as books:
            books.runs.paused()

    def test_amounts_beyond_32_bits_are_kept(self, ledger):
        order = an_order(items=(an_item(unit_price_minor=5_000_000_000, ordered_units=3_000_000_000),))
        with ledger.transaction() as books:
            books.orders.record([order])
            assert books.orders.find(["1"]) == (order,)
