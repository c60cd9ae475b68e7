"""Fast goods, late news of orders: a careful seller sells nothing twice where a naive one does."""

from fast_seller import FastSeller, Naive, Ours, OursWithoutBuffer, Trade

TRADE = Trade(orders_an_hour=(90, 60), fewest=5, most=40)


def played(keeper):
    return FastSeller(5, 1, TRADE).live(keeper)


def test_units_are_sold_twice_by_a_naive_seller_and_not_by_our_rules():
    naive, ours, bare = (played(keeper) for keeper in (Naive, Ours, OursWithoutBuffer))
    assert naive.beyond > 0
    assert naive.oversold <= naive.beyond
    assert (ours.beyond, ours.wrong) == (0, 0)
    assert bare.beyond <= naive.beyond
    assert bare.wrong == 0
    # Each met the same buyers, and safety has its price.
    assert naive.wanted == ours.wanted == bare.wanted
    assert bare.lost <= ours.lost
