"""Whatever befalls many SKUs, no write is ever wrong; and whoever watches would notice if one were."""

import pytest

from random_writes import DECIDE, PUSH, READ, RandomShop
from sabotage import SABOTAGES, sabotaged

ORDERS, LISTINGS = "orders are read", "listings are read"
TELLING = {
    "replace": ((READ, ORDERS, DECIDE, PUSH), "a promise that nobody decided"),
    "no-order-check": (("raises are paused", READ, ORDERS, DECIDE, PUSH), "a raise in a pause"),
    "no-second-look": ((PUSH, READ, ORDERS, DECIDE), "a raise over orders that are not read yet, or news"),
    "sales-forgotten": (
        (READ, LISTINGS, DECIDE, PUSH, ORDERS),
        "a raise over orders that are not read yet, or news",
    ),
    "news-ignored": ((ORDERS, DECIDE, READ, PUSH), "a raise over orders that are not read yet, or news"),
}
"""What a seller does turn after turn so that each fault shows soon, and how it shows."""


def test_no_write_ever_breaks_a_rule_and_in_the_end_amazon_shows_what_was_decided():
    shop = RandomShop(seed=10, size=60, turns=5)
    witness = shop.live()
    assert (witness.violations, shop.unlike) == ([], [])
    # Enough happened for that to mean something.
    assert {"raises", "lowers", "to zero", "changes a promise"} <= witness.writes.keys()
    assert shop.left_alone < shop.size / 2


@pytest.mark.parametrize("name", sorted(SABOTAGES))
def test_a_fault_put_into_the_push_engine_is_noticed(name):
    story, noticed = TELLING[name]
    for seed in range(1, 9):
        with sabotaged(name):
            witness = RandomShop(seed, size=30, turns=4, stories=[story]).live(to_the_end=False)
        if noticed in {what for what, _ in witness.violations}:
            return
    pytest.fail(f"nobody noticed {name}")
