"""What a run will cost is said before it runs, in the order of work and by account."""

import contextlib
from datetime import timedelta

import pytest
from shop_data import CREDENTIALS, SELLER_ID, config_text

from fbm_sync import cycle
from fbm_sync.domain.order import OrderStatus
from fbm_sync.estimate import estimate
from fbm_sync.ports import CatchUp
from fbm_sync.settings import load
from fbm_sync.wiring import build

from builders import NOW, an_order
from fakes import FakeClock

SECRETS = CREDENTIALS | {name.replace("MAIN", "SECOND"): value for name, value in CREDENTIALS.items()}
NOBODY = "http://127.0.0.1:9"
DAY = timedelta(days=1)


@pytest.fixture
def house(tmp_path):
    """Two accounts that nobody answers: an estimate asks Amazon nothing."""
    config = config_text(NOBODY, 1.0)
    table = config[config.index("[[accounts]]") : config.index("[supply]")]
    second = table.replace("main", "second").replace(SELLER_ID, "A2SECOND")
    (tmp_path / "fbm_sync.toml").write_text(config.replace("[supply]", f"{second}[supply]"))
    with contextlib.ExitStack() as stack:
        settings = load(tmp_path / "fbm_sync.toml", {})
        yield stack.enter_context(build(settings, clock=FakeClock(), environ=SECRETS))


def known(app, account, *, orders=0, still_open=0, days_ago=0):
    """Record orders of the last two weeks, and how far they were read."""
    with app.ledger.transaction() as books:
        books.orders.record(
            [
                an_order(
                    f"111-{number}",
                    account=account,
                    created_at=NOW - 14 * DAY * number / orders,
                    updated_at=NOW - 14 * DAY * number / orders,
                    status=OrderStatus.UNSHIPPED if number < still_open else OrderStatus.SHIPPED,
                )
                for number in range(orders)
            ]
        )
        books.orders.advance_watermark(account, NOW - days_ago * DAY)


def test_a_span_that_is_read_at_once_is_one_step(house):
    known(house, "main", orders=140)
    found = estimate(house, cycle.Wish(accounts=["main"], only="orders"))
    assert [(step.what, step.operation, step.calls) for step in found.steps] == [
        ("orders", "searchOrders", 1)
    ]
    assert (found.seconds, found.notes) == (0.0, ())


def test_a_long_silence_is_caught_up_with_open_orders_first(house):
    known(house, "main", orders=1_400, still_open=120, days_ago=20)
    found = estimate(house, cycle.Wish(accounts=["main"], only="orders"))
    assert [step.what for step in found.steps if step.operation == "searchOrders"] == [
        "open orders",
        "latest changes",
        "past orders",
    ]
    assert found.steps[0].calls == 3, "the page that tells how long it is, then two of open orders"
    assert found.steps[0].done_after_seconds == 0.0
    assert found.seconds == found.steps[-1].done_after_seconds > 1_000
    assert "need not be waited for" in found.notes[0]


def test_what_is_left_of_a_catch_up_is_counted(house):
    known(house, "main", orders=140)
    with house.ledger.transaction() as books:
        span = {"since": NOW - 30 * DAY, "until": NOW - DAY, "fresh_up_to": NOW, "begun_at": NOW}
        begun = CatchUp(**span, joins=True, slice_span=10 * DAY, moved_at=NOW, open_read=True)
        books.catch_ups.save("main", begun)
        books.catch_ups.want("main", ["111-1", "111-2"])
    found = estimate(house, cycle.Wish(accounts=["main"], only="orders"))
    assert ("orders by id", 2) in [(step.what, step.calls) for step in found.steps]
    assert "open orders" not in [step.what for step in found.steps]


def test_accounts_take_their_time_side_by_side(house):
    for account in ("main", "second"):
        known(house, account, orders=1_400, days_ago=20)
    both = estimate(house, cycle.Wish(only="orders"))
    one = estimate(house, cycle.Wish(accounts=["main"], only="orders"))
    assert both.seconds == pytest.approx(one.seconds)
    (pages,) = (call for call in both.operations if call.operation == "searchOrders")
    (alone,) = (call for call in one.operations if call.operation == "searchOrders")
    assert (pages.calls, pages.seconds) == (2 * alone.calls, pytest.approx(alone.seconds))


def test_orders_by_id_are_counted_one_by_one(house):
    found = estimate(house, cycle.Wish(accounts=["main"], order_ids=["111-1", "111-2"]))
    assert found.as_json() == {
        "operations": [{"operation": "getOrder", "calls": 2, "seconds": 0.0}],
        "seconds": 0.0,
    }
