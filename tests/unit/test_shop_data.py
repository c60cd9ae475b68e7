"""The real-size shop: it is the same on every run, sound, and true to the data it comes from."""

from __future__ import annotations

import csv
import gzip
import json
import tomllib
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from shop_data import (
    COLUMNS,
    CREDENTIALS,
    DATA,
    DELIVERIES_FILE,
    HANDLING_DAYS,
    SALES_FILE,
    amazon_order_id,
    demand_figures,
    generated_demand,
    generated_shop,
    generated_supply,
    read_deliveries,
    read_sales,
    real_shop,
    supply_figures,
)
from shop_generator import EARLY_YEARS_SLIPS, draw_deliveries

from fbm_sync.emulator import load_scenario

NOW = datetime(2026, 11, 2, 17, tzinfo=UTC)
TODAY = NOW.astimezone(ZoneInfo("America/Los_Angeles")).date()
FIRM = ("confirmed", "in_transit", "customs")
needs_data = pytest.mark.skipif(
    not (DATA / SALES_FILE).exists() or not (DATA / DELIVERIES_FILE).exists(),
    reason="the real order lines and purchase orders (../shared/data) are not on this machine",
)


@pytest.fixture(scope="module", params=["generated", pytest.param("real", marks=needs_data)])
def shop(request):
    return real_shop(NOW) if request.param == "real" else generated_shop(NOW)


@pytest.fixture(scope="module")
def folder(shop, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    shop.write(folder, "http://127.0.0.1:9000/")
    return folder


def instant(text):
    return datetime.fromisoformat(text)


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def near(expected, share):
    return pytest.approx(expected, rel=share)


# --- always the same, and another one with another seed ---------------------------------------------


def test_the_same_seed_writes_the_same_bytes(shop, folder, tmp_path):
    again = real_shop(NOW) if "UK web shop" in shop.source else generated_shop(NOW)
    again.write(tmp_path, "http://127.0.0.1:9000")
    assert contents(tmp_path) == contents(folder)


def test_another_seed_makes_another_shop():
    assert generated_shop(NOW, seed=1).scenario != generated_shop(NOW, seed=2).scenario


@needs_data
def test_another_seed_takes_another_window_of_the_real_sales():
    windows = {real_shop(NOW, seed=seed, skus=20).window for seed in range(4)}
    assert len(windows) > 1


@needs_data
def test_the_window_has_the_days_asked_for():
    first, last = real_shop(NOW, days=10, seed=3, skus=100).window
    assert (last - first).days == 9


# --- orders -----------------------------------------------------------------------------------------


def test_every_order_lies_in_the_window_before_now_and_the_last_is_an_hour_old(shop):
    created = [instant(order["created_at"]) for order in shop.scenario["orders"]]
    assert max(created) == NOW - timedelta(hours=1)
    assert min(created) > NOW - timedelta(days=30)


def test_nothing_happens_to_an_order_before_it_exists_or_after_the_counts(shop):
    counted_at = min(instant(row["counted_at"]) for row in shop.tables["stock.csv"])
    for order in shop.scenario["orders"]:
        if "shipped_at" in order:
            assert instant(order["created_at"]) < instant(order["shipped_at"]) < counted_at
        if "cancelled_at" in order:
            assert instant(order["created_at"]) < instant(order["cancelled_at"]) < NOW


def test_most_orders_shipped_in_time_some_late_some_cancelled_and_the_newest_wait(shop):
    counts = shop.summary
    assert counts["orders_shipped"] > 0.8 * counts["orders"]
    assert 0 < counts["orders_shipped_late"] < 0.04 * counts["orders"]
    assert counts["orders_cancelled_by_buyer"] > 0
    assert 0 < counts["orders_cancelled_by_merchant"] < 0.025 * counts["orders"]
    assert counts["orders_pending"] > 0
    waiting = [order for order in shop.scenario["orders"] if order["status"] == "unshipped"]
    assert len(waiting) == counts["orders_unshipped"] > 30
    assert min(instant(order["created_at"]) for order in waiting) > NOW - timedelta(days=9)


def test_each_kept_order_line_is_in_the_scenario_and_none_is_added(shop):
    told = {
        (order["order_id"], item["sku"]): (item["quantity"], item["price"])
        for order in shop.scenario["orders"]
        for item in order["items"]
    }
    kept = {(sale.order_id, item.sku): (item.units, item.price) for sale in shop.sales for item in sale.items}
    assert told == kept
    assert len(told) == shop.summary["order_lines"] == sum(len(sale.items) for sale in shop.sales)


def _is_goods(row):
    code = row["sku"]
    return row["order_id"].isdigit() and code[:5].isdigit() and len(code) < 9


@needs_data
def test_the_real_shop_sells_just_what_the_books_say_of_its_skus():
    shop = real_shop(NOW)
    skus = {listing["sku"] for listing in shop.scenario["listings"]}
    booked = Counter()
    with gzip.open(DATA / SALES_FILE, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            day = date.fromisoformat(row["ordered_at"][:10])
            inside = shop.window[0] <= day <= shop.window[1] and row["sku"].upper() in skus
            if inside and _is_goods(row) and int(row["quantity"]) > 0 and float(row["unit_price"]) > 0:
                booked[amazon_order_id(row["order_id"]), row["sku"].upper()] += int(row["quantity"])
    told = Counter()
    for order in shop.scenario["orders"]:
        for item in order["items"]:
            told[order["order_id"], item["sku"]] += item["quantity"]
    assert told == booked
    assert len(skus) == 600
    assert len(told) > 5000


@needs_data
def test_cancellations_returns_and_codes_that_are_no_goods_are_left_out():
    lines = read_sales(DATA / SALES_FILE)
    assert all(line.order_id.isdigit() and line.units > 0 and line.price > 0 for line in lines)
    assert all(line.sku[:5].isdigit() for line in lines)
    assert len({(line.order_id, line.sku) for line in lines}) == len(lines)


def test_money_has_two_decimals(shop):
    amounts = [listing["price"] for listing in shop.scenario["listings"]]
    amounts += [item["price"] for order in shop.scenario["orders"] for item in order["items"]]
    amounts += [row[column] for row in shop.tables["catalog.csv"] for column in ("price", "unit_cost")]
    assert all(amount[-3] == "." and float(amount) > 0 for amount in amounts)


# --- stock and listings -----------------------------------------------------------------------------


def test_every_sku_is_listed_counted_and_in_the_catalogue_once(shop):
    listed = [listing["sku"] for listing in shop.scenario["listings"]]
    assert len(listed) == len(set(listed)) == shop.summary["skus"]
    for name in ("stock.csv", "catalog.csv"):
        assert [row["sku"] for row in shop.tables[name]] == listed


def test_stock_was_counted_shortly_before_now(shop):
    ages = {NOW - instant(row["counted_at"]) for row in shop.tables["stock.csv"]}
    assert timedelta(0) < min(ages) < max(ages) <= timedelta(hours=1)


def test_only_few_skus_have_less_than_the_open_orders_want(shop):
    wanted = Counter()
    for order in shop.scenario["orders"]:
        if order["status"] == "unshipped":
            wanted.update({item["sku"]: item["quantity"] for item in order["items"]})
    aside = ("damaged", "quality_hold", "reserved_elsewhere")
    short = {
        row["sku"]
        for row in shop.tables["stock.csv"]
        if int(row["on_hand"]) - sum(int(row[column] or 0) for column in aside) < wanted[row["sku"]]
    }
    assert 0 < len(short) == shop.summary["skus_short"] <= 0.02 * shop.summary["skus"]
    assert wanted.total() == shop.summary["open_units"]


def test_enough_listings_are_wrong_to_give_a_plan_real_work(shop):
    skus = shop.summary["skus"]
    assert 0.1 * skus < shop.summary["over_listed"] < 0.3 * skus
    assert 0.05 * skus < shop.summary["under_listed"] < 0.3 * skus
    assert shop.summary["restock_date_left"] > 3
    assert shop.summary["handling_off"] > 3


# --- suppliers and their deliveries -----------------------------------------------------------------


def test_half_of_the_suppliers_have_fewer_than_five_receipts(shop):
    receipts = Counter(row["supplier"] for row in shop.tables["receipts.csv"])
    assert len(receipts) == shop.summary["suppliers"] >= 24
    assert sum(count < 5 for count in receipts.values()) == len(receipts) // 2


def test_each_supplier_with_experience_needs_one_to_four_weeks_as_a_rule(shop):
    plans = {}
    for row in shop.tables["receipts.csv"]:
        ordered_on, promised_on = (date.fromisoformat(row[key]) for key in ("ordered_on", "promised_on"))
        plans.setdefault(row["supplier"], []).append((promised_on - ordered_on).days)
    every = sorted(days for group in plans.values() for days in group)
    assert 7 <= every[len(every) // 2] <= 28
    medians = [sorted(group)[len(group) // 2] for group in plans.values() if len(group) >= 20]
    # A supplier whose goods come weeks too early must have ordered them earlier than the scaled plan.
    assert sum(7 <= days <= 28 for days in medians) > 0.8 * len(medians)


@needs_data
def test_a_supplier_of_the_real_shop_has_the_slips_of_one_real_supplier():
    real = {}
    for line in read_deliveries(DATA / DELIVERIES_FILE):
        real.setdefault(line.supplier, Counter())[line.delivery_id, line.slip_days] += 1
    dealt = {}
    for row in real_shop(NOW).tables["receipts.csv"]:
        received_on, promised_on = (date.fromisoformat(row[key]) for key in ("received_on", "promised_on"))
        block = row["delivery_id"].partition("-")[2]
        dealt.setdefault(row["supplier"], Counter())[block, (received_on - promised_on).days] += 1
    pasts = list(real.values())
    assert all(past in pasts for past in dealt.values())


def test_everything_received_was_received_before_today(shop):
    assert max(row["received_on"] for row in shop.tables["receipts.csv"]) < TODAY.isoformat()


def test_open_purchase_orders_are_firm_planned_overdue_and_absurdly_overdue(shop):
    rows = shop.tables["inbound.csv"]
    assert len({(row["po_id"], row["line"]) for row in rows}) == len(rows)
    assert {row["status"] for row in rows} == {"planned", *FIRM}
    late = [(TODAY - date.fromisoformat(row["promised_on"])).days for row in rows if row["promised_on"]]
    assert any(0 < days <= 14 for days in late)
    assert any(days >= 60 for days in late)
    assert sum(days <= 0 for days in late) > len(rows) / 2
    assert all(row["ordered_on"] < TODAY.isoformat() for row in rows)
    assert all(0 < int(row["quantity"]) > int(row["received_units"] or 0) for row in rows)


def test_some_sold_out_skus_that_may_be_sold_ahead_have_firm_inbound_within_thirty_days(shop):
    horizon = (TODAY + timedelta(days=30)).isoformat()
    soon = {
        row["sku"]
        for row in shop.tables["inbound.csv"]
        if row["status"] in FIRM and TODAY.isoformat() <= row["promised_on"] <= horizon
    }
    ahead = {row["sku"] for row in shop.tables["catalog.csv"] if row["policy"] == "backorder"}
    assert shop.summary["skus_sold_out_with_firm_inbound"] > 5
    assert soon & ahead


# --- what the project makes of it -------------------------------------------------------------------


def test_the_emulator_opens_the_shop(shop, folder):
    world = load_scenario(folder / "scenario.json")
    state = world.state()
    assert state["counts"]["listings"] == shop.summary["skus"]
    assert state["counts"]["orders"] == shop.summary["orders"]
    by_status = state["counts"]["by_status"]
    assert by_status["PENDING"] == shop.summary["orders_pending"]
    assert by_status["UNSHIPPED"] == shop.summary["orders_unshipped"] - shop.summary["orders_pending"]
    assert by_status["SHIPPED"] == shop.summary["orders_shipped"]
    quantities = {sku: listing["live_quantity"] for sku, listing in state["listings"].items()}
    assert quantities == {listing["sku"]: listing["quantity"] for listing in shop.scenario["listings"]}


def test_ship_by_is_what_amazon_would_have_promised_with_the_usual_handling_time(shop):
    orders = [
        {key: value for key, value in order.items() if key in ("order_id", "created_at", "items")}
        for order in shop.scenario["orders"]
    ]
    listings = [{"sku": listing["sku"]} for listing in shop.scenario["listings"]]
    settings = {"start_at": shop.scenario["start_at"], "default_handling_days": HANDLING_DAYS}
    world = load_scenario(settings | {"listings": listings, "orders": orders})
    state = world.state()["orders"]
    for order in shop.scenario["orders"]:
        assert state[order["order_id"]]["ship_by"] == order["ship_by"]


def test_every_row_of_the_four_files_is_accepted(shop, folder):
    files = pytest.importorskip("fbm_sync.adapters.supply.csv_files", exc_type=ImportError)
    snapshot = files.CsvSupply(folder / "supply").read()
    counts = [len(part) for part in (snapshot.stock, snapshot.lots, snapshot.receipts, snapshot.catalog)]
    names = ("stock.csv", "inbound.csv", "receipts.csv", "catalog.csv")
    assert counts == [len(shop.tables[name]) for name in names]


def test_the_four_files_have_the_columns_a_seller_provides(folder):
    for name, columns in COLUMNS.items():
        with (folder / "supply" / name).open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        assert tuple(rows[0]) == columns
        assert {len(row) for row in rows} == {len(columns)}


def test_the_config_names_the_given_amazon_and_is_accepted(shop, folder):
    content = tomllib.loads((folder / "fbm_sync.toml").read_text(encoding="utf-8"))
    account = content["accounts"][0]
    assert account["endpoint"] == "http://127.0.0.1:9000"
    assert account["rate_factor"] == shop.scenario["rate_factor"]
    assert account["push"] is False
    settings = pytest.importorskip("fbm_sync.settings", exc_type=ImportError)
    loaded = settings.load(folder / "fbm_sync.toml", CREDENTIALS)
    assert set(loaded.policies) == {"default", "backorder"}
    assert settings.read_credentials("main", CREDENTIALS).client_id
    assert {row["policy"] for row in shop.tables["catalog.csv"]} <= {"", *loaded.policies}


def test_the_scenario_file_is_the_scenario(shop, folder):
    assert json.loads((folder / "scenario.json").read_text(encoding="utf-8")) == shop.scenario


# --- the generator is true to the figures it was calibrated to --------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_generated_slips_are_like_the_published_ones(seed):
    figures = supply_figures(generated_supply(seed))
    assert figures["slip early"] == pytest.approx(0.27, abs=0.04)
    assert figures["slip, 50% (days)"] == 0
    assert figures["slip, 95% (days)"] == pytest.approx(14, abs=5)
    assert figures["slip, 99% (days)"] == pytest.approx(51, abs=15)
    assert figures["lateness within a delivery, correlation"] == pytest.approx(0.77, abs=0.12)
    assert figures["suppliers with fewer than five receipts"] == pytest.approx(0.5, abs=0.01)


def test_with_yearly_drift_some_years_are_far_worse_than_others():
    lines = draw_deliveries(0, date(2015, 12, 31), 300, years=10, yearly_drift=True)
    years = {}
    for line in lines:
        years.setdefault(line.promised_on.year, []).append(line.slip_days > 0)
    shares = [sum(late) / len(late) for year, late in years.items() if 2006 <= year <= 2015]
    assert min(shares) < 0.03
    assert 0.15 < max(shares) < 0.35


@needs_data
def test_generated_slips_are_like_the_real_ones_of_the_same_years():
    real = supply_figures(read_deliveries(DATA / DELIVERIES_FILE))
    drawn = supply_figures(generated_supply(slips=EARLY_YEARS_SLIPS))
    for figure in ("slip early", "slip late"):
        assert drawn[figure] == pytest.approx(real[figure], abs=0.02)
    assert drawn["slip, 50% (days)"] == real["slip, 50% (days)"]
    assert drawn["slip, 95% (days)"] == pytest.approx(real["slip, 95% (days)"], abs=4)
    assert drawn["slip, 99% (days)"] == near(real["slip, 99% (days)"], 0.25)
    figure = "lateness within a delivery, correlation"
    assert drawn[figure] == pytest.approx(real[figure], abs=0.2)


@needs_data
def test_generated_orders_are_like_the_real_ones():
    real = demand_figures(read_sales(DATA / SALES_FILE))
    drawn = demand_figures(generated_demand())
    assert drawn["share of top 10 % SKUs in units"] == pytest.approx(
        real["share of top 10 % SKUs in units"], abs=0.06
    )
    for figure in real.keys() - {"share of top 10 % SKUs in units"}:
        assert drawn[figure] == near(real[figure], 0.25), figure


@pytest.mark.parametrize("seed", range(3))
def test_few_generated_skus_have_most_of_the_sales(seed):
    shares = demand_figures(generated_demand(seed))
    assert shares["share of top 10 % SKUs in units"] == pytest.approx(0.60, abs=0.06)


def test_a_very_small_shop_can_be_generated():
    shop = generated_shop(NOW, days=3, skus=3, orders_per_day=2, suppliers=2)
    assert 0 < shop.summary["skus"] <= 3
    assert load_scenario(shop.scenario).state()["counts"]["orders"] == shop.summary["orders"]
