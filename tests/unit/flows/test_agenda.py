"""What one push is about to do: holds that people answer, drops, reviews, locks."""

import dataclasses
from datetime import timedelta
from random import Random

import pytest

from fbm_sync.domain.change import PushOutcome, PushReceipt, rebase
from fbm_sync.domain.policy import BackorderKind
from fbm_sync.errors import ConfigError
from fbm_sync.flows import agenda
from fbm_sync.flows.findings import gather_findings

from builders import (
    ACCOUNT,
    a_change,
    a_count,
    a_lot,
    a_policy,
    a_supply,
    an_entry,
    an_order,
    shop_terms,
    some_receipts,
)

RAISED = {f"UP-{number}": 5 for number in range(5)}
EMPTIED = {f"OFF-{number:02}": 0 for number in range(11)}


def sent(shop):
    return {change.sku: change.after.quantity for change in shop.offers.sent}


def emptied_shop(shop):
    """A small shop of which eleven of sixteen listings were emptied, and five raised; all just pushed."""
    for sku in RAISED:
        shop.offers.list(sku, 0)
    for sku in EMPTIED:
        shop.offers.list(sku, 9)
    shop.decide(**RAISED, **EMPTIED)
    return shop.push(apply=True)


def drop(shop, hold_id, skus=()):
    with shop.ledger.transaction() as books:
        return agenda.drop(books, ACCOUNT, shop.terms.limits, shop.clock.now(), hold_id, skus)


def look(shop, skus=()):
    with shop.ledger.snapshot() as books:
        return agenda.preview(books, ACCOUNT, shop.terms.limits, shop.clock.now(), skus)


def findings(shop, kind):
    with shop.ledger.transaction() as books:
        found = gather_findings(books, shop.terms, shop.clock.now(), stale_minutes=60, secrets_created={})
    return [one for one in found if one.kind == kind]


# --- what waits ----------------------------------------------------------------------------------


def test_raises_do_not_slip_through_once_the_decreases_of_their_push_are_done(shop):
    first = emptied_shop(shop)
    assert (first.held, sent(shop)) == (5, EMPTIED)
    for _ in range(3):
        shop.clock.advance(minutes=5)
        shop.decide(**RAISED, **EMPTIED)
        again = shop.push(apply=True)
        assert (again.held, again.applied, again.hold_id) == (5, 0, first.hold_id)
    assert sent(shop) == EMPTIED
    assert shop.push(apply=True, release=first.hold_id).applied == 5


def test_a_listing_that_moved_while_it_waits_waits_on(shop):
    hold_id = emptied_shop(shop).hold_id
    for sku in RAISED:
        shop.offers.list(sku, 3)
    shop.pull_offers()
    moved = shop.push(apply=True)
    assert (moved.deferred, moved.held, moved.hold_id) == (5, 0, None)
    assert [hold.hold_id for hold in shop.holds()] == [hold_id]
    shop.decide(**RAISED, **EMPTIED)
    assert shop.push(apply=True).hold_id == hold_id


def test_a_look_at_a_few_skus_neither_lets_go_what_waits_nor_ends_the_question(shop):
    hold_id = emptied_shop(shop).hold_id
    pushed = shop.push(apply=True, skus=["UP-3"])
    assert (pushed.held, pushed.applied, pushed.hold_id) == (1, 0, hold_id)
    assert [hold.hold_id for hold in shop.holds()] == [hold_id]


def test_a_few_skus_that_break_a_limit_are_a_question_of_their_own(shop):
    hold_id = emptied_shop(shop).hold_id
    for number in range(11):
        shop.offers.list(f"NEW-{number:02}", 0)
    more = {f"NEW-{number:02}": 5 for number in range(11)}
    shop.decide(**RAISED, **EMPTIED, **more)
    pushed = shop.push(apply=True, skus=list(more))
    assert pushed.held == 11
    assert {hold.hold_id for hold in shop.holds()} == {hold_id, pushed.hold_id}
    whole = shop.push(apply=True)
    assert whole.held == 16
    assert [hold.hold_id for hold in shop.holds()] == [whole.hold_id]


def test_later_promises_of_a_whole_shop_wait_and_their_decreases_go(shop):
    shop.terms = shop_terms(a_policy(backorder=BackorderKind.NEVER, handling_days=6))
    skus = [f"CUP-{number:02}" for number in range(11)]
    for sku in skus:
        shop.offers.list(sku, 9)
    shop.limits(max_changed_share=1.0, max_changed=1000, max_lengthened=10)
    shop.decide(**dict.fromkeys(skus, 5))
    pushed = shop.push(apply=True)
    assert pushed.held == 11
    assert pushed.hold_reasons[0] == "11 SKUs promised later, limits.max_lengthened allows 10"
    assert {change.after.handling_days for change in shop.offers.sent} == {2}
    assert sent(shop) == dict.fromkeys(skus, 5)


def test_a_raise_of_more_than_half_of_what_is_on_sale_waits(shop):
    shop.offers.list("CUP", 3)
    shop.decide(CUP=5_000)
    pushed = shop.push(apply=True)
    assert pushed.hold_reasons == ("4997 units raised, limits.max_raised_share allows 1000",)


def test_reading_only_what_asks_for_a_change_finds_what_reading_everything_finds(shop):
    random = Random(7)
    skus = [f"SKU-{number}" for number in range(8)]
    shop.limits(max_changed=random.randint(2, 9))
    for _ in range(12):
        for sku in random.sample(skus, 3):
            shop.offers.list(sku, random.randint(0, 2), handling_days=random.choice((2, 2, 3)))
        shop.decide(UNLISTED=100, **{sku: random.randint(0, 2) for sku in skus})
        shop.push(apply=random.random() < 0.3, wait=random.choice((0, 60)))
        for sku in random.sample(skus, 2):
            shop.offers.list(sku, random.randint(0, 2))
        shop.pull_offers()
        assert_all_are_counted(shop)
        shop.clock.advance(minutes=random.choice((5, 400)))


def assert_all_are_counted(shop):
    """Go through all decisions, as slowly as can be, and compare."""
    found, answers = look(shop), shop.receipts()
    changes = {one.sku: one for one in (*found.go, *found.held)}
    unchanged = moved = 0
    with shop.ledger.snapshot() as books:
        decisions = [one for one in books.offers.decisions() if one.desired is not None]
        seen = books.offers.observed(ACCOUNT)
    for one in decisions:
        before, after, answer = one.observed, one.desired, answers.get(one.sku)
        wanted = rebase(a_change(before, after, one.sku), seen[one.sku].offer)
        queued = answer is not None and answer.outcome is PushOutcome.ACCEPTED
        waits = queued and answer.change.after == after
        if seen[one.sku].offer == one.desired or (waits and one.sku not in changes):
            unchanged += 1
        elif wanted is None:
            moved += 1
        else:
            assert changes[one.sku].after == wanted.after
    assert (found.unchanged, found.deferred) == (unchanged, moved)
    assert found.unchanged + found.deferred + len({*changes}) == len(decisions)


# --- letting go ----------------------------------------------------------------------------------


def test_a_hold_whose_changes_are_no_longer_wanted_cannot_be_let_go_or_dropped(shop):
    hold_id = emptied_shop(shop).hold_id
    shop.decide(**dict.fromkeys(RAISED, 0), **EMPTIED, UNLISTED=25)
    gone = pytest.raises(ConfigError, match=rf"{hold_id}: there is no such hold in force \(in force: none\)")
    with gone:
        shop.push(apply=True, release=hold_id)
    with gone:
        drop(shop, hold_id)
    for sku in RAISED:
        shop.offers.list(sku, 9)
    shop.decide(**RAISED, **EMPTIED)
    with gone:
        shop.push(apply=True, release=hold_id)
    assert shop.holds()[0].released_at is None, "nothing was changed"
    shop.push()
    assert shop.holds() == ()


def test_other_changes_make_the_old_hold_void_and_the_error_names_the_new_one(shop):
    old = emptied_shop(shop).hold_id
    shop.decide(**dict.fromkeys(RAISED, 7), **EMPTIED)
    new = shop.push().hold_id
    assert new != old
    with pytest.raises(ConfigError, match=rf"in force: {new}\)"):
        shop.push(apply=True, release=old)


def test_a_release_that_is_over_asks_again(shop):
    hold_id = emptied_shop(shop).hold_id
    shop.clock.advance(minutes=20)
    shop.push(apply=True, release=hold_id)
    assert findings(shop, "push_held") == []
    shop.clock.advance(minutes=61)
    assert [one.subject for one in findings(shop, "push_held")] == [hold_id]
    shop.push()
    assert [one.subject for one in findings(shop, "push_held")] == [hold_id]


# --- saying no -----------------------------------------------------------------------------------


def test_a_change_that_was_said_no_to_is_not_made_until_something_else_is_decided(shop):
    hold_id = emptied_shop(shop).hold_id
    assert [one.subject for one in findings(shop, "push_held")] == [hold_id]
    assert drop(shop, hold_id) == 5
    assert (shop.holds(), findings(shop, "push_held")) == ((), [])
    for _ in range(2):
        shop.clock.advance(hours=2)
        shop.decide(**RAISED, **EMPTIED)
        pushed = shop.push(apply=True)
        assert (pushed.dropped, pushed.held, pushed.applied, pushed.unchanged) == (5, 0, 0, 11)
    shop.decide(**RAISED | {"UP-0": 6, "UP-1": 0}, **EMPTIED)
    pushed = shop.push(apply=True)
    assert (pushed.dropped, pushed.applied) == (3, 1)
    assert sent(shop)["UP-0"] == 6
    shop.decide(**RAISED | {"UP-0": 6}, **EMPTIED)
    shop.push(apply=True)
    assert sent(shop)["UP-1"] == 5, "sold out in between was something else"


def test_sales_do_not_turn_a_no_into_a_yes(shop):
    hold_id = emptied_shop(shop).hold_id
    drop(shop, hold_id)
    shop.orders.put(an_order(sku="UP-2", units=2, updated_at=shop.clock.now(), account=ACCOUNT))
    shop.clock.advance(minutes=10)
    shop.decide(**RAISED, **EMPTIED)
    assert shop.push(apply=True).dropped == 5
    assert "UP-2" not in sent(shop)


def test_a_look_at_a_few_skus_ends_no_other_no(shop):
    drop(shop, emptied_shop(shop).hold_id)
    shop.decide(**RAISED | {"UP-0": 6, "UP-1": 6}, **EMPTIED)
    one = shop.push(skus=["UP-0", "UP-3"])
    assert (one.dropped, one.previewed, one.unchanged) == (1, 1, 0)
    with shop.ledger.snapshot() as books:
        assert books.offers.dropped(ACCOUNT).keys() == RAISED.keys() - {"UP-0"}
    assert shop.push(skus=["OFF-00", "UP-3"]).unchanged == 1


def test_what_a_no_leaves_of_a_hold_can_be_let_go(shop):
    hold_id = emptied_shop(shop).hold_id
    with pytest.raises(ConfigError, match=f"--sku OFF-00: hold {hold_id} has no change of this SKU"):
        drop(shop, hold_id, ["UP-0", "OFF-00"])
    assert drop(shop, hold_id, ["UP-0", "UP-1"]) == 2
    assert [hold.hold_id for hold in shop.holds()] == [hold_id]
    pushed = shop.push(apply=True, release=hold_id)
    assert (pushed.applied, pushed.dropped) == (3, 2)
    assert sent(shop).keys() == {*EMPTIED, "UP-2", "UP-3", "UP-4"}


def test_of_a_change_that_was_said_no_to_the_lowering_part_still_goes(shop):
    shop.terms = shop_terms(a_policy(backorder=BackorderKind.NEVER, handling_days=6))
    shop.offers.list("CUP", 9)
    shop.limits(max_lengthened=0)
    shop.decide(CUP=9)
    drop(shop, shop.push(apply=True).hold_id)
    shop.decide(CUP=5)
    pushed = shop.push(apply=True)
    assert (pushed.dropped, sent(shop)) == (1, {"CUP": 5})
    assert shop.offers.sent[0].after.handling_days == 2


def test_a_listing_that_moved_keeps_its_no_until_it_was_planned_again(shop):
    hold_id = emptied_shop(shop).hold_id
    drop(shop, hold_id)
    refused = PushReceipt(change=a_change(0, 5, "UP-0"), outcome=PushOutcome.REJECTED, at=shop.clock.now())
    with shop.ledger.transaction() as books:
        books.offers.record_receipt(refused, "run")
    shop.offers.list("UP-0", 3)
    shop.pull_offers()
    pushed = shop.push(apply=True)
    assert (pushed.deferred, pushed.dropped) == (1, 4)
    shop.decide(**RAISED, **EMPTIED)
    assert shop.push(apply=True).dropped == 5


# --- what was reviewed ---------------------------------------------------------------------------


def test_only_what_was_reviewed_is_made(shop):
    shop.offers.list("CUP", 2)
    shop.offers.list("BOWL", 2)
    shop.decide(CUP=8, BOWL=8)
    seen, one = look(shop), look(shop, ["CUP"])
    assert look(shop) == seen, "a look changes nothing"
    assert one.checksum != seen.checksum
    shop.decide(CUP=9, BOWL=8)
    for skus, reviewed in (((), seen.checksum), (["CUP"], one.checksum), ((), "")):
        with pytest.raises(ConfigError, match="--only-if: the changes of account us are not those"):
            shop.push(apply=True, skus=skus, reviewed=reviewed)
    assert shop.offers.sent == []
    assert shop.push(apply=True, skus=["BOWL"], reviewed=look(shop, ["BOWL"]).checksum).applied == 1
    assert shop.push(apply=True, reviewed=look(shop).checksum).applied == 1


def test_what_was_reviewed_as_held_is_made_with_its_release_and_else_not(shop):
    first = emptied_shop(shop)
    reviewed = look(shop).checksum
    assert shop.push().checksum == reviewed
    assert shop.push(apply=True, reviewed=reviewed).applied == 0
    pushed = shop.push(apply=True, reviewed=reviewed, release=first.hold_id)
    assert pushed.applied == 5


def test_what_somebody_else_let_go_since_is_not_what_was_reviewed(shop):
    first = emptied_shop(shop)
    reviewed = look(shop).checksum
    (hold,) = shop.holds()
    assert hold.hold_id == first.hold_id
    with shop.ledger.transaction() as books:
        books.offers.record_hold(dataclasses.replace(hold, released_at=shop.clock.now()))
    with pytest.raises(ConfigError):
        shop.push(apply=True, reviewed=reviewed)
    assert sent(shop) == EMPTIED


# --- locked listings -----------------------------------------------------------------------------


def lock(shop, *skus):
    shop.supply.snapshot = dataclasses.replace(
        shop.supply.snapshot, catalog=tuple(an_entry(sku, locked=True) for sku in skus)
    )
    shop.pull_supply()


def test_a_locked_listing_is_left_alone_whatever_was_decided_before(shop):
    shop.offers.list("CUP", 9)
    shop.offers.list("BOWL", 9)
    shop.decide(CUP=0, BOWL=0)
    lock(shop, "CUP")
    shop.push(apply=True)
    assert sent(shop) == {"BOWL": 0}, "not even between two plans"
    shop.plan()
    with shop.ledger.snapshot() as books:
        (decision,) = books.offers.decisions(skus=["CUP"])
    assert (decision.desired, decision.change) == (None, None)
    assert "locked" in decision.reasons[0]
    assert shop.push(apply=True).unchanged == 1, "BOWL; the locked one is no matter of ours"


def test_a_locked_listing_is_no_drift(shop):
    shop.offers.list("CUP", 5)
    shop.decide(CUP=5)
    shop.clock.advance(days=2)
    shop.offers.list("CUP", 50, handling_days=9)
    shop.decide(CUP=5)
    assert [one.subject for one in findings(shop, "drift")] == ["CUP"]
    lock(shop, "CUP")
    assert findings(shop, "drift") == []


def test_a_locked_sku_worries_nobody_about_its_offer(shop):
    shop.terms = shop_terms()
    shop.offers.list("CUP", 500, restock_on=(shop.clock.now() + timedelta(days=9)).date())
    shop.supply.snapshot = a_supply(
        [a_count(0, "CUP")], [a_lot(sku="CUP", quantity=5)], some_receipts(), [an_entry("CUP", locked=True)]
    )
    shop.pull_supply()
    shop.pull()
    shop.pull_offers()
    shop.plan()
    with shop.ledger.snapshot() as books:
        (decision,) = books.offers.decisions()
    assert decision.verdict.worries == ()
    assert shop.push().previewed == 0
