"""Scenarios and control of the emulated Amazon, and the emulator as a running server."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from fbm_sync import emulator
from fbm_sync.emulator import (
    CONTROL_HELP,
    ScenarioError,
    default_scenario,
    load_scenario,
    running,
    serve,
)
from fbm_sync.emulator.clock import Agenda, Clock, format_instant, parse_instant

from emulated import MARKET, NOON, Shop

PAST = "2026-02-20T10:00:00Z"
ONE_MUG = [{"sku": "MUG", "quantity": 1}]


# --- scenarios


def problems_of(scenario):
    with pytest.raises(ScenarioError) as caught:
        load_scenario(scenario)
    return caught.value.problems


def test_every_problem_of_a_scenario_is_listed_with_its_place():
    scenario = {
        "start_at": "noon",
        "speed": -1,
        "timezone": "Mars/Olympus",
        "rate_factor": 0,
        "colour": "red",
        "holidays": ["2026-13-01"],
        "never_effective": [1],
        "credentials": {"client_id": "c"},
        "listings": [
            {"sku": "A", "quantity": -1, "price": "dear", "created_at": "2999-01-01T00:00:00Z"},
            {"sku": "A", "channels": [{"fulfillment_channel_code": "DEFAULT"}], "issues": ["?"]},
            "B",
        ],
        "orders": [
            {"items": [{"sku": "A", "quantity": 0}]},
            {"created_at": PAST, "items": []},
            {"created_at": PAST, "items": [{"sku": "C", "quantity": 1}], "status": "lost"},
            {"created_at": PAST, "items": [{"sku": "A", "quantity": 1}], "shipped_at": "2020-01-01T00:00Z"},
        ],
        "faults": [{"status": 9}],
    }
    places = {problem.split(": ")[0] for problem in problems_of(scenario)}
    assert places == {
        "start_at",
        "speed",
        "timezone",
        "holidays[0]",
        "never_effective[0]",
        "rate_factor",
        "credentials.client_secret",
        "credentials.refresh_token",
        "colour",
        "listings[0].created_at",
        "listings[0].price",
        "listings[0].quantity",
        "listings[1].sku",
        "listings[1].issues[0]",
        "listings[1].channels[0].fulfillment_channel_code",
        "listings[2]",
        "listings[2].sku",
        "orders[0].items[0].quantity",
        "orders[0].created_at",
        "orders[1].items",
        "orders[2].status",
        "orders[2]",
        "orders[3].shipped_at",
        "faults[0].status",
    }


@pytest.mark.parametrize("content", ["{", "[]", "null"])
def test_a_scenario_file_must_hold_one_json_object(tmp_path, content):
    path = tmp_path / "scenario.json"
    path.write_text(content)
    assert problems_of(path)


def test_a_scenario_file_that_is_not_there_is_a_problem(tmp_path):
    assert "scenario.json" in problems_of(tmp_path / "scenario.json")[0]


def test_a_scenario_is_the_same_from_a_file_and_from_its_content(tmp_path):
    scenario = {"start_at": NOON, "listings": ONE_MUG, "orders": [{"created_at": PAST, "items": ONE_MUG}]}
    path = tmp_path / "scenario.json"
    path.write_text(json.dumps(scenario))
    assert load_scenario(path).state() == load_scenario(scenario).state()


def test_the_default_shop_has_ten_skus_and_runs_with_the_real_clock():
    world = load_scenario()
    assert world.state()["counts"]["listings"] == 10
    assert abs((world.now() - datetime.now(UTC)).total_seconds()) < 5
    assert world.state()["listings"].keys() == load_scenario(default_scenario()).state()["listings"].keys()


def test_the_same_seed_gives_the_same_ids_and_another_seed_others():
    scenario = {"start_at": NOON, "listings": ONE_MUG, "orders": [{"created_at": PAST, "items": ONE_MUG}]}
    ids = [list(load_scenario(scenario | {"seed": seed}).state()["orders"]) for seed in (1, 1, 2)]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize(
    ("told", "status", "updated_at"),
    [
        ({}, "UNSHIPPED", PAST),
        ({"pending_seconds": 60}, "UNSHIPPED", "2026-02-20T10:01:00Z"),
        # Shipped on a Tuesday, and on a Friday; each arrives at the end of the third business day after.
        ({"status": "shipped"}, "SHIPPED", "2026-02-28T07:59:59Z"),
        ({"status": "shipped", "shipped_at": "2026-02-21T00:00:00Z"}, "SHIPPED", "2026-02-26T07:59:59Z"),
        ({"shipped_at": "2026-02-21T00:00:00Z"}, "SHIPPED", "2026-02-26T07:59:59Z"),
        ({"status": "cancelled"}, "CANCELLED", "2026-02-20T11:00:00Z"),
        (
            {"status": "cancelled", "cancelled_at": "2026-02-22T00:00:00Z", "cancelled_by": "MERCHANT"},
            "CANCELLED",
            "2026-02-22T00:00:00Z",
        ),
        ({"created_at": "2026-01-05T10:00:00Z"}, "CANCELLED", "2026-01-17T07:59:59Z"),  # Amazon did it
    ],
)
def test_history_is_what_has_happened_to_an_order_by_now_and_leaves_the_quantity_alone(
    told, status, updated_at
):
    order = {"order_id": "111-0000000-0000001", "created_at": PAST, "items": ONE_MUG} | told
    state = Shop(orders=[order]).state()
    told_now = state["orders"]["111-0000000-0000001"]
    assert (told_now["status"], told_now["updated_at"]) == (status, updated_at)
    if "created_at" not in told:
        assert state["listings"]["MUG"]["live_quantity"] == 10


def test_an_open_order_of_history_gives_its_units_back_when_cancelled_later():
    shop = Shop(orders=[{"order_id": "111-0000000-0000001", "created_at": PAST, "items": ONE_MUG}])
    shop.control("orders", {"cancel": [{"order_id": "111-0000000-0000001"}]})
    assert shop.state()["listings"]["MUG"]["live_quantity"] == 11


def test_the_dates_of_a_past_order_may_be_given():
    dates = {"ship_by": "2026-03-01T07:59:59Z", "deliver_by": "2026-03-05T07:59:59Z"}
    shop = Shop(orders=[{"order_id": "A", "created_at": PAST, "items": ONE_MUG} | dates])
    order = shop.state()["orders"]["A"]
    assert {name: order[name] for name in dates} == dates


def test_a_listing_may_be_sold_by_amazon_only():
    channels = [{"fulfillment_channel_code": "AMAZON_NA", "quantity": 5}]
    shop = Shop(listings=[{"sku": "MUG", "merchant": False, "channels": channels}])
    listing = shop.state()["listings"]["MUG"]
    assert listing["live_quantity"] is None
    refused = shop.control("orders", {"place": [{"items": ONE_MUG}]})["place"][0]
    assert refused["why"] == "MUG has 0 on offer, 1 wanted"


def test_faults_of_the_scenario_wait_from_the_start():
    shop = Shop(faults=[{"operation": "getOrder", "status": 503}])
    assert shop.ask("GET", "/orders/2026-01-01/orders/111-0000000-0000000").status_code == 503


# --- time


def test_a_clock_with_a_start_stands_still_until_advanced():
    clock = Clock(start_at=datetime(2026, 3, 2, tzinfo=UTC))
    assert clock.now() == clock.now() == datetime(2026, 3, 2, tzinfo=UTC)
    clock.advance(1.5)
    assert format_instant(clock.now()) == "2026-03-02T00:00:01.500Z"


def test_a_fast_clock_multiplies_real_time():
    clock = Clock(start_at=datetime(2026, 3, 2, tzinfo=UTC), speed=1e6)
    first = clock.now()
    time.sleep(0.002)
    assert clock.now() - first >= timedelta(seconds=2000)


@pytest.mark.parametrize("text", ["2026-03-02", "2026-03-02T00:00:00", "now"])
def test_an_instant_without_a_zone_names_no_moment(text):
    with pytest.raises(ValueError, match=r"."):
        parse_instant(text)


def test_what_is_due_happens_in_time_order_and_what_it_sets_off_in_turn():
    start = datetime(2026, 3, 2, tzinfo=UTC)
    agenda, told = Agenda(), []

    def first(at):
        told.append(("first", at))
        agenda.schedule(start + timedelta(seconds=2), lambda at: told.append(("second", at)))

    agenda.schedule(start + timedelta(seconds=3), lambda at: told.append(("third", at)))
    agenda.schedule(start + timedelta(seconds=1), first)
    agenda.schedule(start + timedelta(seconds=9), lambda at: told.append(("never", at)))
    agenda.run_until(start + timedelta(seconds=5))
    assert [name for name, _ in told] == ["first", "second", "third"]
    assert [(at - start).seconds for _, at in told] == [1, 2, 3]


# --- control


def test_a_persons_edit_is_live_at_once_and_counts_as_submitted():
    shop = Shop(listings=[{"sku": "MUG", "quantity": 1, "handling_days": 4, "restock_on": "2026-03-09"}])
    answer = shop.control("listings", {"sku": "MUG", "quantity": 8, "clear_restock": True})
    assert answer["listings"] == [{"sku": "MUG", "why": None, "done": True}]
    listing = shop.state()["listings"]["MUG"]
    assert (listing["live_quantity"], listing["effective_restock_on"]) == (8, None)
    entry = {"fulfillment_channel_code": "DEFAULT", "quantity": 8, "lead_time_to_ship_max_days": 4}
    assert listing["submitted"] == [entry | {"marketplace_id": MARKET}]


def test_several_listings_can_be_edited_and_an_unknown_one_is_named():
    edits = [{"sku": "MUG", "handling_days": 3, "restock_on": "2026-03-09"}, {"sku": "NOPE", "quantity": 1}]
    answer = Shop().control("listings", edits)["listings"]
    assert [entry["why"] for entry in answer] == [None, "no listing has the SKU NOPE"]


@pytest.mark.parametrize(
    ("what", "body", "place"),
    [
        ("advance", {}, "seconds"),
        ("advance", {"seconds": -1}, "seconds"),
        ("advance", [], "document"),
        ("orders", {"place": [{"items": [{"sku": "MUG", "quantity": 1}], "gift": 1}]}, "place[0].gift"),
        ("orders", {"place": [{"items": []}]}, "place[0].items"),
        ("orders", {"place": {}}, "place"),
        ("orders", {"ship": [{}]}, "ship[0].order_id"),
        ("orders", {"cancel": [{"order_id": "1", "by": "NOBODY"}]}, "cancel[0].by"),
        ("orders", {"request_cancel": [{"reason": 4}]}, "request_cancel[0].order_id"),
        ("orders", {"raw": ["x"]}, "raw[0]"),
        ("listings", {"quantity": 1}, "sku"),
        ("listings", [{"sku": "MUG", "quantity": "1"}], "[0].quantity"),
        ("faults", {"clear": "yes"}, "clear"),
    ],
)
def test_a_control_request_that_makes_no_sense_changes_nothing_and_says_why(what, body, place):
    shop = Shop()
    before = shop.state()
    answer = shop.ask("POST", f"/_emulator/{what}", json=body)
    assert answer.status_code == 400
    assert answer.json()["problems"][0].startswith(place)
    assert shop.state() == before


def test_a_control_body_must_be_json():
    assert Shop().ask("POST", "/_emulator/advance", content=b"{").status_code == 400


def test_state_counts_what_there_is():
    shop = Shop()
    shop.control("orders", {"place": [{"items": ONE_MUG}, {"items": ONE_MUG, "pending_seconds": 9}]})
    shop.control("orders", {"raw": [{"orderId": "R"}]})
    state = shop.state()
    assert state["counts"] == {
        "listings": 2,
        "orders": 3,
        "by_status": {"UNSHIPPED": 2, "PENDING": 1},
        "in_flight": 0,
        "requests": 1,
    }
    assert state["orders"]["R"]["raw"]


def test_the_reference_names_every_key_of_a_scenario_and_every_control_path():
    source = Path(emulator.scenario.__file__).read_text(encoding="utf-8")
    keys = set(re.findall(r'fields\.\w+\(\s*"(\w+)"', source))
    assert {"start_at", "merchant", "hidden_seconds"} <= keys
    assert [key for key in sorted(keys) if key not in CONTROL_HELP] == []
    for what in ("state", "advance", "requests", "faults", "orders", "listings"):
        assert f"/_emulator/{what}" in CONTROL_HELP
    assert max(map(len, CONTROL_HELP.splitlines())) <= 110


# --- the server


def test_a_running_emulator_answers_on_loopback_until_the_block_ends():
    with running(load_scenario({"start_at": NOON})) as url:
        assert url.startswith("http://127.0.0.1:")
        answer = httpx.get(f"{url}/_emulator/state")
        assert answer.headers.get_list("date") == ["Mon, 02 Mar 2026 20:00:00 GMT"]
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/_emulator/state")


def test_a_connection_can_be_reset_before_or_in_the_middle_of_an_answer():
    with running(load_scenario({"start_at": NOON})) as url, httpx.Client(base_url=url) as client:
        for fault in ({"reset": True}, {"cut": True}, {"cut": True, "status": 503, "body": "html"}):
            client.post("/_emulator/faults", json=fault).raise_for_status()
            with pytest.raises(httpx.TransportError):
                client.get("/orders/2026-01-01/orders")
        assert client.get("/orders/2026-01-01/orders").status_code == 403


def test_a_request_whose_client_gave_up_waiting_still_takes_effect():
    with running(load_scenario({"start_at": NOON})) as url, httpx.Client(base_url=url) as client:
        client.post("/_emulator/faults", json={"delay_seconds": 30}).raise_for_status()
        with pytest.raises(httpx.ReadTimeout):
            client.get("/orders/2026-01-01/orders", timeout=0.05)
        deadline = time.monotonic() + 5
        while not client.get("/_emulator/requests").json()["last"] and time.monotonic() < deadline:
            time.sleep(0.01)
        assert client.get("/_emulator/requests").json()["last"] == 1


def test_many_clients_at_once_sell_each_unit_once():
    world = load_scenario({"start_at": NOON, "listings": [{"sku": "MUG", "quantity": 20}]})
    placed = []

    def buy(url):
        with httpx.Client(base_url=url) as client:
            for _ in range(10):
                answer = client.post("/_emulator/orders", json={"place": [{"items": ONE_MUG}]}).json()
                placed.append(answer["place"][0]["placed"])

    with running(world) as url:
        buyers = [threading.Thread(target=buy, args=(url,)) for _ in range(4)]
        for buyer in buyers:
            buyer.start()
        for buyer in buyers:
            buyer.join()
    assert (placed.count(True), world.state()["listings"]["MUG"]["live_quantity"]) == (20, 0)


def test_a_served_emulator_stops_cleanly_when_interrupted():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = f"from fbm_sync.emulator import *; serve(load_scenario(), {port}); print('stopped')"
    command = [sys.executable, "-W", "error", "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for _ in range(500):
            try:
                httpx.get(f"http://127.0.0.1:{port}/_emulator/state")
                break
            except httpx.TransportError:
                time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=20)[0] == "stopped\n"
        assert process.returncode == 0


def test_a_port_that_is_taken_is_an_error_at_once():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=r"[Aa]ddress"):
            serve(load_scenario(), port)
        with pytest.raises(OSError, match=r"[Aa]ddress"), running(load_scenario(), port):
            pass
