"""Amazon's notifications from end to end: the emulated Amazon, a real queue on loopback, a turn."""

import contextlib
import json
import threading

import httpx
import pytest
import structlog
from prometheus_client import generate_latest
from shop_data import CREDENTIALS, MARKETPLACE_ID, SELLER_ID, config_text

from fbm_sync import cycle
from fbm_sync.adapters.queue.sqs import SqsHints
from fbm_sync.daemon import Daemon
from fbm_sync.emulator import load_scenario, running
from fbm_sync.errors import ConfigError
from fbm_sync.settings import load
from fbm_sync.summons import Summons
from fbm_sync.wiring import build

from notices import account_status, feed_finished, order_change
from queues import AWS_ENVIRONMENT, new_queue, running_sqs

BRIDGE = {"event_bridge_region": "us-east-1", "event_bridge_account": "123456789012"}


@pytest.fixture(scope="module")
def sqs():
    with running_sqs() as endpoint:
        yield endpoint


class Shop:
    """A shop whose account has a queue, the Amazon that fills it, and the queue's owner."""

    def __init__(self, app, url, queue, events):
        self.app, self.queue, self.events = app, queue, events
        self.http = httpx.Client(base_url=url, trust_env=False)

    def control(self, what, body=None):
        path = f"/_emulator/{what}"
        answer = self.http.get(path) if body is None else self.http.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def set_up(self):
        found = self.app.account("main").subscriptions.setup(self.app.wanted_notifications("main"))
        assert all(one.is_good for one in found)

    def sell(self, sku="CUP"):
        (placed,) = self.control("orders", {"place": [{"items": [{"sku": sku, "quantity": 1}]}]})["place"]
        self.control("notifications", {"flush": True})
        return placed["order_id"]

    def turn(self, step):
        turn = cycle.Turn(self.app, cycle.Wish())
        return turn.only(getattr(turn, step))

    def reads(self, operation):
        return sum(one["operation"] == operation for one in self.control("requests")["requests"])

    def recorded(self):
        with self.app.ledger.transaction() as books:
            return {order.order_id for order in books.orders.every()}

    def observed(self):
        with self.app.ledger.transaction() as books:
            return {sku: seen.offer.quantity for sku, seen in books.offers.observed("main").items()}


@pytest.fixture
def open_shop(tmp_path, monkeypatch, sqs):
    """Opens a shop; words say what is special about its Amazon."""
    for name, value in (AWS_ENVIRONMENT | CREDENTIALS).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(SqsHints.__init__.__kwdefaults__, "wait_seconds", 0)
    with contextlib.ExitStack() as stack:

        def open_one(*, own_events=True, **scenario):
            queue, events = new_queue(sqs, "hints"), new_queue(sqs, "events")
            usual = {
                "seller_id": SELLER_ID,
                "marketplace_id": MARKETPLACE_ID,
                "rate_factor": 1000,
                "apply_seconds": 0,
                "listings": [{"sku": "CUP", "quantity": 30}, {"sku": "MUG", "quantity": 5}],
                "event_bridge_queue": events.url if own_events else queue.url,
            }
            url = stack.enter_context(running(load_scenario(usual | scenario, sqs_endpoint=sqs)))
            table = {"queue": queue.url, "queue_arn": queue.arn} | BRIDGE
            table |= {"events_queue": events.url} if own_events else {}
            lines = "\n".join(f"{key} = {value!r}" for key, value in table.items())
            text = config_text(url, 1000.0).replace(
                "[supply]", f"[accounts.notifications]\n{lines}\n\n[supply]"
            )
            (tmp_path / "fbm_sync.toml").write_text(text)
            app = stack.enter_context(build(load(tmp_path / "fbm_sync.toml", {})))
            shop = Shop(app, url, queue, events)
            stack.callback(shop.http.close)
            return shop

        yield open_one


@pytest.fixture
def shop(open_shop):
    """A shop that has subscribed to everything."""
    opened = open_shop()
    opened.set_up()
    return opened


def test_an_order_that_was_just_placed_is_stored_without_any_sweep(shop):
    order_id = shop.sell()
    report = shop.turn("hints")
    assert shop.recorded() == {order_id}
    assert report.failed == []
    assert report.hints["orders"] == 1
    assert report.hinted_at.keys() == {"main"}
    assert (shop.reads("getOrder"), shop.reads("searchOrders")) == (1, 0)
    assert shop.queue.waiting() == 0


def test_a_sale_and_its_listing_are_both_seen_at_once(shop):
    shop.sell("MUG")
    report = shop.turn("hints")
    assert shop.observed() == {"MUG": 4}
    assert (report.hints["orders"], report.hints["listings"]) == (1, 1)
    assert shop.reads("getListingsItem") == 1


def test_one_queue_may_serve_for_everything(open_shop):
    shop = open_shop(own_events=False)
    shop.set_up()
    order_id = shop.sell("MUG")
    shop.turn("hints")
    assert (shop.recorded(), shop.observed()) == ({order_id}, {"MUG": 4})
    assert [queue.url for queue in shop.app.hint_sources("main")] == [shop.queue.url]


def test_an_order_that_is_told_twice_is_read_once(open_shop):
    shop = open_shop(notifications_duplicated=1.0)
    shop.set_up()
    order_id = shop.sell()
    report = shop.turn("hints")
    shop.turn("hints")
    assert report.hints["received"] > 2
    assert shop.recorded() == {order_id}
    assert shop.reads("getOrder") == 1


def test_an_order_nobody_told_of_is_found_by_the_sweep(open_shop):
    shop = open_shop(notifications_lost=1.0)
    shop.set_up()
    order_id = shop.sell()
    assert shop.turn("hints").hints["received"] == 0
    assert shop.recorded() == set()
    shop.control("advance", {"seconds": 180})
    shop.turn("orders")
    assert shop.recorded() == {order_id}


def test_amazons_word_on_the_account_is_logged_and_a_foreign_sellers_hint_is_not_followed(shop):
    shop.queue.send(account_status("AT_RISK", "NORMAL"))
    shop.queue.send(order_change("111-1", seller="A9SOMEONE"))
    with structlog.testing.capture_logs() as told:
        report = shop.turn("hints")
    (line,) = [one for one in told if one["event"] == "account_status_told"]
    assert (line["status"], line["former"], line["log_level"]) == ("AT_RISK", "NORMAL", "warning")
    assert report.hints["ignored"] == 1
    assert shop.reads("getOrder") == 0


def test_whoever_waits_for_a_feed_or_a_report_is_told_that_it_is_finished(shop, monkeypatch):
    account, told = shop.app.account("main"), []
    monkeypatch.setattr(account.feeds, "finished", lambda job: told.append(("feed", job)))
    monkeypatch.setattr(account.reports, "finished", lambda job: told.append(("report", job)))
    shop.queue.send(feed_finished("7"))
    report = json.loads(json.dumps(feed_finished("8")).replace("FEED_", "REPORT_").replace("feed", "report"))
    shop.queue.send(report)
    shop.turn("hints")
    assert sorted(told) == [("feed", "7"), ("report", "8")]


def test_an_account_without_a_queue_has_nothing_to_do(shop, tmp_path):
    text = (tmp_path / "fbm_sync.toml").read_text()
    start, end = text.index("[accounts.notifications]"), text.index("[supply]")
    (tmp_path / "fbm_sync.toml").write_text(text[:start] + text[end:])
    settings = load(tmp_path / "fbm_sync.toml", {})
    with build(settings) as app:
        turn = cycle.Turn(app, cycle.Wish())
        assert turn.only(turn.hints).hints["received"] == 0
        assert app.hint_sources("main") == ()
        assert app.wanted_notifications("main") is None
    jobs = {job.id for job in Daemon(settings, Summons())._scheduler().get_jobs()}
    assert jobs == {"pull", "offers", "plan", "push", "alert", "notify", "performance", "prune", "verify"}


def test_a_queue_that_is_gone_is_a_failure_of_this_turn_alone(shop):
    shop.queue.client.delete_queue(QueueUrl=shop.queue.url)
    (failure,) = shop.turn("hints").failed
    assert failure.what == "hints of account main"
    assert "there is no such queue" in failure.why
    assert "Make the queue" in failure.next


def test_the_daemon_looks_at_hints_in_a_rhythm_of_its_own_and_counts_them(shop):
    order_id = shop.sell()
    daemon = Daemon(shop.app.settings, Summons())
    jobs = {job.id: job.trigger.interval.total_seconds() for job in daemon._scheduler().get_jobs()}
    assert jobs["hints"] == 60
    with daemon.app:
        daemon._tick("hints", daemon._look_at_hints)
    assert shop.recorded() == {order_id}
    text = generate_latest(daemon.registry).decode()
    (received,) = [line for line in text.splitlines() if line.startswith("fbm_sync_hints_total")]
    assert float(received.split()[1]) >= 1
    assert 'fbm_sync_last_hint_timestamp_seconds{account="main"}' in text
    assert 'fbm_sync_ticks_total{job="hints",outcome="ok"} 1.0' in text


def test_the_daemon_does_not_start_without_the_library_its_queue_needs(shop, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "boto3", None)
    with pytest.raises(ConfigError, match=r"pip install 'fbm-sync\[notifications\]'"):
        Daemon(shop.app.settings, Summons()).live(threading.Event().set)
