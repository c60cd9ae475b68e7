"""Pulling orders and offers: nothing is lost, nothing comes twice, whatever happens on the way."""

from datetime import timedelta

import pytest

from fbm_sync.domain.order import OrderStatus, demand_units
from fbm_sync.errors import AccessRefused, RequestRejected, Throttled, Unavailable, UnexpectedPayload
from fbm_sync.flows.pull import TOKEN_LIFE, pull_named_orders
from fbm_sync.ports import OrderWindow

from builders import ACCOUNT, NOW, an_item, an_order, in_days
from fakes import Killed

SETTLING = timedelta(minutes=2)


def some_orders(count, *, first=1):
    """Orders changed a minute apart, the newest ten minutes ago."""
    return [
        an_order(
            f"111-{number}", updated_at=NOW - timedelta(minutes=10 + count - number), created_at=in_days(-1)
        )
        for number in range(first, first + count)
    ]


def busy(operation="searchOrders"):
    return Throttled("Over quota.", operation=operation)


def test_every_order_of_the_last_thirty_days_comes_with_the_first_pull(shop):
    shop.orders.put(*some_orders(5), an_order("111-old", updated_at=in_days(-31)))
    pulled = shop.pull()
    assert (pulled.pulled, pulled.new, pulled.changed) == (5, 5, 0)
    assert set(shop.recorded()) == {f"111-{n}" for n in range(1, 6)}


def test_the_watermark_is_what_amazon_echoes_and_never_our_own_clock(shop):
    assert shop.pull().watermark == NOW - SETTLING == shop.watermark()


def test_it_is_remembered_when_an_order_was_first_seen(shop):
    shop.orders.put(*some_orders(1))
    shop.pull()
    shop.clock.advance(minutes=10)
    shop.orders.change("111-1", status=OrderStatus.CANCELLED)
    shop.clock.advance(minutes=10)
    assert shop.pull().changed == 1
    assert shop.recorded()["111-1"].first_read_at == NOW


def test_orders_that_change_while_we_read_are_not_jumped_over(shop):
    shop.orders.put(*some_orders(5))
    read_on = shop.orders._called

    def meanwhile(operation):
        shop.clock.advance(minutes=3)
        if len(shop.orders.calls) == 1:
            shop.orders.change("111-1", status=OrderStatus.CANCELLED)
        read_on(operation)

    shop.orders._called = meanwhile
    assert shop.pull().watermark == NOW + timedelta(minutes=3) - SETTLING
    assert shop.pull().changed == 1
    assert shop.recorded() == shop.orders.orders


def test_what_lies_shortly_before_the_watermark_is_read_again(shop):
    shop.pull()
    shop.clock.advance(hours=1)
    # It was hidden from the first search, although its time lies before the watermark.
    shop.orders.put(an_order("111-late", updated_at=NOW - SETTLING - timedelta(minutes=9)))
    assert shop.pull().new == 1
    assert shop.orders.windows[-1][0] == OrderWindow(since=NOW - SETTLING - timedelta(minutes=10))


@pytest.mark.parametrize("page", [1, 2, 3])
def test_a_killed_pull_goes_on_where_it_was_and_reads_no_page_twice(shop, page):
    shop.orders.put(*some_orders(7))
    shop.orders.trouble.extend([None] * page + [Killed()])
    with pytest.raises(Killed):
        shop.pull()
    assert len(shop.recorded()) == 2 * page
    assert shop.watermark() is None
    shop.orders.calls.clear()
    pulled = shop.pull()
    assert shop.recorded() == shop.orders.orders
    assert pulled.new == 7 - 2 * page
    assert pulled.changed == 0
    assert shop.cursor() is None


def test_a_pull_killed_before_its_first_page_begins_again(shop):
    shop.orders.put(*some_orders(3))
    shop.orders.trouble.append(Killed())
    with pytest.raises(Killed):
        shop.pull()
    assert shop.pull().new == 3


def test_an_interrupted_walk_is_followed_by_a_fresh_one(shop):
    shop.orders.put(*some_orders(5))
    shop.orders.trouble.extend([None, Killed()])
    with pytest.raises(Killed):
        shop.pull()
    shop.clock.advance(hours=5)
    shop.orders.put(an_order("111-new", updated_at=shop.clock.now() - timedelta(hours=1)))
    pulled = shop.pull()
    assert "111-new" in shop.recorded()
    assert pulled.watermark == shop.clock.now() - SETTLING


def test_finishing_an_old_walk_alone_does_not_count_as_fresh_orders(shop):
    shop.orders.put(*some_orders(3))
    shop.orders.trouble.extend([None, Killed()])
    with pytest.raises(Killed):
        shop.pull()
    shop.clock.advance(hours=5)
    shop.orders.trouble.extend([None, busy()])
    with pytest.raises(Throttled):
        shop.pull()
    assert len(shop.recorded()) == 3
    assert shop.watermark() == NOW - SETTLING
    assert shop.last_success("pull") is None


def test_orders_are_known_up_to_the_beginning_of_a_long_walk(shop):
    shop.orders.put(*some_orders(3))
    read_on = shop.orders._called

    def slowly(operation):
        read_on(operation)
        shop.clock.advance(minutes=20)

    shop.orders._called = slowly
    shop.pull()
    assert shop.last_success("pull") == NOW


def test_a_cursor_older_than_amazons_memory_is_not_used(shop):
    shop.orders.put(*some_orders(3))
    shop.orders.trouble.extend([None, Killed()])
    with pytest.raises(Killed):
        shop.pull()
    shop.clock.advance(seconds=TOKEN_LIFE.total_seconds())
    shop.orders.windows.clear()
    assert shop.pull().pulled == 3
    assert shop.orders.windows[0][1] is None


def test_a_token_amazon_no_longer_takes_starts_the_window_again(shop):
    shop.orders.put(*some_orders(7))
    refusal = RequestRejected("paginationToken has expired.", operation="searchOrders", status=400)
    shop.orders.trouble.extend([None, None, refusal])
    pulled = shop.pull()
    assert shop.recorded() == shop.orders.orders
    assert (pulled.new, pulled.watermark) == (7, NOW - SETTLING)


def test_a_resumed_token_that_is_refused_starts_its_window_again(shop):
    shop.orders.put(*some_orders(5))
    shop.orders.trouble.extend([None, Killed()])
    with pytest.raises(Killed):
        shop.pull()
    shop.orders._places.clear()
    assert shop.pull().new == 3
    assert shop.recorded() == shop.orders.orders


def test_tokens_that_are_always_refused_end_the_pull_instead_of_asking_for_ever(shop):
    shop.orders.put(*some_orders(5))
    shop.orders.refuses_tokens = True
    with pytest.raises(RequestRejected):
        shop.pull()
    assert len(shop.orders.calls) == 4
    assert (shop.cursor(), shop.watermark()) == (None, None)


def test_a_window_that_amazon_refuses_is_an_error_and_not_tried_for_ever(shop):
    shop.orders.trouble.append(RequestRejected("Invalid Input.", operation="searchOrders", status=400))
    with pytest.raises(RequestRejected):
        shop.pull()
    assert shop.orders.calls == ["searchOrders"]


def test_a_token_that_comes_twice_is_noticed_and_the_next_pull_starts_afresh(shop):
    shop.orders.put(*some_orders(7))
    shop.orders.repeats = True
    with pytest.raises(UnexpectedPayload, match="repeat themselves"):
        shop.pull()
    assert (shop.cursor(), shop.watermark()) == (None, None)
    shop.orders.repeats = False
    assert shop.pull().watermark == NOW - SETTLING
    assert shop.recorded() == shop.orders.orders


def test_pages_that_come_again_under_new_tokens_are_noticed_too(shop):
    shop.orders.put(*some_orders(6))
    shop.orders.stands_still = True
    with pytest.raises(UnexpectedPayload, match="repeat themselves"):
        shop.pull()
    assert len(shop.orders.calls) == 6
    shop.orders.stands_still = False
    assert shop.pull().pulled == 6


def test_one_page_that_comes_twice_costs_one_request_and_no_order(shop):
    shop.orders.put(*some_orders(6))
    shop.orders.stands_still = True

    def go_on():
        shop.orders.stands_still = False

    shop.orders.trouble.extend([None, go_on])
    assert shop.pull().new == 6
    assert len(shop.orders.calls) == 4


def test_a_page_that_never_makes_sense_does_not_stop_every_pull_to_come(shop):
    shop.orders.put(*some_orders(5))
    nonsense = UnexpectedPayload("'orders' is not a list.", operation="searchOrders")
    shop.orders.trouble.extend([None, nonsense])
    with pytest.raises(UnexpectedPayload):
        shop.pull()
    assert shop.cursor() is not None
    shop.orders.trouble.append(nonsense)
    with pytest.raises(UnexpectedPayload):
        shop.pull()
    assert shop.cursor() is None
    shop.pull()
    assert shop.recorded() == shop.orders.orders


def test_a_page_that_once_made_no_sense_costs_no_progress(shop):
    shop.orders.put(*some_orders(5))
    shop.orders.trouble.extend([None, UnexpectedPayload("Cut short.", operation="searchOrders")])
    with pytest.raises(UnexpectedPayload):
        shop.pull()
    assert shop.pull().new == 3


def test_the_same_page_twice_adds_nothing(shop):
    shop.orders.put(*some_orders(4))
    shop.pull()
    before = shop.recorded()
    again = shop.pull(OrderWindow(since=in_days(-30)))
    assert (again.pulled, again.new, again.changed) == (4, 0, 0)
    assert shop.recorded() == before


def test_a_change_at_amazon_is_counted_as_one(shop):
    shop.orders.put(*some_orders(4))
    shop.pull()
    shop.clock.advance(minutes=10)
    shop.orders.change("111-3", status=OrderStatus.SHIPPED)
    shop.clock.advance(minutes=10)
    pulled = shop.pull()
    assert (pulled.new, pulled.changed) == (0, 1)
    assert shop.recorded()["111-3"].status is OrderStatus.SHIPPED


def test_the_watermark_never_moves_backwards(shop):
    shop.pull()
    pulled = shop.pull(OrderWindow(since=in_days(-20), until=in_days(-10)))
    assert pulled.watermark == NOW - SETTLING


def test_a_first_look_at_a_short_span_does_not_pass_for_the_whole_past(shop):
    shop.orders.put(an_order("old", updated_at=in_days(-20)), an_order("new", updated_at=in_days(-1)))
    assert shop.pull(OrderWindow(since=in_days(-3))).watermark is None
    assert shop.pull().new == 1, "the next pull reads the whole first span"
    assert shop.pull().watermark is not None


def test_the_watermark_never_moves_over_a_gap(shop):
    shop.pull()
    shop.clock.advance(days=2)
    pulled = shop.pull(OrderWindow(since=shop.clock.now() - timedelta(days=1)))
    assert pulled.watermark == NOW - SETTLING
    assert shop.last_success("pull") == NOW, "a day of orders is still unknown: nothing may be raised on that"


def test_a_catch_up_run_that_joins_what_is_known_moves_the_watermark(shop):
    shop.pull()
    shop.clock.advance(days=2)
    assert shop.pull(OrderWindow(since=in_days(-7))).watermark == shop.clock.now() - SETTLING


def test_a_closed_window_moves_the_watermark_no_further_than_its_end(shop):
    shop.pull()
    shop.clock.advance(days=2)
    pulled = shop.pull(OrderWindow(since=in_days(-1), until=in_days(1)))
    assert pulled.watermark == in_days(1)
    assert shop.last_success("pull") == NOW


def test_a_catch_up_run_that_was_killed_goes_on_with_the_next_pull(shop):
    shop.pull()
    shop.orders.put(*some_orders(5))
    wanted = OrderWindow(since=in_days(-7))
    shop.orders.trouble.extend([None, Killed()])
    with pytest.raises(Killed):
        shop.pull(wanted)
    shop.orders.windows.clear()
    shop.pull()
    assert [window for window, _ in shop.orders.windows][:2] == [wanted, wanted]
    assert shop.recorded() == shop.orders.orders


def test_another_window_than_the_interrupted_one_is_read_as_asked(shop):
    shop.orders.put(*some_orders(5))
    shop.orders.trouble.extend([None, Killed()])
    with pytest.raises(Killed):
        shop.pull()
    wanted = OrderWindow(since=in_days(-40))
    shop.orders.windows.clear()
    shop.pull(wanted)
    assert {window for window, _ in shop.orders.windows} == {wanted}
    assert shop.recorded() == shop.orders.orders


def test_an_order_that_amazon_shows_hours_late_is_found_by_the_next_sweep(shop):
    shop.pull()
    shop.clock.advance(hours=3)
    shop.pull()
    shop.orders.put(an_order("111-late", updated_at=NOW + timedelta(minutes=1)))
    shop.clock.advance(minutes=5)
    assert shop.pull().new == 0, "it lies behind the watermark"
    shop.clock.advance(hours=3)
    assert shop.pull().new == 1
    assert "111-late" in shop.recorded()


def test_a_sweep_comes_only_so_often(shop):
    for _ in range(73):
        shop.pull()
        shop.clock.advance(minutes=10)
    reach = [(NOW + timedelta(minutes=10 * n) - w.since) for n, (w, _) in enumerate(shop.orders.windows)]
    far = [n for n, span in enumerate(reach) if span > timedelta(hours=26)]
    assert far == [0, 36, 72]
    assert all(span < timedelta(minutes=30) for n, span in enumerate(reach) if n not in far)


def test_a_pull_right_after_a_pull_finds_nothing_and_stays_where_it_is(shop):
    shop.pull()
    pulled = shop.pull(overlap=timedelta(0))
    assert (pulled.pulled, pulled.watermark) == (0, NOW - SETTLING)
    assert shop.last_success("pull") == NOW


@pytest.mark.parametrize("trouble", [Unavailable, AccessRefused])
def test_trouble_at_amazon_keeps_the_pages_read_and_moves_no_watermark(shop, trouble):
    shop.orders.put(*some_orders(5))
    shop.orders.trouble.extend([None, trouble("No.", operation="searchOrders")])
    with pytest.raises(trouble):
        shop.pull()
    assert len(shop.recorded()) == 2
    assert (shop.watermark(), shop.last_success("pull")) == (None, None)


# --- quarantine ----------------------------------------------------------------------------------


def test_a_poison_order_is_set_aside_and_the_others_come_in(shop):
    shop.orders.put(*some_orders(5))
    shop.orders.poison.add("111-2")
    pulled = shop.pull()
    assert (pulled.pulled, pulled.quarantined) == (4, 1)
    assert shop.quarantined() == ["111-2"]
    assert [failure.what for failure in pulled.failures] == ["order 111-2"]


def test_a_poison_order_is_readmitted_when_it_makes_sense_again(shop):
    shop.orders.put(*some_orders(5))
    shop.orders.poison.add("111-2")
    shop.pull()
    shop.orders.poison.clear()
    shop.clock.advance(hours=1)
    pulled = shop.pull()
    assert (shop.quarantined(), pulled.failures, pulled.new) == ([], (), 1)
    assert shop.recorded() == shop.orders.orders


def test_orders_that_stay_poison_do_not_keep_others_from_being_tried_again(shop):
    shop.orders.put(*some_orders(12))
    shop.orders.poison.update(shop.orders.orders)
    shop.pull()
    shop.orders.poison.remove("111-9")
    # Amazon no longer knows the first; its vain try counts as one, too.
    del shop.orders.orders["111-1"]
    for _ in range(3):
        shop.clock.advance(hours=1)
        shop.pull()
    assert "111-9" not in shop.quarantined()
    assert len(shop.quarantined()) == 11


def test_a_quarantine_that_cannot_be_tried_now_does_not_spoil_the_pull(shop):
    shop.orders.put(*some_orders(5))
    shop.orders.poison.update({"111-2", "111-3"})
    shop.orders.trouble.extend([None, None, None, busy("getOrder")])
    pulled = shop.pull()
    assert pulled.watermark == NOW - SETTLING
    assert [failure.what for failure in pulled.failures] == ["order 111-2"]
    assert shop.orders.calls.count("getOrder") == 1
    assert shop.last_success("pull") == NOW


# --- named orders --------------------------------------------------------------------------------


def named(shop, *order_ids):
    return pull_named_orders(ACCOUNT, shop.orders, shop.ledger, shop.clock, order_ids)


def test_named_orders_are_read_by_id_and_one_that_fails_keeps_none_away(shop):
    shop.orders.put(*some_orders(4))
    shop.orders.poison.add("111-2")
    shop.orders.trouble.extend([None, None, None, Unavailable("Gone.", operation="getOrder")])
    pulled = named(shop, "111-1", "111-2", "222-0", "111-3", "111-4")
    assert set(shop.recorded()) == {"111-1", "111-4"}
    assert [failure.what for failure in pulled.failures] == ["order 111-2", "order 222-0", "order 111-3"]
    assert shop.quarantined() == ["111-2"]
    assert pulled.watermark is None
    assert pulled.left == ("222-0", "111-3"), "neither recorded nor in quarantine"


def test_named_orders_end_when_amazon_says_enough(shop):
    shop.orders.put(*some_orders(3))
    shop.orders.trouble.extend([None, busy("getOrder")])
    pulled = named(shop, "111-1", "111-2", "111-3")
    assert (pulled.new, len(pulled.failures), len(shop.orders.calls)) == (1, 1, 2)
    assert pulled.left == ("111-2", "111-3")


# --- what only an order's past can tell ----------------------------------------------------------


def test_a_pending_order_that_vanishes_keeps_its_units_for_four_hours(shop):
    pending = an_order("111-1", status=OrderStatus.PENDING, units=3, updated_at=in_days(-0.1))
    shop.orders.put(pending)
    shop.pull()
    gone_at = shop.clock.now()
    shop.orders.change("111-1", status=OrderStatus.CANCELLED, items=(an_item(units=3, unfulfilled_units=0),))
    shop.clock.advance(minutes=30)
    shop.pull()
    shop.pull(OrderWindow(since=in_days(-1)))  # read once more, it is still the same

    def held(now):
        with shop.ledger.transaction() as books:
            return demand_units(books.orders.holding_units(now), now)

    assert held(gone_at + timedelta(hours=3, minutes=59)) == {"CUP-BLUE": 3}
    assert held(gone_at + timedelta(hours=4)) == {}


def test_an_order_that_was_paid_for_and_cancelled_frees_its_units_at_once(shop):
    shop.orders.put(an_order("111-1", updated_at=in_days(-0.1)))
    shop.pull()
    shop.orders.change("111-1", status=OrderStatus.CANCELLED)
    shop.clock.advance(minutes=30)
    shop.pull()
    with shop.ledger.transaction() as books:
        assert books.orders.holding_units(shop.clock.now()) == ()


# --- offers --------------------------------------------------------------------------------------


def test_every_listing_is_read_and_remembered(shop):
    shop.offers.page_size = 2
    for number in range(5):
        shop.offers.list(f"CUP-{number}", number)
    assert shop.pull_offers().observed == 5
    with shop.ledger.transaction() as books:
        seen = books.offers.observed(ACCOUNT)
    assert {sku: one.offer.quantity for sku, one in seen.items()} == {f"CUP-{n}": n for n in range(5)}
    assert shop.last_success("offers") == NOW


def test_a_listing_that_makes_no_sense_is_named_and_the_others_are_read(shop):
    shop.offers.list("CUP-BLUE", 3)
    shop.offers.list("CUP-RED", 3)
    shop.offers.unreadable.add("CUP-RED")
    pulled = shop.pull_offers()
    assert pulled.observed == 1
    assert [failure.what for failure in pulled.failures] == ["listing CUP-RED"]


def test_a_sweep_that_breaks_off_keeps_what_it_saw_and_is_no_success(shop):
    shop.offers.page_size = 2
    for number in range(5):
        shop.offers.list(f"CUP-{number}", number)
    shop.offers.trouble.extend([None, busy("searchListingsItems")])
    with pytest.raises(Throttled):
        shop.pull_offers()
    with shop.ledger.transaction() as books:
        assert len(books.offers.observed(ACCOUNT)) == 2
    assert shop.last_success("offers") is None
