"""Writing to Amazon from the command line: only when asked, never more than allowed, always read back."""


def test_a_preview_writes_nothing(seller):
    done = seller.run("sync", code=0)
    assert "nothing was written (use --apply)" in done.out
    assert seller.requests("patchListingsItem"), "Amazon was asked what it thinks of the changes"
    assert seller.writes() == []
    assert seller.live("CUP") == 30
    assert seller.json("push")["push"]["previewed"] == 2
    assert seller.writes() == []


def test_what_was_decided_is_written_read_back_and_not_written_again(seller):
    report = seller.json("sync", "--apply")
    assert report["push"]["applied"] == 2
    assert report["push"]["unconfirmed"] == 0
    assert report["watermarks"]["main"] is not None
    decided = {one["sku"]: one["desired"]["quantity"] for one in seller.json("plan")}
    assert decided == {sku: seller.live(sku) for sku in decided}
    assert decided["CUP"] == 20
    assert decided["MUG"] == 8
    again = seller.json("push", "--apply")
    assert again["push"]["applied"] == 0
    assert again["push"]["unchanged"] == 4


def test_a_pause_holds_what_would_be_raised_and_resume_lets_it_go(seller):
    assert "resume" in seller.run("pause", "--reason", "stock-taking", code=0).out
    held = seller.run("sync", "--apply", code=3)
    assert "stock-taking" in held.out
    assert seller.live("CUP") == 20, "what is lowered goes all the same"
    assert seller.live("MUG") == 0
    seller.run("resume", code=0)
    assert seller.json("push", "--apply")["push"]["held"] == 0
    assert seller.live("MUG") == 8


def test_a_reached_limit_holds_the_raises_until_a_person_lets_them_go(seller):
    seller.change_config("max_raised_units = 1000000000", "max_raised_units = 5")
    report = seller.json("sync", "--apply", code=3)
    assert report["push"]["held"] == 1
    assert seller.live("CUP") == 20
    assert seller.live("MUG") == 0
    (held,) = report["holds"]
    assert (held["account"], held["changes"], held["released_at"]) == ("main", 1, None)
    hold = held["hold_id"]
    shown = seller.run("push", code=3)
    assert f"fbm-sync push --apply --release {hold}" in shown.out
    assert "limits.max_raised_units allows 5" in shown.out
    wrong = seller.run("push", "--apply", "--release", "feedbeef", code=2)
    assert "feedbeef" in wrong.err
    released = seller.json("push", "--apply", "--release", hold)
    assert released["push"]["applied"] == 1
    assert seller.live("MUG") == 8


def test_a_refused_sku_never_stops_the_others(seller):
    seller.run("sync", code=0)
    with seller.world.lock:
        seller.world.catalogue.listings["CUP"].product_type = "FURNITURE"
    report = seller.json("push", "--apply", code=1)
    assert (report["push"]["rejected"], report["push"]["applied"]) == (1, 1)
    assert seller.live("CUP") == 30
    assert seller.live("MUG") == 8
    assert seller.json("sync", "--apply")["push"]["applied"] == 0, "it is not asked for again and again"
    (alert,) = seller.json("alerts", "--open")
    assert alert["kind"] == "push_rejected"
    assert "CUP" in alert["text"]
