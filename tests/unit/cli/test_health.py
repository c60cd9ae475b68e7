"""`fbm-sync health`: a table for people, the documented shape for programs."""

import json
from datetime import UTC, datetime, timedelta

import pytest

SHAPE = {
    *("account", "metric", "window_days", "target", "amazon_rate", "rate", "numerator", "denominator"),
    *("headroom_orders", "breach_probability", "breach_on"),
}


@pytest.fixture
def late(shop):
    """Two orders are still here days after their ship-by."""
    now = datetime.now(UTC)

    def at(days):
        return (now + timedelta(days=days)).isoformat()

    one = {"items": [{"sku": "CUP", "quantity": 1}], "created_at": at(-5), "ship_by": at(-3)}
    placed = shop.post("/_emulator/orders", json={"place": [one, one]}).json()["place"]
    assert all(order["placed"] for order in placed)
    return shop


def test_a_shop_that_was_never_read_has_no_rates_and_says_so(shop, command):
    code, out, _ = command("health")
    assert code == 0
    assert "Nothing is wrong" in out
    assert "was not read yet" in out
    code, out, _ = command("health", "--json")
    lines = json.loads(out)
    assert [(line["metric"], line["window_days"]) for line in lines] == [
        ("LSR", 10),
        ("LSR", 30),
        ("CR", 7),
        ("OTDR", 14),
        ("VTR", 30),
    ]
    for line in lines:
        assert line.keys() >= SHAPE
        assert (line["rate"], line["amazon_rate"], line["breach_on"]) == (None, None, None)
        assert (line["account"], line["headroom_orders"]) == ("main", None)
    assert [line["breach_probability"] for line in lines] == [0.0, 0.0, 0.0, 0.0, None]


def test_a_broken_limit_is_shown_with_its_counts_and_said_in_a_sentence(late, command):
    assert command("sync")[0] == 0
    code, out, _ = command("health")
    assert code == 0
    assert "! main: The late shipment rate of 10 days is 100.0% (2 of 2 orders)" in out
    code, out, _ = command("health", "--json", "--account", "main")
    first = json.loads(out)[0]
    assert (first["numerator"], first["denominator"], first["rate"]) == (2, 2, 1.0)
    assert (first["breached"], first["breach_probability"], first["target"]) == (True, 1.0, 0.04)
    assert first["breach_on"] is not None
    assert first["headroom_orders"] == 0


def test_amazons_figure_is_shown_beside_ours(late, command):
    command("sync")
    late.post("/_emulator/advance", json={"seconds": 60}).raise_for_status()
    command("sync")
    _, out, _ = command("health", "--json")
    line = next(one for one in json.loads(out) if one["window_days"] == 30 and one["metric"] == "LSR")
    assert (line["amazon_rate"], line["amazon_verdict"], line["same_as_amazon"]) == (1.0, "BAD", True)
    assert line["amazon_as_of"] is not None
    _, out, _ = command("health")
    assert "100.0% BAD" in out


def test_an_account_that_is_not_there_is_refused(shop, command):
    code, _, err = command("health", "--account", "nobody")
    assert code == 2
    assert "known: main" in err
