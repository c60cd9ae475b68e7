"""Do listings show what they were left with?"""

import dataclasses
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fbm_sync.domain.change import PushOutcome, PushReceipt
from fbm_sync.domain.drift import Drift
from fbm_sync.domain.listing import Offer
from fbm_sync.domain.offer_comparison import KnownListing, compare_offers, gone_listings, is_suspect

from builders import ACCOUNT, NOW, SKU, a_change, an_observed_offer, in_days, on_day

HOUR = timedelta(hours=1)


def seen(quantity, sku=SKU, *, hours=0, **terms):
    return an_observed_offer(quantity, sku, observed_at=NOW + hours * HOUR, **terms)


def an_answer(after, outcome=PushOutcome.CONFIRMED, at=NOW):
    return PushReceipt(change=a_change(0, after), outcome=outcome, at=at)


def known(quantity=5, **facts):
    terms = facts.pop("terms", {})
    return KnownListing(**({"shown": seen(quantity, **terms)} | facts))


def drifts(listing, offer):
    return compare_offers({SKU: listing}, [offer])


_OFFERS = st.builds(
    Offer,
    quantity=st.integers(min_value=0, max_value=9),
    handling_days=st.sampled_from([None, 1, 2]),
    restock_on=st.sampled_from([None, on_day(5), on_day(9)]),
)
_SHOPS = st.dictionaries(st.sampled_from("ABCDEF"), _OFFERS, min_size=1)


def a_shop(offers):
    return {
        sku: KnownListing(shown=dataclasses.replace(seen(0, sku), offer=offer))
        for sku, offer in offers.items()
    }


def a_look(offers):
    return [dataclasses.replace(seen(0, sku, hours=1), offer=offer) for sku, offer in offers.items()]


@given(_SHOPS, st.randoms(use_true_random=False))
def test_listings_that_show_what_they_did_have_not_drifted(offers, rng):
    look = a_look(offers)
    rng.shuffle(look)
    assert compare_offers(a_shop(offers), look) == ()


_WAYS = {
    "quantity": lambda offer: dataclasses.replace(offer, quantity=offer.quantity + 3),
    "handling": lambda offer: dataclasses.replace(offer, handling_days=7),
    "restock": lambda offer: dataclasses.replace(offer, restock_on=on_day(12)),
}


@given(_SHOPS, st.sampled_from(sorted(_WAYS)), st.data(), st.randoms(use_true_random=False))
def test_the_one_listing_that_drifted_is_found_and_nothing_else(offers, way, data, rng):
    sku = data.draw(st.sampled_from(sorted(offers)))
    look = a_look(offers | {sku: _WAYS[way](offers[sku])})
    rng.shuffle(look)
    (found,) = compare_offers(a_shop(offers), look)
    assert (found.sku, found.was, found.shown) == (sku, offers[sku], _WAYS[way](offers[sku]))
    older = [dataclasses.replace(one, observed_at=NOW - HOUR) for one in look]
    assert compare_offers(a_shop(offers), older) == (), "an older look tells nothing"


@given(_SHOPS, st.data())
def test_what_buyers_take_is_no_drift(offers, data):
    sold = {
        sku: dataclasses.replace(offer, quantity=data.draw(st.integers(0, offer.quantity)))
        for sku, offer in offers.items()
    }
    assert compare_offers(a_shop(offers), a_look(sold)) == ()


def test_a_new_listing_is_news_and_no_drift():
    assert compare_offers({}, [seen(5)]) == ()


def test_what_is_wanted_anyway_is_no_drift():
    wanted = Offer(quantity=9, handling_days=2)
    assert drifts(known(wanted=wanted), seen(9, hours=1)) == ()
    assert drifts(known(wanted=wanted), seen(8, hours=1)) == ()
    assert drifts(known(wanted=wanted), seen(10, hours=1)) != ()
    assert drifts(known(wanted=wanted), seen(9, hours=1, handling_days=3)) != ()


def test_what_we_wrote_and_what_came_back_is_no_drift():
    written = (an_answer(Offer(quantity=8, handling_days=2), PushOutcome.ACCEPTED),)
    assert drifts(known(written=written), seen(8, hours=1)) == ()
    assert drifts(known(returned_units=3), seen(8, hours=1)) == ()
    assert drifts(known(returned_units=2), seen(8, hours=1)) != ()


def test_a_sold_out_listing_that_came_back_to_life_long_ago_is_found_by_what_we_last_wrote():
    back = seen(4)
    confirmed = an_answer(Offer(quantity=0, handling_days=2), at=in_days(-90))
    listing = known(shown=back, confirmed=confirmed)
    (found,) = drifts(listing, seen(4, hours=1))
    assert (found.was.quantity, found.shown.quantity, found.raised) == (0, 4, True)
    assert drifts(dataclasses.replace(listing, returned_units=4), seen(4, hours=1)) == ()
    newer = (an_answer(Offer(quantity=4, handling_days=2)),)
    assert drifts(dataclasses.replace(listing, written=newer), seen(4, hours=1)) == ()
    assert drifts(dataclasses.replace(listing, wanted=Offer(quantity=4, handling_days=2)), seen(4)) == ()


@pytest.mark.parametrize("outcome", [PushOutcome.ACCEPTED, PushOutcome.REJECTED, PushOutcome.UNKNOWN])
def test_only_what_was_seen_live_is_a_witness(outcome):
    answer = an_answer(Offer(quantity=0, handling_days=2), outcome, at=in_days(-2))
    assert drifts(known(shown=seen(4), confirmed=answer), seen(4, hours=1)) == ()


def test_a_known_drift_lasts_until_the_listing_is_again_as_it_was_or_as_we_wrote():
    drift = Drift(account=ACCOUNT, sku=SKU, was=seen(5).offer, shown=seen(9).offer, seen_at=NOW)
    listing = known(9, drift=drift)
    assert drifts(listing, seen(9, hours=1)) == (drift,)
    assert drifts(listing, seen(8, hours=1)) == (dataclasses.replace(drift, shown=seen(8).offer),)
    assert drifts(listing, seen(5, hours=1)) == ()
    written = (an_answer(Offer(quantity=9, handling_days=2), at=NOW + HOUR),)
    assert drifts(dataclasses.replace(listing, written=written), seen(9, hours=2)) == ()


def test_what_has_to_be_explained_is_looked_up_as_far_back_as_its_witnesses_reach():
    drift = Drift(account=ACCOUNT, sku=SKU, was=seen(5).offer, shown=seen(9).offer, seen_at=NOW)
    assert not is_suspect(known(), seen(4))
    assert is_suspect(known(), seen(6))
    assert is_suspect(known(drift=drift), seen(4))
    zero = an_answer(Offer(quantity=0, handling_days=2), at=in_days(-90))
    assert is_suspect(known(confirmed=zero), seen(4))
    assert known().told_since == in_days(-1)
    assert known(confirmed=zero).told_since == in_days(-91)


def test_a_listing_is_gone_when_it_should_sell_and_was_not_shown_for_a_day():
    on_sale, closed = Offer(quantity=5, handling_days=2), Offer(quantity=0, handling_days=2)
    lost = [seen(5, "B", hours=-24), seen(5, "A", hours=-25)]
    wanted = {"A": on_sale, "B": on_sale}
    assert gone_listings(lost, wanted, NOW) == ("A", "B")
    assert gone_listings(lost, wanted, NOW - HOUR) == ("A",)
    assert gone_listings(lost, {"A": closed, "B": None}, NOW) == ()
    assert gone_listings(lost, {}, NOW) == ()
