"""Alerting: bad news once, in time, to the right people; and that it is over."""

import dataclasses
from datetime import time, timedelta

import pytest

from fbm_sync.domain.change import PushOutcome, PushReceipt
from fbm_sync.domain.order import OrderStatus
from fbm_sync.domain.telling import QuietHours
from fbm_sync.errors import DeliveryError
from fbm_sync.flows.alert import AlertTerms
from fbm_sync.flows.notify import LEASE
from fbm_sync.ports import Hold, Unreadable

from builders import ACCOUNT, NOW, a_change, a_good_past, an_order, in_days
from fakes import FakeNotifier, Killed

STALE = ("opened", "us:stale_orders:us")


@pytest.fixture
def calm(shop):
    """A shop in which nothing is wrong: a good past, orders just read, stock just counted."""
    with shop.ledger.transaction() as books:
        books.orders.record([order for order in a_good_past(200) if order.account == ACCOUNT])
    shop.stock(CUP=10)
    shop.pull_supply()
    shop.pull()
    return shop


def order_due(shop, hours, order_id="111-1", units=1, **changes):
    """Let an order come in that is due in so many hours."""
    due_at = shop.clock.now() + timedelta(hours=hours)
    with shop.ledger.transaction() as books:
        books.orders.record([an_order(order_id, sku="CUP", units=units, ship_by_at=due_at, **changes)])


def pass_time(shop, **span):
    """Let time pass in which orders and stock are read as ever."""
    shop.clock.advance(**span)
    shop.pull()
    shop.stock(CUP=10)
    shop.pull_supply()


def down(*, retryable=True):
    return DeliveryError("The channel does not answer.", retryable=retryable)


def open_alerts(shop):
    with shop.ledger.transaction() as books:
        return {alert.key: alert for alert in books.alerts.alerts()}


def waiting(shop, **span):
    with shop.ledger.transaction() as books:
        return [one.channel for one in books.alerts.outbox.due(shop.clock.now() + timedelta(**span))]


def test_when_nothing_is_wrong_nobody_is_told_anything(calm):
    report = calm.alert()
    assert (report.opened, report.sent, report.transitions) == (0, 0, ())
    assert calm.phone.delivered == []


def test_trouble_is_told_once_however_often_it_is_found(calm):
    order_due(calm, -1)
    report = calm.alert()
    assert (report.opened, report.sent) == (1, 2)
    for _ in range(3):
        calm.clock.advance(minutes=5)
        assert calm.alert().sent == 0
    assert calm.phone.told == calm.log.told == [("opened", "us:overdue:111-1")]


def test_each_stage_before_the_deadline_is_told_once(calm):
    order_due(calm, 30)
    for _ in range(29):
        pass_time(calm, hours=1)
        calm.alert()
    stages = [(one.transition.kind.value, one.transition.alert.finding.stage) for one in calm.log.delivered]
    assert stages == [("opened", "T-24"), ("escalated", "T-12"), ("escalated", "T-4")]


def test_low_urgency_news_stay_in_the_log(calm):
    order_due(calm, 20)
    calm.alert()
    assert calm.log.told == [("opened", "us:due_soon:111-1")]
    assert calm.phone.delivered == []


def test_that_trouble_is_over_is_told_too(calm):
    order_due(calm, -1)
    calm.alert()
    with calm.ledger.transaction() as books:
        books.orders.record([an_order("111-1", status=OrderStatus.CANCELLED, updated_at=in_days(1))])
    report = calm.alert()
    assert (report.resolved, open_alerts(calm)) == (1, {})
    assert calm.phone.told[-1] == ("resolved", "us:overdue:111-1")


def test_trouble_that_comes_back_is_told_again(calm):
    calm.clock.advance(hours=2)
    calm.alert()
    calm.pull()
    calm.alert()
    calm.clock.advance(hours=2)
    calm.alert()
    assert calm.phone.told == [STALE, ("resolved", "us:stale_orders:us"), STALE]


def test_orders_that_were_never_read_are_trouble(shop):
    shop.alert()
    assert {key for _, key in shop.phone.told} == {"us:stale_orders:us", ":stale_supply:stock"}


def test_the_outlook_of_every_open_order_is_renewed(calm):
    order_due(calm, 30)
    pass_time(calm, hours=27)
    calm.alert()
    with calm.ledger.transaction() as books:
        (outlook,) = books.orders.outlooks()
    assert (outlook.stage, outlook.judged_at) == ("T-4", calm.clock.now())


def test_units_sold_beyond_all_stock_are_told_with_their_orders(calm):
    order_due(calm, 48, units=12)
    calm.alert()
    assert ("opened", "us:oversold:CUP") in calm.phone.told


def test_everything_that_went_wrong_elsewhere_is_found(calm):
    rejected = PushReceipt(change=a_change(sku="A"), outcome=PushOutcome.REJECTED, at=NOW, problems=("No.",))
    lost = PushReceipt(change=a_change(sku="B"), outcome=PushOutcome.ACCEPTED, at=NOW - timedelta(hours=7))
    hold = Hold(hold_id="abc", account=ACCOUNT, reasons=("too many",), changes=(a_change(),), held_at=NOW)
    with calm.ledger.transaction() as books:
        books.orders.set_aside(ACCOUNT, [Unreadable(subject="111-6", reason="no lines")], NOW)
        books.supply.record_doubts(["the stock list is empty"], NOW)
        books.offers.record_receipt(rejected, "run-1")
        books.offers.record_receipt(lost, "run-1")
        books.offers.record_hold(hold)
    calm.alert()
    expected = {
        "us:quarantined:111-6",
        ":suspect_snapshot:stock",
        "us:push_rejected:A",
        "us:push_unconfirmed:B",
        "us:push_held:abc",
    }
    assert {key for _, key in calm.phone.told} == expected
    with calm.ledger.transaction() as books:
        books.offers.record_hold(dataclasses.replace(hold, released_at=NOW))
    calm.alert()
    assert ("resolved", "us:push_held:abc") in calm.phone.told


def test_a_change_that_never_goes_live_is_told_even_though_it_is_sent_again(calm):
    calm.offers.list("CUP", 40)
    calm.offers.never_live.add("CUP")
    calm.pull_offers()
    for _ in range(20):
        calm.plan()
        calm.push(apply=True)
        calm.alert()
        pass_time(calm, hours=1)
    assert len(calm.offers.sent) > 2
    assert [one for one in calm.phone.told if "push_unconfirmed" in one[1]] == [
        ("opened", "us:push_unconfirmed:CUP")
    ]


# --- recorded before sent, marked after ----------------------------------------------------------


def test_a_crash_between_record_and_send_loses_nothing(calm):
    order_due(calm, -1)
    calm.log.trouble.append(Killed())
    with pytest.raises(Killed):
        calm.alert()
    assert "us:overdue:111-1" in open_alerts(calm)
    pass_time(calm, seconds=LEASE.total_seconds())
    calm.alert()
    assert calm.phone.told == calm.log.told == [("opened", "us:overdue:111-1")]


def test_a_crash_between_send_and_mark_repeats_one_piece_of_news_and_no_more(calm):
    order_due(calm, -1, "111-1")
    order_due(calm, -1, "111-2")
    calm.phone.dies_after_telling = True
    with pytest.raises(Killed):
        calm.alert()
    calm.alert()
    pass_time(calm, seconds=LEASE.total_seconds())
    calm.alert()
    assert sorted(calm.phone.told) == [
        ("opened", "us:overdue:111-1"),
        ("opened", "us:overdue:111-1"),
        ("opened", "us:overdue:111-2"),
    ]
    assert len(calm.log.told) == 2


# --- channels that fail --------------------------------------------------------------------------


def test_a_failing_channel_does_not_hold_up_the_others(calm):
    for number in range(3):
        order_due(calm, -1, f"111-{number}")
    calm.phone.broken = down()
    report = calm.alert()
    assert (report.sent, report.failed) == (3, 1)
    assert len(calm.log.told) == 3
    assert calm.phone.tries == 1, "a channel that is down is not tried again for each piece of news"


def test_what_a_failing_channel_missed_is_told_when_it_works_again(calm):
    for number in range(3):
        order_due(calm, -1, f"111-{number}")
    calm.phone.broken = down()
    calm.alert()
    calm.phone.behave()
    assert calm.alert().sent == 0, "not before its pause is over"
    calm.clock.advance(minutes=1)
    assert calm.alert().sent == 3
    assert sorted(calm.phone.told) == [("opened", f"us:overdue:111-{number}") for number in range(3)]


def test_a_channel_that_was_down_for_days_still_tells_everything(calm):
    order_due(calm, -1)
    calm.phone.broken = down()
    tries = []
    for _ in range(48):
        calm.alert()
        tries.append(calm.phone.tries)
        pass_time(calm, hours=1)
    assert tries[-1] == 48, "ten minutes are the longest pause"
    calm.phone.behave()
    calm.alert()
    assert calm.phone.told == [("opened", "us:overdue:111-1")]


def test_a_long_backlog_of_one_channel_does_not_hide_the_news_of_another(calm):
    for number in range(150):
        order_due(calm, -1, f"111-{number:03}")
    calm.phone.broken = down()
    calm.alert()
    order_due(calm, 20, "111-new")
    for _ in range(4):
        calm.alert()
    assert any(key.endswith(":111-new") for _, key in calm.log.told)
    assert calm.phone.delivered == []


def test_a_message_that_can_never_arrive_is_given_up_and_the_next_one_goes(calm):
    order_due(calm, -1, "111-1")
    order_due(calm, -1, "111-2")
    calm.phone.trouble.append(down(retryable=False))
    report = calm.alert()
    assert (report.sent, report.failed) == (3, 1)
    assert calm.phone.told == [("opened", "us:overdue:111-2")]
    assert waiting(calm, days=30) == []


def test_a_channel_that_is_no_longer_configured_is_given_up(calm):
    order_due(calm, -1)
    del calm.notifiers["phone"]
    assert calm.alert().failed == 0
    assert waiting(calm, days=30) == []


# --- quiet hours ---------------------------------------------------------------------------------


@pytest.fixture
def night(calm):
    """Nine in the morning, and people sleep until ten."""
    calm.alert_terms = dataclasses.replace(
        calm.alert_terms, quiet_hours=QuietHours(begin=time(22), end=time(10))
    )
    return calm


def test_quiet_hours_hold_ordinary_news_until_the_morning(night):
    with night.ledger.transaction() as books:
        books.orders.set_aside(ACCOUNT, [Unreadable(subject="111-6", reason="no lines")], NOW)
    assert (night.alert().opened, night.phone.told) == (1, [])
    assert night.log.told == [("opened", "us:quarantined:111-6")], "a log does not ring"
    night.clock.advance(minutes=61)
    night.pull()
    night.alert()
    assert night.phone.told == [("opened", "us:quarantined:111-6")]


def test_critical_news_wakes_people_up(night):
    order_due(night, -1)
    night.alert()
    assert night.phone.told == [("opened", "us:overdue:111-1")]


def test_a_channel_added_later_hears_only_what_is_new(calm):
    order_due(calm, -1, "111-1")
    calm.alert()
    calm.notifiers["mail"] = FakeNotifier()
    calm.alert_terms = AlertTerms(channels=("mail",))
    order_due(calm, -1, "111-2")
    calm.alert()
    assert calm.notifiers["mail"].told == [("opened", "us:overdue:111-2")]
