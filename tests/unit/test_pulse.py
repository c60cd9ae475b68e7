"""Signs of life: that orders are read no more is noticed by the clock, not by the reading that fails."""

from datetime import UTC, datetime, timedelta

import pytest
from shop_data import CREDENTIALS, config_text

from fbm_sync import cycle
from fbm_sync.demo.amazon import Amazon
from fbm_sync.demo.clock import SimulatedClock
from fbm_sync.emulator import load_scenario, running
from fbm_sync.pulse import take_pulse
from fbm_sync.settings import load
from fbm_sync.wiring import build

from builders import NOW
from fakes import FakeNotifier

START = datetime(2026, 3, 2, 17, tzinfo=UTC)


def settings(folder, url="http://127.0.0.1:9", pull_minutes=5):
    text = (
        config_text(url, 100.0) + f'\n[daemon]\npull_minutes = {pull_minutes}\n[alerts]\nquiet_hours = ""\n'
    )
    (folder / "fbm_sync.toml").write_text(text)
    return load(folder / "fbm_sync.toml", {})


@pytest.fixture
def live(tmp_path):
    """A shop with its Amazon and a simulated clock: the app, Amazon, the clock, and who is told."""
    (tmp_path / "supply").mkdir()
    (tmp_path / "supply" / "stock.csv").write_text(f"sku,on_hand,counted_at\nCUP,1,{START.isoformat()}\n")
    phone = FakeNotifier()
    scenario = {
        "rate_factor": 100,
        "start_at": START.isoformat(),
        "listings": [{"sku": "CUP", "quantity": 1}],
    }
    with running(load_scenario(scenario)) as url, Amazon(url) as amazon:
        clock = SimulatedClock(amazon, START)
        house = build(
            settings(tmp_path, url), clock=clock, environ=CREDENTIALS, extra_notifiers={"phone": phone}
        )
        with house as app:
            yield app, amazon, clock, phone


LOOK = ("alert", "notify")
"""The daemon's jobs that find trouble and tell of it."""


def tick(app, *jobs):
    """Let the daemon do some of its jobs."""
    turn = cycle.Turn(app, cycle.Wish())
    return turn.only(*(getattr(turn, job) for job in jobs))


def test_while_orders_cannot_be_read_for_hours_people_hear_of_it_once_and_again_when_it_is_over(live):
    app, amazon, clock, phone = live

    def an_hour_passes():
        begun, outcomes = clock.now(), set()
        while clock.now() - begun < timedelta(hours=1):
            clock.pass_time(timedelta(minutes=20))
            outcomes.add(bool(tick(app, "orders").failed))
            tick(app, *LOOK)
        return outcomes

    def told():
        return [one for one in phone.told if "stale_orders" in one[1]]

    assert tick(app, "supply", "orders", *LOOK).failed == []
    read_at = clock.now()
    assert phone.told == []

    amazon._post("faults", {"operation": "searchOrders", "status": 503, "forever": True})
    assert an_hour_passes() == {True}, "no pull comes through"
    assert told() == [("opened", "main:stale_orders:main")]
    assert an_hour_passes() | an_hour_passes() == {True}
    assert told() == [("opened", "main:stale_orders:main")], "hours later it is still the same news"
    (sign,) = take_pulse(app.ledger, ["main"], clock.now(), app.patience)
    assert (sign.alive, sign.read_at <= read_at) == (False, True)

    amazon._post("faults", {"clear": True})
    assert an_hour_passes() == {False}
    assert told() == [("opened", "main:stale_orders:main"), ("resolved", "main:stale_orders:main")]


@pytest.mark.parametrize(("pull_minutes", "minutes"), [(0.5, 60), (5, 60), (20, 60), (30, 90), (1440, 4320)])
def test_orders_that_are_read_rarely_by_intention_are_not_missed_sooner(tmp_path, pull_minutes, minutes):
    app = build(settings(tmp_path, pull_minutes=pull_minutes), environ={})
    assert app.patience == timedelta(minutes=minutes)
    assert app.alert_terms.stale_minutes == minutes


@pytest.mark.parametrize(
    ("age", "alive"),
    [
        (timedelta(0), True),
        (timedelta(minutes=60), True),
        (timedelta(minutes=60, microseconds=1), False),
        (None, False),
    ],
)
def test_an_account_is_alive_while_its_orders_were_read_within_the_patience(live, age, alive):
    ledger = live[0].ledger
    if age is not None:
        with ledger.transaction() as books:
            books.runs.succeeded("pull", "us", "run", NOW - age)
    (sign,) = take_pulse(ledger, ["us"], NOW, timedelta(minutes=60))
    assert sign.alive is alive
    assert sign.read_at == (None if age is None else NOW - age)
    assert "orders of account us were not read completely" in sign.complaint


def test_without_an_address_there_is_no_monitor(tmp_path):
    build(settings(tmp_path), environ={}).sign_of_life()
