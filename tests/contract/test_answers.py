"""Amazon's answers by the thousand: recorded as one by one, and found without going through all others."""

import dataclasses
from datetime import timedelta

import pytest
from sqlalchemy import event

from fbm_sync.adapters.store.ledger import open_ledger
from fbm_sync.domain.change import PushOutcome, PushReceipt
from fbm_sync.domain.decision import OfferDecision, Verdict
from fbm_sync.domain.listing import ListingMode, Offer

from builders import ACCOUNT, NOW, a_change

SKUS = [f"CUP-{number:02}" for number in range(5)]


def answers(outcome, at=NOW, skus=SKUS):
    return [PushReceipt(change=a_change(0, 5, sku), outcome=outcome, at=at) for sku in skus]


@pytest.fixture
def ledger(ledger_url):
    with open_ledger(ledger_url, create=True) as ledger:
        yield ledger


def test_many_answers_are_recorded_as_one_by_one(ledger):
    later = NOW + timedelta(minutes=1)
    with ledger.transaction() as books:
        books.offers.record_receipts(answers(PushOutcome.ACCEPTED), "one")
        books.offers.record_receipts(answers(PushOutcome.CONFIRMED, later, SKUS[:2]), "two")
        books.offers.record_receipts(answers(PushOutcome.UNKNOWN, NOW, SKUS[1:3]), "three")
        found = {one.change.sku: one.outcome.value for one in books.offers.receipts(ACCOUNT)}
    assert list(found.values()) == ["confirmed", "confirmed", "unknown", "accepted", "accepted"]
    with ledger.transaction() as books:
        offers = books.offers
        waiting = offers.receipts(ACCOUNT, [PushOutcome.ACCEPTED], most=1)
        assert [one.change.sku for one in waiting] == ["CUP-03"]
        assert offers.count_receipts(ACCOUNT, [PushOutcome.ACCEPTED, PushOutcome.UNKNOWN]) == 3
        assert offers.count_receipts(ACCOUNT, [PushOutcome.CONFIRMED], since=later) == 2
        assert offers.count_receipts(ACCOUNT, [PushOutcome.ACCEPTED], since=later) == 0
        assert offers.answered_to_others(ACCOUNT, SKUS, "two", NOW - timedelta(1)) == {"CUP-03", "CUP-04"}
        with pytest.raises(ValueError, match="two answers about CUP-00"):
            offers.record_receipts(answers(PushOutcome.ACCEPTED, skus=["CUP-00", "CUP-00"]), "one")


def test_no_answer_is_searched_for_among_all_others(tmp_path):
    """SQLite uses an index of some rows only where it is asked in the very words of the index."""
    with open_ledger(f"sqlite:///{tmp_path}/store.db", create=True) as ledger:
        asked = []
        event.listen(
            ledger._engine, "before_cursor_execute", lambda *told: asked.append((told[2], told[3], told[5]))
        )
        with ledger.transaction() as books:
            books.offers.record_receipts(answers(PushOutcome.ACCEPTED), "one")
            books.offers.record_receipt(dataclasses.replace(answers(PushOutcome.ACCEPTED)[0]), "one")
            books.offers.receipt_of(ACCOUNT, SKUS[0])
            books.offers.answered_to_others(ACCOUNT, SKUS, "two", NOW)
            books.truth.confirmed(ACCOUNT, SKUS)
            books.truth.written(ACCOUNT, SKUS, NOW)
        reads = [(text, values) for text, values, many in asked if "FROM push_receipts" in text and not many]
        assert len(reads) == 6
        with ledger._engine.connect() as connection:
            for text, values in reads:
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values).all()
                (step,) = [row[3] for row in plan if "push_receipts" in row[3]]
                assert "account=? AND sku=?" in step


def a_decision(sku, wanted, at):
    verdict = Verdict(
        mode=ListingMode.IN_STOCK,
        desired=Offer(quantity=wanted, handling_days=2),
        observed=Offer(quantity=5, handling_days=2),
        product_type="PRODUCT",
        atp_today=wanted,
    )
    return OfferDecision(account=ACCOUNT, sku=sku, verdict=verdict, decided_at=at, run_id="plan")


def test_what_was_decided_lately_and_what_no_feed_has_is_found(ledger):
    later = NOW + timedelta(minutes=1)
    with ledger.transaction() as books:
        books.offers.record_decisions([a_decision(sku, 9, NOW) for sku in SKUS[:3]])
        books.offers.record_decisions([a_decision(SKUS[0], 9, later), a_decision(SKUS[1], 0, later)])
        books.offers.record_decisions([a_decision(SKUS[3], 0, later), a_decision(SKUS[4], 5, later)])
        assert books.offers.decided_since(ACCOUNT, NOW) == ("CUP-01", "CUP-03")
        assert books.offers.decided_since("other", NOW) == ()
        books.pushes.begin_feed(ACCOUNT, [a_change(5, 9, SKUS[0])], "run", NOW)
        books.pushes.claim(ACCOUNT, [SKUS[1]], "run", NOW, later)
        asking = books.offers.asking(ACCOUNT, but_in_feeds=True)
        assert [one.sku for one in asking] == ["CUP-01", "CUP-02", "CUP-03"]
        assert len(books.offers.asking(ACCOUNT)) == 4
