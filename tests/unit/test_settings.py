"""The configuration file: what it means, and every way in which it is refused."""

import dataclasses
import json
from datetime import date, time
from pathlib import Path

import pytest

from fbm_sync.domain.change import PushLimits
from fbm_sync.domain.channel import Channel
from fbm_sync.domain.policy import BackorderKind, BackorderPolicy, Lever
from fbm_sync.domain.supply import LotStatus
from fbm_sync.errors import ConfigError
from fbm_sync.settings import MARKETPLACES, Region, find_config, load

ACCOUNT = """
[[accounts]]
name = "main"
seller_id = "A1EXAMPLE"
marketplaces = ["ATVPDKIKX0DER"]
"""


def an_account(**changes):
    options = {"name": '"main"', "seller_id": '"A1EXAMPLE"', "marketplaces": '["ATVPDKIKX0DER"]', **changes}
    lines = [f"{key} = {value}" for key, value in options.items() if value is not None]
    return "\n".join(["[[accounts]]", *lines, ""])


@pytest.fixture
def config(tmp_path):
    """Write a configuration file and return its path."""

    def write(text):
        path = tmp_path / "fbm_sync.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.fixture
def problems(config):
    """Return what is wrong with a configuration."""

    def of(text, environ=None):
        with pytest.raises(ConfigError) as refusal:
            load(config(text), environ or {})
        return list(refusal.value.problems)

    return of


def test_an_account_is_all_a_seller_has_to_write(config, tmp_path):
    settings = load(config(ACCOUNT), {})

    (account,) = settings.accounts
    assert account.endpoint == "https://sellingpartnerapi-na.amazon.com"
    assert account.token_endpoint == "https://api.amazon.com/auth/o2/token"
    assert (account.region, account.currency) == (Region.NORTH_AMERICA, "USD")
    assert account.push is False
    assert account.automated_handling_time == "unknown"
    assert settings.store_url == f"sqlite:///{tmp_path}/fbm_sync.db"
    assert settings.supply.directory == tmp_path / "supply"
    assert settings.policies == {"default": BackorderPolicy()}
    assert settings.limits == PushLimits()
    assert settings.alerts.quiet_hours == (time(22), time(7))
    assert (settings.daemon.host, settings.daemon.port) == ("127.0.0.1", 9464)
    assert (settings.orders.first_days, settings.orders.overlap_minutes) == (30, 10)
    assert (settings.health.lsr_by, settings.health.cr_by) == ("ship_by", "created")


def test_the_calendar_becomes_ship_days(config):
    calendar = load(
        config(
            ACCOUNT + '[calendar]\ntimezone = "Europe/Berlin"\nship_days = ["tue", "sat"]\n'
            'holidays = "DE-BY"\ncut_off = "09:30"'
        ),
        {},
    ).calendar

    ship_calendar = calendar.ship_calendar()
    assert calendar.holidays == "DE-BY"
    assert ship_calendar.weekdays == {1, 5}
    assert (ship_calendar.timezone, ship_calendar.cut_off) == ("Europe/Berlin", time(9, 30))


def test_a_named_policy_takes_from_the_default_what_it_leaves_out(config):
    policies = load(
        config(
            ACCOUNT
            + '[policy.default]\nconfidence = 0.9\nlate_risk = 0.1\nmax_cash = "2500.00"\nmax_units = 7\n'
            '[policy.lamps]\nbackorder = "backorder"\nmax_units = 20\nfirm_statuses = ["customs"]\n'
            'excluded_categories = ["Toys "]\nlate_order_cost = "0.07"\n'
        ),
        {},
    ).policies

    assert policies["lamps"] == BackorderPolicy(
        name="lamps",
        backorder=BackorderKind.BACKORDER,
        confidence=0.9,
        late_risk=0.1,
        max_cash_minor=250_000,
        late_order_cost_minor=7,
        max_units=20,
        firm_statuses=frozenset({LotStatus.CUSTOMS}),
        excluded_categories=frozenset({"toys"}),
    )
    assert policies["default"].max_units == 7
    with pytest.raises(TypeError):
        policies["more"] = BackorderPolicy()


def test_an_empty_text_switches_a_gate_off_like_a_zero(config):
    policy = load(
        config(ACCOUNT + '[policy.default]\nmin_receipts = ""\nmax_demand_cv = ""\nexcluded_categories = ""'),
        {},
    ).policies["default"]

    assert (policy.min_receipts, policy.max_demand_cv, policy.excluded_categories) == (0, 0, frozenset())


@pytest.mark.parametrize(
    ("marketplaces", "region", "currency"),
    [
        ('["A1PA6795UKMFR9", "A1F83G8C2ARO7P"]', "eu", "EUR"),
        ('["A1VC38T7YXB528"]', "fe", "JPY"),
        ('["A2EUQ1WTGCTBG2", "ATVPDKIKX0DER"]', "na", "CAD"),
    ],
)
def test_the_endpoint_follows_the_region_of_the_marketplaces(config, marketplaces, region, currency):
    (account,) = load(config(an_account(marketplaces=marketplaces)), {}).accounts

    assert account.endpoint == f"https://sellingpartnerapi-{region}.amazon.com"
    assert account.currency == currency


def test_every_marketplace_stands_under_its_own_id():
    assert len(MARKETPLACES) == 23
    assert all(key == entry.marketplace_id for key, entry in MARKETPLACES.items())
    assert len({entry.country for entry in MARKETPLACES.values()}) == len(MARKETPLACES)


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:8080",
        "http://localhost:1",
        "http://[::1]:9",
        "http://127.9.9.9",
        "https://example.com",
    ],
)
def test_plain_http_is_allowed_where_nobody_can_listen_in(config, address):
    (account,) = load(
        config(an_account(endpoint=f'"{address}/"', token_endpoint=f'"{address}/t"')), {}
    ).accounts

    assert (account.endpoint, account.token_endpoint) == (address, f"{address}/t")


@pytest.mark.parametrize(
    ("url", "resolved"),
    [
        ("sqlite:///data/shop.db", "sqlite:///{folder}/data/shop.db"),
        ("sqlite:///../shop.db?timeout=5", "sqlite:///{parent}/shop.db?timeout=5"),
        ("sqlite:////var/lib/shop.db", "sqlite:////var/lib/shop.db"),
        ("postgresql+psycopg://u@db/shop", "postgresql+psycopg://u@db/shop"),
        ("env:SHOP_DB", "postgresql+psycopg://u:pw@db/shop"),
        ("${SHOP_DB}", "postgresql+psycopg://u:pw@db/shop"),
    ],
)
def test_the_database_lies_beside_the_config_unless_said_otherwise(config, tmp_path, url, resolved):
    environ = {"SHOP_DB": "postgresql+psycopg://u:pw@db/shop"}

    settings = load(config(f'{ACCOUNT}[store]\nurl = "{url}"'), environ)

    assert settings.store_url == resolved.format(folder=tmp_path, parent=tmp_path.parent)
    assert "pw" not in repr(settings)


def test_relative_paths_count_from_the_file_and_not_from_the_working_folder(config, monkeypatch, tmp_path):
    path = config(ACCOUNT + '[supply]\ndirectory = "stock"')
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)

    assert load(Path("../fbm_sync.toml"), {}).supply.directory == tmp_path / "stock"
    assert load(path, {}).store_url == f"sqlite:///{tmp_path}/fbm_sync.db"


def test_channels_come_from_the_file_or_the_environment_under_names_without_secrets(config):
    channels = load(
        config(
            ACCOUNT + "[alerts]\nchannels = "
            '["env:ALERT_MAIL", "${ALERT_MAIL}", "json://host/secret", "json://other", "log://x"]'
        ),
        {"ALERT_MAIL": "mailtos://me:password@example.com"},
    ).alerts.channels

    assert [channel.name for channel in channels] == ["alert_mail", "alert_mail-2", "json", "json-2", "log-2"]
    assert channels[0].url == "mailtos://me:password@example.com"
    assert "password" not in repr(channels)
    assert "secret" not in repr(channels)


def test_quiet_hours_can_be_switched_off(config):
    assert load(config(ACCOUNT + '[alerts]\nquiet_hours = ""'), {}).alerts.quiet_hours is None


@pytest.mark.parametrize(
    ("listen", "expected"),
    [("0.0.0.0:80", ("0.0.0.0", 80)), ("[::1]:9", ("::1", 9)), ("localhost:0", ("localhost", 0))],
)
def test_the_daemon_listens_where_it_is_told(config, listen, expected):
    daemon = load(config(f'{ACCOUNT}[daemon]\nlisten = "{listen}"\npull_minutes = 0.5'), {}).daemon

    assert (daemon.host, daemon.port) == expected
    assert daemon.pull_minutes == 0.5


MONITOR = "https://hc-ping.example/hush?x=1"


@pytest.mark.parametrize(
    ("written", "environ", "url"),
    [
        ("", {}, ""),
        ("env:PING", {"PING": MONITOR}, MONITOR),
        ("${PING}", {"PING": MONITOR}, MONITOR),
        ("http://127.0.0.1:8000/ping", {}, "http://127.0.0.1:8000/ping"),
        ("https://me:pw@hc-ping.example/", {}, "https://me:pw@hc-ping.example/"),
    ],
)
def test_a_monitor_is_asked_for_under_an_address_that_is_never_shown(config, written, environ, url):
    settings = load(config(f'{ACCOUNT}[daemon]\nping_url = "{written}"'), environ)

    assert settings.daemon.ping_url == url
    assert "hush" not in repr(settings)
    assert "pw@" not in repr(settings)


@pytest.mark.parametrize(
    "address",
    [
        "http://hc-ping.example/hush",
        "ftp://hc-ping.example/hush",
        "https:///hush",
        "https://host/hu sh",
        "https://host/hush\nhush",
        "https://host:port/hush",
        "hush",
    ],
)
def test_a_monitors_address_that_would_betray_it_is_refused_without_being_shown(problems, address):
    told = [
        *problems(f"{ACCOUNT}[daemon]\nping_url = {json.dumps(address)}"),
        *problems(f'{ACCOUNT}[daemon]\nping_url = "env:PING"', {"PING": address}),
    ]

    assert len(told) == 2
    assert all(one.startswith("fbm_sync.toml: daemon.ping_url: not an address") for one in told)
    assert "hu" not in "".join(told)


def test_a_monitors_address_that_is_not_in_the_environment_is_asked_for(problems):
    (told,) = problems(f'{ACCOUNT}[daemon]\nping_url = "env:PING"')

    assert told == "fbm_sync.toml: daemon.ping_url: the environment variable PING is not set"


def test_a_file_saved_by_windows_notepad_is_read(config):
    text = ACCOUNT.replace("\n", "\r\n").encode("utf-8-sig")

    assert load(config(text), {}).accounts[0].name == "main"


def test_settings_cannot_be_changed(config):
    settings = load(config(ACCOUNT), {})

    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.accounts[0].push = True


# --- refusals ----------------------------------------------------------------------------------------

REFUSALS = [
    # (what is added to a sound file, the place, a part of the reason)
    ("[policy.default]\nconfidence = 1.5", "policy.default.confidence", "1.5 is not allowed; write a number"),
    ("[policy.default]\nconfidence = 1", "policy.default.confidence", "from 0.5 to below 1"),
    ("[policy.default]\nconfidence = nan", "policy.default.confidence", "NaN is not allowed"),
    ('[policy.default]\nconfidence = "high"', "policy.default.confidence", '"high" is not allowed'),
    (
        "[policy.default]\nconfidense = 0.9",
        "policy.default.confidense",
        "unknown key; did you mean confidence?",
    ),
    ("[policy.lamps]\nmax_unit = 3", "policy.lamps.max_unit", "did you mean max_units?"),
    (
        '[policy.default]\nbackorder = "always"',
        "policy.default.backorder",
        '"never", "backorder" or "preorder"',
    ),
    ('[policy.default]\nlever = "price"', "policy.default.lever", '"restock_date" or "handling_time"'),
    ("[policy.default]\nhandling_days = 31", "policy.default.handling_days", "from 0 to 30"),
    ("[policy.default]\nhandling_days = 1.5", "policy.default.handling_days", "1.5 is not allowed"),
    ("[policy.default]\nreceiving_days = -1", "policy.default.receiving_days", "-1 is not allowed"),
    ("[policy.default]\nhalf_life_receipts = -1", "policy.default.half_life_receipts", "0 or more"),
    ("[policy.default]\nreopen_units = 0", "policy.default.reopen_units", "1 or more"),
    ("[policy.default]\nlatency_risk = 1.5", "policy.default.latency_risk", "from 0 to 1"),
    ("[policy.default]\nmax_listed = true", "policy.default.max_listed", "true is not allowed"),
    ("[policy.default]\nmin_margin = 1.2", "policy.default.min_margin", "from 0 to 1"),
    (
        '[policy.default]\nfirm_statuses = ["sailing"]',
        "policy.default.firm_statuses",
        '"sailing" is not allowed',
    ),
    ("[policy.default]\nmax_cash = 2500", "policy.default.max_cash", 'in quotes, like "2500.00"'),
    ('[policy.default]\nmax_cash = "1.999"', "policy.default.max_cash", "is not an amount"),
    ('[policy.default]\nlate_order_cost = "6,00"', "policy.default.late_order_cost", "is not an amount"),
    ('[policy.default]\nmax_cash = "-1"', "policy.default.max_cash", "is not an amount"),
    ("[policy]\ndefault = 3", "policy.default", "write a table"),
    ('[policy."big lamps"]', "policy.big lamps", "letters, digits"),
    ("policy = 3", "policy", "write a table"),
    ("[limits]\nmax_changed_share = 2", "limits.max_changed_share", "from 0 to 1"),
    ("[limits]\nmax_raised_share = -1", "limits.max_raised_share", "from 0 to 1000"),
    ("[limits]\nmax_lengthened_share = 2", "limits.max_lengthened_share", "from 0 to 1"),
    ("[limits]\nmax_order_age_minutes = 0", "limits.max_order_age_minutes", "1 or more"),
    ("[limits]\npull_minutes = 5", "limits.pull_minutes", "it belongs in [daemon]"),
    ('[calendar]\ntimezone = "Mars/Olympus"', "calendar.timezone", "is not a time zone"),
    ('[calendar]\ntimezone = "../etc/passwd"', "calendar.timezone", "is not a time zone"),
    ('[orders]\nsplit_shipments = "no"', "orders.split_shipments", "write true or false"),
    ("[calendar]\nship_days = []", "calendar.ship_days", "at least one of mon"),
    ('[calendar]\nship_days = ["monday"]', "calendar.ship_days", '"monday" is not allowed'),
    ('[calendar]\nholidays = "usa"', "calendar.holidays", 'a country like "US"'),
    ('[calendar]\ncut_off = "2pm"', "calendar.cut_off", "is not a time of day"),
    ('[calendar]\ncut_off = "24:00"', "calendar.cut_off", "is not a time of day"),
    ("[calendar]\ncut_off = 14:00:00", "calendar.cut_off", "a time of day in quotes"),
    ('[alerts]\nquiet_hours = "22:00"', "alerts.quiet_hours", "is not a span of time"),
    ('[alerts]\nquiet_hours = "22:00-7"', "alerts.quiet_hours", "is not a time of day"),
    ('[alerts]\nquiet_hours = "22:00-22:00"', "alerts.quiet_hours", "begins and ends"),
    ("[alerts]\nlate_probability = 0", "alerts.late_probability", "between 0 and 1"),
    ('[alerts]\nchannels = ["env:NO_SUCH"]', "alerts.channels", "NO_SUCH is not set"),
    ('[alerts]\nchannels = ["slack.com/secret"]', "alerts.channels", "is not an address"),
    ('[alerts]\nchannels = ["json://${HOST}/x"]', "alerts.channels", "must be the whole text"),
    ('[alerts]\nchannels = "json://x"', "alerts.channels", "write a list"),
    ('[supply]\nkind = "sql"', "supply.kind", 'is not available yet; use "csv"'),
    ('[supply]\nkind = "http"', "supply.kind", 'is not available yet; use "csv"'),
    ('[supply]\nkind = "xlsx"', "supply.kind", 'write "csv"'),
    ('[supply]\ndirectory = ""', "supply.directory", "a folder"),
    ('[store]\nurl = "mysql://u:pw@h/x"', "store.url", "is not a database that can be used"),
    ('[store]\nurl = "postgresql://u@h/x"', "store.url", "postgresql+psycopg://"),
    ('[store]\nurl = "sqlite://"', "store.url", "needs a file"),
    ('[store]\nurl = "sqlite:///:memory:"', "store.url", "needs a file"),
    ('[store]\nurl = "env:NO_SUCH"', "store.url", "NO_SUCH is not set"),
    ('[daemon]\nlisten = "9464"', "daemon.listen", "is not an address"),
    ('[daemon]\nlisten = "127.0.0.1:70000"', "daemon.listen", "is not an address"),
    ('[daemon]\nverify_at = "4 am"', "daemon.verify_at", "is not a time of day"),
    ("[daemon]\npull_minutes = 0", "daemon.pull_minutes", "above 0"),
    ("[orders]\nfirst_days = 0", "orders.first_days", "from 1 to 730"),
    ("[orders]\noverlap_minutes = -1", "orders.overlap_minutes", "from 0 to 1440"),
    ('[health]\nlsr_by = "paid"', "health.lsr_by", '"ship_by", "created" or "shipped"'),
    ("stor = 3", "stor", "did you mean store?"),
    ("wholly = 3", "wholly", "known here are store, accounts"),
    ("daemon = 3", "daemon", "write a table"),
]


@pytest.mark.parametrize(("added", "place", "reason"), REFUSALS, ids=[entry[0] for entry in REFUSALS])
def test_a_fault_is_named_with_place_value_and_what_is_allowed(problems, added, place, reason):
    text = f"{added}\n{ACCOUNT}" if not added.startswith("[") else f"{ACCOUNT}{added}"

    (problem,) = problems(text)

    assert problem.startswith(f"fbm_sync.toml: {place}: ")
    assert reason in problem


ACCOUNT_REFUSALS = [
    ({"name": '"Main Shop"'}, "accounts number 1.name", "small letters"),
    ({"name": None}, "accounts number 1.name", "missing; write small letters"),
    ({"seller_id": None}, "accounts.main.seller_id", "missing; write the merchant token"),
    ({"seller_id": '"a1"'}, "accounts.main.seller_id", '"a1" is not allowed'),
    ({"marketplaces": "[]"}, "accounts.main.marketplaces", "a list of marketplace ids"),
    ({"marketplaces": '["US"]'}, "accounts.main.marketplaces", "ATVPDKIKX0DER (US)"),
    (
        {"marketplaces": '["ATVPDKIKX0DER", "A1PA6795UKMFR9"]'},
        "accounts.main.marketplaces",
        "US (na), DE (eu) are in different regions",
    ),
    ({"endpoint": '"http://example.com"'}, "accounts.main.endpoint", "unencrypted"),
    ({"endpoint": '"http://127.0.0.1.example.com"'}, "accounts.main.endpoint", "unencrypted"),
    ({"endpoint": '"ftp://example.com"'}, "accounts.main.endpoint", "begins with https://"),
    ({"endpoint": '"https://"'}, "accounts.main.endpoint", "begins with https://"),
    ({"endpoint": '"https://host:port"'}, "accounts.main.endpoint", "begins with https://"),
    ({"endpoint": '"https://[half"'}, "accounts.main.endpoint", "begins with https://"),
    ({"endpoint": '"https://u:pw@host"'}, "accounts.main.endpoint", "leave the rest away"),
    ({"endpoint": '"https://host/?a=b"'}, "accounts.main.endpoint", "leave the rest away"),
    ({"token_endpoint": '"http://example.com/t"'}, "accounts.main.token_endpoint", "unencrypted"),
    (
        {"endpoint": '"https://sellingpartnerapi-eu.amazon.com"'},
        "accounts.main.endpoint",
        "serves region eu, but the marketplaces are in na",
    ),
    ({"push": '"yes"'}, "accounts.main.push", "write true or false"),
    ({"push": "1"}, "accounts.main.push", "write true or false"),
    (
        {"automated_handling_time": "true"},
        "accounts.main.automated_handling_time",
        '"on", "off" or "unknown"',
    ),
    ({"rate_factor": "0"}, "accounts.main.rate_factor", "above 0"),
    ({"rate_factor": "inf"}, "accounts.main.rate_factor", "above 0"),
    ({"timezone": '"Mars/Olympus"'}, "accounts.main.timezone", "is not a time zone"),
    ({"timezone": "9"}, "accounts.main.timezone", "a time zone like America/Los_Angeles"),
]


@pytest.mark.parametrize(
    ("changes", "place", "reason"), ACCOUNT_REFUSALS, ids=[str(entry[0]) for entry in ACCOUNT_REFUSALS]
)
def test_a_faulty_account_is_named(problems, changes, place, reason):
    (problem,) = problems(an_account(**changes))

    assert problem.startswith(f"fbm_sync.toml: {place}: ")
    assert reason in problem


@pytest.mark.parametrize("text", ["", "accounts = []", "[store]\n"])
def test_without_an_account_there_is_nothing_to_do(problems, text):
    (problem,) = problems(text)

    assert problem == "fbm_sync.toml: accounts: missing; write at least one [[accounts]] table"


def test_two_accounts_with_one_name_are_refused(problems):
    text = an_account() + an_account(seller_id='"A2EXAMPLE"')

    assert problems(text) == ["fbm_sync.toml: accounts.main.name: used twice; give every account its own"]


def test_one_seller_twice_in_a_region_is_refused(problems):
    (problem,) = problems(an_account() + an_account(name='"again"', marketplaces='["A2EUQ1WTGCTBG2"]'))

    assert problem.startswith(
        "fbm_sync.toml: accounts.again.seller_id: A1EXAMPLE in region na is account main"
    )


def test_one_seller_in_two_regions_is_two_accounts(config):
    settings = load(config(an_account() + an_account(name='"eu"', marketplaces='["A1PA6795UKMFR9"]')), {})

    assert [account.region for account in settings.accounts] == ["na", "eu"]


def test_no_promise_through_a_handling_time_that_amazon_sets_itself(config, problems):
    policy = '[policy.default]\nbackorder = "backorder"\nlever = "handling_time"\n'

    (problem,) = problems(an_account(automated_handling_time='"on"') + policy)
    allowed = load(config(an_account(automated_handling_time='"off"') + policy), {})

    assert problem.startswith("fbm_sync.toml: policy.default.lever: ")
    assert allowed.policies["default"].lever is Lever.HANDLING_TIME


def test_a_date_is_never_promised_less_sure_than_its_units_must_be(config, problems):
    policy = '[policy.default]\nconfidence = 0.9\nbackorder = "{}"\n'

    (problem,) = problems(ACCOUNT + policy.format("backorder"))
    (certain,) = problems(ACCOUNT + policy.format("preorder") + "late_risk = 0.0\n")
    allowed = load(config(ACCOUNT + policy.format("backorder") + "late_risk = 0.1\n"), {})
    unused = load(config(ACCOUNT + policy.format("never")), {})

    assert problem.startswith("fbm_sync.toml: policy.default.confidence: 0.9 is less than late_risk = 0.05 ")
    assert problem.endswith("write late_risk = 0.1, or a confidence of at least 0.95")
    assert certain.endswith("write late_risk = 0.1")
    assert allowed.policies["default"].late_risk == 0.1
    assert unused.policies["default"].confidence == 0.9


def two_accounts(first="", second=""):
    return ACCOUNT + first + an_account(name='"uk"', seller_id='"A2EXAMPLE"') + second


def test_accounts_share_stock_by_pool_share_and_reserve(config):
    settings = load(
        config(two_accounts('pool = "east"\nshare = 0.6\nreserve_units = 5\n', 'pool = "west"\n')), {}
    )
    alone = load(config(ACCOUNT), {})

    assert [account.channel for account in settings.accounts] == [
        Channel(pool="east", share=0.6, reserve_units=5),
        Channel(pool="west"),
    ]
    assert alone.accounts[0].channel == Channel()


@pytest.mark.parametrize(
    ("first", "second", "place", "words"),
    [
        ("share = 0.6\n", "share = 0.5\n", "accounts.main.share", "write at most 1 in all"),
        ("share = 1.0\n", "", "accounts.uk.share", "nothing is left for it beside 1 (main)"),
        ('pool = "east"\n', "", "accounts.uk.pool", "name the pool of every account, or of none"),
        ("share = 1.5\n", "", "accounts.main.share", "write a number from 0 to 1"),
        ("reserve_units = -1\n", "", "accounts.main.reserve_units", "write a whole number, 0 or more"),
    ],
)
def test_shares_that_cannot_be_are_refused(problems, first, second, place, words):
    (problem,) = problems(two_accounts(first, second))

    assert problem.startswith(f"fbm_sync.toml: {place}: ")
    assert words in problem


def test_shares_of_different_pools_do_not_add_up(config):
    tables = two_accounts('pool = "east"\nshare = 0.9\n', 'pool = "west"\nshare = 0.8\n')
    assert [account.channel.share for account in load(config(tables), {}).accounts] == [0.9, 0.8]


def test_a_mistyped_date_of_the_client_secret_is_not_taken_for_the_secret(problems):
    (problem,) = problems(an_account(client_secret_create_on="2026-06-01"))
    assert problem.endswith("unknown key; did you mean client_secret_created_on?")


def test_the_day_the_client_secret_was_made_is_a_date(config, problems):
    settings = load(config(an_account(client_secret_created_on="2026-06-01")), {})
    assert settings.accounts[0].client_secret_created_on == date(2026, 6, 1)
    (problem,) = problems(an_account(client_secret_created_on='"2026-06-01"'))
    assert "write a date without quotes" in problem


@pytest.mark.parametrize(
    "key", ["client_secret", "refresh_token", "client_id", "api_key", "password", "LWA_CLIENT_SECRET"]
)
def test_a_secret_in_the_file_is_refused_without_being_shown(problems, key):
    (problem,) = problems(an_account(**{key: '"Atzr|very-secret"'}))

    assert problem.startswith(f"fbm_sync.toml: accounts.main.{key}: ")
    assert "FBM_SYNC_<ACCOUNT>_CLIENT_SECRET" in problem or "_CLIENT_SECRET" in problem
    assert "very-secret" not in problem


@pytest.mark.parametrize("secret", ["Atzr|abc", "Atza|abc", "amzn1.oa2-cs.v1.abc"])
def test_a_secret_pasted_in_the_wrong_place_is_not_shown(problems, secret):
    (problem,) = problems(an_account(seller_id=f'"{secret}"'))

    assert secret not in problem
    assert "hidden" in problem


def test_a_password_in_a_refused_address_is_not_shown(problems):
    told = problems(
        an_account(endpoint='"ftp://me:hunter2@host"')
        + '[store]\nurl = "mysql://me:hunter2@h/x"\n[alerts]\nchannels = ["hunter2"]'
    )

    assert len(told) == 3
    assert not any("hunter2" in problem for problem in told)


def test_every_fault_is_told_at_once_even_in_the_same_table(problems):
    told = problems(
        an_account(push="3", marketplaces='["ATVPDKIKX0DER", "A1PA6795UKMFR9"]')
        + an_account(name='"x y"')
        + "[alerts]\nlate_probability = 7\n"
        'channels = ["env:NO_SUCH"]\n[store]\nurl = "mysql://"\n[policy.default]\nhandling_days = 99\n'
    )

    places = [problem.split(": ")[1] for problem in told]
    assert sorted(places) == [
        "accounts number 2.name",
        "accounts.main.marketplaces",
        "accounts.main.push",
        "alerts.channels",
        "alerts.late_probability",
        "policy.default.handling_days",
        "store.url",
    ]


def test_many_faulty_accounts_are_all_told(problems):
    text = "".join(an_account(name=f'"a{number}"', seller_id=None, push="3") for number in range(12))

    assert len(problems(text)) == 24


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[store\nurl = 3", "fbm_sync.toml, line 1, column "),
        ('[store]\nurl = "a"\nurl = "b"', "fbm_sync.toml, end of document: "),
        ("[store]\nurl =\nx = 1", "fbm_sync.toml, line 2, column 6: "),
        (b"[store]\n# caf\xe9\n", "fbm_sync.toml line 2: not UTF-8 text"),
    ],
)
def test_a_slip_of_grammar_is_told_with_line_and_column(problems, text, place):
    (problem,) = problems(text)

    assert problem.startswith(place)


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path, {})


# --- which file --------------------------------------------------------------------------------------


def test_the_file_asked_for_comes_first_then_here_then_the_environment_then_etc(tmp_path):
    here, named, system, asked = (tmp_path / name for name in ("here", "named", "etc", "asked"))
    here.mkdir()
    local = here / "fbm_sync.toml"
    for path in (local, named, system, asked):
        path.write_text("")
    environ = {"FBM_SYNC_CONFIG": str(named)}

    assert find_config(asked, environ, here, system=system) == asked
    assert find_config(None, environ, here, system=system) == local
    local.unlink()
    assert find_config(None, environ, here, system=system) == named
    assert find_config(None, {}, here, system=system) == system
    assert find_config(None, {"FBM_SYNC_CONFIG": ""}, here, system=system) == system


def test_a_named_file_that_is_missing_is_never_replaced_by_another(tmp_path):
    system = tmp_path / "etc"
    system.write_text("")
    gone = tmp_path / "gone.toml"

    with pytest.raises(ConfigError, match=r"gone\.toml: no such file \(named by --config\)"):
        find_config(gone, {}, tmp_path, system=system)
    with pytest.raises(ConfigError, match=r"named by \$FBM_SYNC_CONFIG"):
        find_config(None, {"FBM_SYNC_CONFIG": str(gone)}, tmp_path, system=system)


def test_without_any_file_the_seller_is_told_how_to_get_one(tmp_path):
    with pytest.raises(ConfigError, match="fbm-sync init") as refusal:
        find_config(None, {}, tmp_path, system=tmp_path / "etc")
    assert len(refusal.value.problems) == 1


def test_the_real_environment_is_used_when_none_is_given(config, monkeypatch):
    path = config(ACCOUNT + '[alerts]\nchannels = ["env:SHOP_ALERTS"]')
    monkeypatch.setenv("SHOP_ALERTS", "json://host")
    monkeypatch.setenv("FBM_SYNC_CONFIG", str(path))

    assert load(path).alerts.channels[0].url == "json://host"
    assert find_config(cwd=path.parent / "nowhere") == path
