"""A new seller's first hour: set up, check, make mistakes, put them right."""


def test_what_init_writes_can_be_checked_and_names_every_missing_secret(opened):
    seller = opened(folder="empty")
    home = seller.folder / "new"
    seller.credentials = {}
    assert "fbm-sync check" in seller.run("init", "new", code=0).out
    again = seller.run("init", "new", code=2)
    assert again.err.count("is there already") == 5

    done = seller.run("check", "--config", str(home / "fbm_sync.toml"), code=1)
    for name in ("CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN"):
        assert f"FBM_SYNC_MAIN_{name}: missing" in done.out
    assert "the stock list was counted" in done.out, "the example's count is old, and check says so"
    assert "2 of 8 checks failed" in done.out
    ok = [line for line in done.out.splitlines() if line.startswith("ok")]
    assert len(ok) == 6


def test_check_sees_that_all_is_well(seller):
    checks = seller.json("check")
    assert {one["name"] for one in checks} >= {"config", "store", "supply", "account main at Amazon"}
    assert all(one["ok"] for one in checks)
    (call,) = seller.requests("searchListingsItems")
    assert call["params"]["pageSize"] == "1"


def test_check_says_what_is_wrong_at_amazon(opened):
    known = {"client_id": "other", "client_secret": "other", "refresh_token": "other"}
    seller = opened({"credentials": known, "listings": []})
    done = seller.run("check", code=1)
    assert "FAILED  account main at Amazon" in done.out
    assert "Check the client id" in done.out


def test_three_mistakes_in_the_config_are_told_at_once_and_nothing_is_made(seller):
    seller.change_config('name = "main"', 'name = "main"\ncolour = "red"')
    seller.change_config("handling_days = 2", "handling_days = 99")
    seller.change_config('timezone = "America/Los_Angeles"', 'timezone = "Mars/Olympus"')
    done = seller.run("sync", "--apply", code=2)
    assert "3 problems; nothing was changed" in done.err
    for place in ("colour", "policy.default.handling_days", "calendar.timezone"):
        assert f"fbm_sync.toml: {'accounts.main.' if place == 'colour' else ''}{place}" in done.err
    assert done.out == ""
    assert not seller.database.exists()
    assert seller.requests() == []
    problems = seller.json("sync", code=2)
    assert len(problems["problems"]) == 3


def test_bad_rows_are_told_by_file_line_and_column_and_change_nothing(seller):
    seller.run("sync", code=0)
    before, asked = seller.rows(), len(seller.requests())
    header = ("sku", "on_hand", "counted_at")
    bad = [("CUP", "many", "2026-03-01T10:00:00Z"), ("MUG", 3, "yesterday"), ("", 3, "2026-03-01T10:00:00Z")]
    seller.write("stock.csv", header, bad)
    seller.write("inbound.csv", ("po_id", "line", "sku", "quantity"), [("PO-1", 1, "CUP", 5)])
    done = seller.run("sync", "--apply", code=2)
    for place in (
        "stock.csv line 2, column on_hand",
        "stock.csv line 3, column counted_at",
        "stock.csv line 4",
    ):
        assert place in done.err
    assert "inbound.csv" in done.err
    assert "supplier" in done.err
    assert seller.rows() == before
    assert len(seller.requests()) == asked


def test_amazon_out_of_reach_is_one_plain_line(opened):
    seller = opened()
    seller.amazon("faults", {"operation": "searchOrders", "status": 403, "forever": True})
    done = seller.run("sync", code=1)
    assert "Failed: orders of account main" in done.out
    assert "roles of the application" in done.out
    assert "Offers   4 listings read" in done.out, "one refusal does not keep the rest from its work"
