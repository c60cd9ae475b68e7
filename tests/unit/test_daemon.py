"""The daemon's promise: one bad tick is not the end, a lost store is, and its supervisor is told."""

import contextlib
import os
import signal
import socket
import threading
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import structlog
from prometheus_client import generate_latest
from shop_data import CREDENTIALS, config_text

from fbm_sync import cycle
from fbm_sync import daemon as daemons
from fbm_sync.daemon import TURN_SECONDS, Daemon, InterruptibleClock, Stopping, run
from fbm_sync.domain.order import Order, OrderItem, OrderStatus
from fbm_sync.domain.telling import Envelope, Purpose
from fbm_sync.emulator import load_scenario, running
from fbm_sync.errors import ConfigError, RequestRejected, StoreError
from fbm_sync.ports import Failure
from fbm_sync.report import RunReport
from fbm_sync.settings import load
from fbm_sync.summons import Summons, notify_supervisor

from builders import a_step


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Reads the settings of a shop whose daemon listens on a free port; words may be replaced."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with running(load_scenario({"rate_factor": 100, "listings": []})) as url:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        (tmp_path / "supply").mkdir()
        (tmp_path / "supply" / "stock.csv").write_text("sku,on_hand,counted_at\n")
        text = config_text(url, 100.0) + f'\n[daemon]\nlisten = "127.0.0.1:{port}"\n'

        def read(before="", after=""):
            (tmp_path / "fbm_sync.toml").write_text(text.replace(before, after, 1))
            return load(tmp_path / "fbm_sync.toml", {})

        yield read


def ticks(daemon):
    text = generate_latest(daemon.registry).decode()
    counts = (line for line in text.splitlines() if line.startswith("fbm_sync_ticks_total"))
    return {line.split('outcome="')[1].split('"')[0]: float(line.rsplit(" ", 1)[1]) for line in counts}


def failing(error):
    def work():
        raise error

    return work


def test_a_job_that_fails_is_counted_and_the_next_one_runs(settings):
    daemon = Daemon(settings(), Summons())
    with structlog.testing.capture_logs() as told:
        daemon._tick("pull", failing(ZeroDivisionError("a fault of ours")))
        daemon._tick("pull", failing(RequestRejected("no", operation="searchOrders")))
        daemon._tick("pull", lambda: RunReport(failed=[Failure(what="a", why="b", next="c")]))
        daemon._tick("pull", RunReport)
        daemon._tick("pull", failing(Stopping("now")))
    assert ticks(daemon) == {"failed": 3, "ok": 1, "stopped": 1}
    assert [line["event"] for line in told] == ["tick_failed", "tick_failed"]
    assert all(line["log_level"] == "error" for line in told)
    assert daemon.failed is None


def test_the_daemon_tells_what_waits_and_says_so_once(settings):
    daemon = Daemon(settings(), Summons())
    step = a_step()
    with daemon.app as app, structlog.testing.capture_logs() as told:
        with app.ledger.transaction() as books:
            envelope = Envelope(channel="log", transition=step, purpose=Purpose.NEWS, not_before=step.at)
            books.alerts.outbox.enqueue([envelope])
        while not daemon._notify().alerts["sent"]:
            pass
        assert daemon._notify().alerts["sent"] == 0
    events = [line["event"] for line in told]
    assert (events.count("alert_told"), events.count("alerts_told")) == (1, 1)
    assert daemon.registry.get_sample_value("fbm_sync_notifications_total", {"outcome": "sent"}) == 1
    assert daemon.registry.get_sample_value("fbm_sync_notifications_total", {"outcome": "failed"}) == 0


def test_a_job_that_fails_for_ever_does_not_end_the_daemon(settings, monkeypatch):
    tried = threading.Event()

    def broken(_self):
        tried.set()
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr(Daemon, "_pull", broken)
    daemon = Daemon(settings(), Summons())
    alive = threading.Thread(target=daemon.live, args=(lambda: None,))
    alive.start()
    assert tried.wait(10)
    assert alive.is_alive()
    daemon.summons.ask_to_leave()
    alive.join(10)
    assert not alive.is_alive()
    assert daemon.failed is None
    assert ticks(daemon)["failed"] >= 1


def test_a_lost_store_ends_the_daemon(settings, monkeypatch):
    monkeypatch.setattr(Daemon, "_pull", failing_method(StoreError("The disk is gone.")))
    daemon = Daemon(settings(), Summons())
    with pytest.raises(StoreError, match="disk is gone"):
        daemon.live(lambda: None)


def failing_method(error):
    def work(_self):
        raise error

    return work


def test_it_compares_with_amazon_daily_unless_told_not_to(settings):
    usual = Daemon(settings(), Summons())
    never = Daemon(settings("listen", 'verify_at = ""\nlisten'), Summons())
    with usual.app, never.app:
        assert usual._scheduler().get_job("verify") is not None
        assert never._scheduler().get_job("verify") is None
        assert usual._verify().requests == {}, "days count from the first start"


def test_it_only_writes_for_accounts_that_allow_it(settings):
    reading, writing = (
        Daemon(settings(), Summons()),
        Daemon(settings("push = false", "push = true"), Summons()),
    )
    with reading.app, writing.app:
        assert reading._push().requests == {}
        assert writing._push().push["applied"] == 0
        with writing.app.ledger.transaction() as books:
            assert books.runs.last_success("push", "main") is not None
            # Nobody may raise before orders were read, and the daemon says that it is not ready.
            assert books.runs.last_success("pull", "main") is None
        assert writing.not_ready() == ["orders of account main were not read completely yet"]
        writing._pull()
        assert writing.not_ready() == []


def test_it_goes_on_with_what_a_turn_leaves_and_looks_soon_after_what_lies_at_amazon(settings, monkeypatch):
    daemon, turns = Daemon(settings("push = false", "push = true"), Summons()), []

    def push(turn):
        turns.append(turn.wish.turn_seconds)
        turn.report.push.update(left=len(turns) == 1, under_way=len(turns) < 3)

    monkeypatch.setattr(cycle.Turn, "push", push)
    with daemon.app:
        daemon._push()
        assert turns == [TURN_SECONDS] * 2, "the second at once"
        daemon._push()
        assert len(turns) == 2, "its time has not come"
        assert daemon._pushes_again_at - daemon.clock.now() < timedelta(minutes=1)
        daemon._pushes_again_at = daemon.clock.now()
        daemon._push()
        assert len(turns) == 3
        assert daemon._pushes_again_at - daemon.clock.now() > timedelta(minutes=4), "all is proven"


def test_a_monitor_hears_of_each_complete_reading_and_of_no_other(settings, tmp_path):
    daemon, heard = Daemon(settings(), Summons()), []
    daemon.app.__dict__["sign_of_life"] = lambda: heard.append(1)
    with daemon.app:
        daemon._pull()
        daemon._pull()
        assert len(heard) == 2
        with httpx.Client(base_url=daemon.app.settings.accounts[0].endpoint, trust_env=False) as amazon:
            amazon.post("/_emulator/faults", json={"operation": "searchOrders", "status": 400, "count": 1})
            assert daemon._pull().failed
        assert len(heard) == 2
        (tmp_path / "supply" / "stock.csv").write_text("sku,on_hand,counted_at\nCUP,many,today\n")
        begun = daemon.clock.now()
        with pytest.raises(ConfigError):
            daemon._pull()
        assert len(heard) == 2
        with daemon.app.ledger.transaction() as books:
            assert books.runs.last_success("pull", "main") >= begun, "what was sold is seen all the same"


def test_once_a_day_it_forgets_old_history_unless_all_is_to_be_kept(settings):
    keeping = Daemon(settings("[store]", "[store]\nkeep_days = 0"), Summons())
    forgetting = Daemon(settings(), Summons())
    with keeping.app, forgetting.app:
        assert keeping._scheduler().get_job("prune") is None
        job = forgetting._scheduler().get_job("prune")
        assert job.trigger.interval.total_seconds() == 24 * 3600
        past = datetime(2020, 1, 1, tzinfo=UTC)
        with forgetting.app.ledger.transaction() as books:
            books.orders.record([an_old_order(past)])
        report = forgetting._prune()
        assert report.pruned["orders"] == 1
        assert report.as_line()["pruned_orders"] == 1
        with forgetting.app.ledger.transaction() as books:
            assert books.orders.every() == ()


def an_old_order(at):
    item = OrderItem(order_item_id="1", sku="CUP", ordered_units=1, shipped_units=1)
    return Order(
        account="main",
        order_id="111-1",
        status=OrderStatus.SHIPPED,
        created_at=at,
        updated_at=at,
        items=(item,),
    )


def test_a_wait_ends_at_once_when_it_is_time_to_stop():
    clock = InterruptibleClock()
    clock.sleep(0.001)
    clock.stopping.set()
    with pytest.raises(Stopping):
        clock.sleep(3600)


@pytest.mark.parametrize("abstract", [False, True])
def test_the_supervisor_is_told(tmp_path, monkeypatch, abstract):
    name = f"@fbm-sync-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + name[1:] if abstract else name)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        notify_supervisor("WATCHDOG=1")
        assert listener.recv(100) == b"WATCHDOG=1"


def test_a_supervisor_that_is_gone_is_no_trouble(tmp_path, monkeypatch):
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    with structlog.testing.capture_logs() as told:
        notify_supervisor("READY=1")
    assert [line["event"] for line in told] == ["supervisor_not_reached"]


@contextlib.contextmanager
def signals_when_ready(monkeypatch, *numbers):
    """Sends itself one signal for each time the daemon becomes ready."""
    left = list(numbers)

    def notified(state):
        if state == "READY=1":
            os.kill(os.getpid(), left.pop(0))

    monkeypatch.setattr(daemons, "notify_supervisor", notified)
    yield left
    assert left == []


def test_a_new_config_that_shows_its_fault_only_in_use_is_refused_and_the_old_one_kept(settings, monkeypatch):
    good = settings()
    versions = [good, settings('holidays = ""', 'holidays = "XX"')]
    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]
    with (
        structlog.testing.capture_logs() as told,
        signals_when_ready(monkeypatch, signal.SIGHUP, signal.SIGTERM),
    ):
        run(lambda: versions.pop(0))
    (refusal,) = [line for line in told if line["event"] == "config_refused"]
    assert "calendar.holidays" in refusal["problems"][0]
    assert [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)] == handlers


def test_a_config_that_cannot_be_read_is_refused_and_the_old_one_kept(settings, monkeypatch):
    versions = [settings(), ConfigError(["fbm_sync.toml: store.url: missing"]), settings()]

    def read():
        found = versions.pop(0)
        if isinstance(found, ConfigError):
            raise found
        return found

    with (
        structlog.testing.capture_logs() as told,
        signals_when_ready(monkeypatch, signal.SIGHUP, signal.SIGHUP, signal.SIGTERM),
    ):
        run(read)
    events = [line["event"] for line in told if line["event"].startswith("config_")]
    assert events == ["config_refused", "config_reloaded"]


def test_a_first_config_that_cannot_be_used_ends_the_start(settings):
    with pytest.raises(ConfigError, match=r"calendar\.holidays"):
        run(lambda: settings('holidays = ""', 'holidays = "XX"'))


def test_a_request_that_hangs_does_not_keep_the_daemon_from_leaving(settings, monkeypatch):
    ended, ready, hanging = [], threading.Event(), threading.Event()

    def hang(_self):
        assert ready.wait(20)
        os.kill(os.getpid(), signal.SIGTERM)
        hanging.wait(20)
        return RunReport()

    monkeypatch.setattr(daemons, "_STOP_SECONDS", 0.1)
    monkeypatch.setattr(daemons, "_leave_at_once", lambda: ended.append(True))
    monkeypatch.setattr(daemons, "notify_supervisor", lambda state: ready.set())
    monkeypatch.setattr(Daemon, "_pull", hang)
    try:
        run(settings)
    finally:
        hanging.set()
    assert ended == [True]


def test_a_wish_to_stop_is_not_lost_in_a_reload(settings, monkeypatch):
    lives = []

    def notified(state):
        if state == "READY=1":
            lives.append(state)
            os.kill(os.getpid(), signal.SIGHUP)
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(daemons, "notify_supervisor", notified)
    run(settings)
    assert lives == ["READY=1"]


def test_a_wish_to_stop_while_the_config_is_read_again_is_heard(settings, monkeypatch):
    good, lives = settings(), []

    def read():
        if lives:
            os.kill(os.getpid(), signal.SIGTERM)
        return good

    def notified(state):
        if state == "READY=1":
            lives.append(state)
            os.kill(os.getpid(), signal.SIGHUP)

    monkeypatch.setattr(daemons, "notify_supervisor", notified)
    run(read)
    assert lives == ["READY=1"]
