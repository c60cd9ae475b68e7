"""A report as a witness: it proves a new quantity, and never disproves anything."""

from datetime import timedelta

from fbm_sync.domain.change import PushOutcome, PushReceipt
from fbm_sync.domain.listing import Offer, ReportedListing
from fbm_sync.domain.proof import MANY, goes_by_report, proven_by

from builders import ACCOUNT, NOW, a_change


def accepted(before=2, after=8, sku="CUP"):
    return PushReceipt(change=a_change(before, after, sku), outcome=PushOutcome.ACCEPTED, at=NOW)


def listing(quantity, place="US", sku="CUP"):
    return ReportedListing(account=ACCOUNT, sku=sku, marketplace=place, quantity=quantity)


def proven(receipt, *listings, minutes=1):
    return proven_by([receipt], listings, NOW + timedelta(minutes=minutes)) == (receipt,)


def test_only_the_new_quantity_proves_a_change():
    assert proven(accepted(), listing(8))
    assert not proven(accepted(), listing(5)), "it may be an older state"
    assert not proven(accepted(), listing(2))
    assert not proven(accepted())


def test_a_report_ordered_before_the_change_proves_nothing():
    assert not proven(accepted(), listing(8), minutes=0)


def test_every_marketplace_must_show_it():
    assert not proven(accepted(), listing(8), listing(2, "CA"))


def test_a_promise_is_never_proven_by_a_report():
    promise = accepted(after=Offer(quantity=8, handling_days=5))
    assert not proven(promise, listing(8))
    assert not goes_by_report([promise] * (MANY + 1))
    assert goes_by_report([accepted()] * (MANY + 1))
    assert not goes_by_report([accepted()] * MANY)
