"""The seller's words for what is recorded by name: gates, caps, days and special terms."""

import pytest

from fbm_sync.cli.wording import (
    CAPS,
    GATES,
    cap_label,
    gate_title,
    meanings,
    needed,
    plainly,
    readable,
    remedy,
)
from fbm_sync.domain.plan import plan_shop

from builders import NOW, a_count, a_lot, a_policy, an_observed_offer, shop_facts, shop_terms, the_decision


def test_every_gate_and_cap_has_words_of_its_own():
    policy = a_policy(
        max_units=5, max_cash_minor=100, late_order_cost_minor=1, unproven_units=1, min_receipts=0
    )
    facts = shop_facts(stock=[a_count(0)], lots=[a_lot()], offers=[an_observed_offer()])
    decision = the_decision(plan_shop(facts, shop_terms(policy), now=NOW, run_id="r"))
    assert {gate.name for gate in decision.gates} == GATES.keys()
    assert decision.cap.limits.keys() == CAPS.keys()


def test_what_is_recorded_by_name_is_said_by_label():
    assert plainly("It may not be sold ahead: the cap late_risk leaves no unit.") == (
        "It may not be sold ahead: the limit 'sure enough in time' leaves no unit."
    )
    assert plainly("Selling ahead of inbound, because of headroom: LSR over the limit (needs less).") == (
        "Selling ahead of inbound because of the account's late and cancelled orders: "
        "LSR over the limit (needs less)."
    )
    assert needed("OTDR at least 90%") == "at least 90%"
    assert needed("off") == "nothing, it is switched off"


def test_a_gate_or_cap_of_another_version_keeps_its_name():
    assert gate_title("moon_phase") == "Moon phase"
    assert cap_label("moon_phase") == "moon phase"
    assert remedy(CAPS, "moon_phase") == ""


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("here by 2026-12-04, not 2026-12-05.", "here by Fri 2026-12-04, not Sat 2026-12-05."),
        ("by 2026-12-04: then", "by Fri 2026-12-04: then"),
        ("Fri 2026-12-04 09:00 PST", "Fri 2026-12-04 09:00 PST"),
        ("since 2026-12-04T09:00Z", "since 2026-12-04T09:00Z"),
        ("--what-if 'po:2026-12-04 +3d'", "--what-if 'po:2026-12-04 +3d'"),
        ("lot 2026-12-04/1 and 2026-13-44", "lot 2026-12-04/1 and 2026-13-44"),
        ("1000000 units of order 1000000", "1,000,000 units of order 1000000"),
    ],
)
def test_days_have_their_weekday_and_large_numbers_their_commas(written, read):
    assert readable(written) == read


def test_only_the_words_that_occur_are_explained():
    assert meanings(["all units are on the shelf"]) == {}
    assert list(meanings(["slack −2, ATP 3"])) == ["ATP", "slack"]
