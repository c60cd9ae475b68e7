"""The house from its settings: which holidays, which accounts, which channels, and that it closes."""

import dataclasses
from datetime import UTC, date, datetime

import pytest
from shop_data import CREDENTIALS, config_text

from fbm_sync.errors import ConfigError
from fbm_sync.settings import load
from fbm_sync.wiring import SystemClock, build

from fakes import FakeClock, FakeNotifier


@pytest.fixture
def house(tmp_path):
    """Builds the house from the usual config with some words replaced."""

    def build_one(environ=CREDENTIALS, **changes):
        text = config_text("http://127.0.0.1:9", 1.0)
        for before, after in changes.pop("replace", {}).items():
            assert before in text
            text = text.replace(before, after)
        path = tmp_path / "fbm_sync.toml"
        path.write_text(text)
        return build(load(path, {}), clock=FakeClock(), environ=dict(environ), **changes)

    return build_one


def with_holidays(name):
    return {'holidays = ""': f'holidays = "{name}"'}


def test_no_country_has_no_holidays(house):
    assert house().calendar.holidays == frozenset()


def test_a_countrys_holidays_are_known_for_last_year_and_the_years_ahead(house):
    found = house(replace=with_holidays("US")).calendar.holidays
    assert {date(year, 7, 4) for year in (2025, 2026, 2027, 2028)} <= found


def test_a_part_of_a_country_has_its_own(house):
    bavaria = house(replace=with_holidays("DE-BY")).calendar.holidays
    germany = house(replace=with_holidays("DE")).calendar.holidays
    assert date(2026, 1, 6) in bavaria - germany


@pytest.mark.parametrize("name", ["XX", "DE-ZZ"])
def test_an_unknown_country_is_named(house, name):
    with pytest.raises(ConfigError, match=f"calendar.holidays: '{name}'"):
        _ = house(replace=with_holidays(name)).calendar


def test_an_unknown_account_is_named_with_those_there_are(house):
    with pytest.raises(ConfigError, match=r"--account nobody: .*known: main"):
        house().account("nobody")


def test_an_account_without_secrets_names_every_one(house):
    with pytest.raises(ConfigError) as refused:
        house(environ={}).account("main")
    assert [problem.partition(":")[0] for problem in refused.value.problems] == sorted(
        CREDENTIALS, key=list(CREDENTIALS).index
    )


def test_an_account_is_connected_once_and_let_go_at_the_end(house):
    with house() as app:
        first = app.account("main")
        assert app.account("main") is first
        assert dict(app.connected) == {"main": first}
        ledger = app.ledger
    assert dict(app.connected) == {}
    with app:
        assert app.ledger is not ledger, "it can be opened again"


def test_the_log_is_always_a_channel_and_others_join_it(house):
    changes = {"[limits]": '[alerts]\nchannels = ["json://127.0.0.1:9/x"]\n\n[limits]'}
    friend = FakeNotifier()
    app = house(replace=changes, extra_notifiers={"people": friend})
    assert list(app.notifiers) == ["log", "json", "people"]
    assert app.alert_terms.channels == ("json", "people")
    assert app.alert_terms.quiet_hours is not None


def test_without_quiet_hours_nobody_is_spared(house):
    changes = {"[limits]": '[alerts]\nquiet_hours = ""\n\n[limits]'}
    assert house(replace=changes).alert_terms.quiet_hours is None


def test_a_push_by_hand_waits_for_the_proof_and_the_daemon_does_not(house):
    app = house()
    assert app.push_terms().confirm_wait_seconds == 0
    assert app.push_terms(confirm_wait_seconds=9).confirm_wait_seconds == 9
    assert app.push_terms().limits == app.settings.limits


def test_the_lag_is_one_turn_of_each_step_between_order_and_answer(house):
    rhythm = "[daemon]\npull_minutes = 7\nplan_minutes = 11\npush_minutes = 13\n\n[limits]"
    terms = house(replace={"[limits]": rhythm}).shop_terms
    assert (terms.lag_minutes, terms.turn_minutes) == (31, 24)


def test_real_time_is_utc_and_passes():
    clock = SystemClock()
    before = clock.now()
    clock.sleep(0.001)
    assert before < clock.now() <= datetime.now(UTC)


def test_an_account_goes_by_its_own_clock_on_the_days_of_the_house(house):
    before = "push = false"
    app = house(replace={before: f'{before}\ntimezone = "Asia/Tokyo"'} | with_holidays("US"))
    calendars = app.shop_terms.calendars
    assert calendars.of("main") == dataclasses.replace(app.calendar, timezone="Asia/Tokyo")
    assert calendars.of("another") is app.calendar
    assert calendars.house.holidays == calendars.of("main").holidays != frozenset()


def test_an_account_that_names_the_clock_of_the_house_has_no_calendar_of_its_own(house):
    zone = house().calendar.timezone
    app = house(replace={"push = false": f'push = false\ntimezone = "{zone}"'})
    assert app.shop_terms.account_calendars == {}


@pytest.mark.parametrize(("said", "meant"), [("", False), ("split_shipments = true", True)])
def test_orders_leave_complete_unless_the_seller_says_otherwise(house, said, meant):
    assert house(replace={"[limits]": f"[orders]\n{said}\n[limits]"}).shop_terms.split_shipments is meant
