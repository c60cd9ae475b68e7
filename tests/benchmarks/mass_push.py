"""How long a mass push takes at Amazon's default request limits: until it is live, until it is proven.

Run from the checkout: `python tests/benchmarks/mass_push.py [--skus 100000] [--zeroed 1000] [--later 50]
[--feed-seconds 600] [--report-seconds 180] [--patched 3000] [--seed 1]`. So many listings are to change; some
go off sale, all others are raised. Six minutes later another plan takes `--later` more off sale. It is pushed
as the daemon pushes: first with feeds, then by single patches alone.

Time is virtual: only Amazon's limits, its feeds and its report take any; answers and our own work take none.
How long Amazon works on a feed, whatever its size, one feed after another, and on a report, are assumptions,
and printed. The decisions are put into the store, for it is not the plan that is measured; the guards on a
push are opened. Of the single patches the first are really made, enough to show their pace; the others, as
many as the pace says, are added.

The lower bounds are what full token buckets and Amazon's own time let through if everything else went on at
the same time: no look before a change, each change by the way that has room for it, each proof at once.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fbm_sync import logs
from fbm_sync.adapters.spapi.feeds import MOST_CHANGES
from fbm_sync.adapters.spapi.operations import PUBLISHED_PLANS
from fbm_sync.daemon import FOLLOW_MINUTES, TURN_SECONDS
from fbm_sync.domain.change import PushLimits, PushOutcome
from fbm_sync.domain.decision import OfferDecision, Verdict
from fbm_sync.domain.listing import ListingMode, ObservedOffer, Offer
from fbm_sync.domain.order import Sku
from fbm_sync.flows.push import PushTerms, push
from fbm_sync.ports import PlanBasis

from builders import a_change
from seller import open_seller

ACCOUNT = "main"
TICK = timedelta(minutes=5)
LATER_AFTER = timedelta(minutes=6)
OPEN = PushLimits(
    max_changed=10**9,
    max_changed_share=1.0,
    max_zeroed=10**9,
    max_zeroed_share=1.0,
    max_raised_units=10**9,
    max_raised_share=10.0**9,
)


def wishes(arguments=None):
    """Return what was asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--skus", type=int, default=100_000)
    parser.add_argument("--zeroed", type=int, default=1_000)
    parser.add_argument("--later", type=int, default=50)
    parser.add_argument("--feed-seconds", type=float, default=600.0)
    parser.add_argument("--report-seconds", type=float, default=180.0)
    parser.add_argument("--patched", type=int, default=3_000)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args(arguments)


# --- the shop ---------------------------------------------------------------------------------------------


class Shop:
    """A seller's listings, what is decided of them, and when each change was seen live at Amazon."""

    def __init__(self, seller, wish, changed):
        self.seller, self.live_at = seller, {}
        rng = random.Random(wish.seed)
        self.before = {
            f"SKU-{number:06}": Offer(quantity=rng.randint(1, 9), handling_days=2)
            for number in range(changed)
        }
        self.later = {f"LATE-{number:04}": Offer(quantity=5, handling_days=2) for number in range(wish.later)}
        names = list(self.before)
        self.zeroed = frozenset(rng.sample(names, min(wish.zeroed, changed)))
        seller.world.catalogue._announce = self._went_live
        self.begun_at = seller.now()
        self._next_pull, self._later_due = seller.now(), seller.now() + LATER_AFTER
        with seller.ledger.transaction() as books:
            books.offers.record_observed(
                [
                    ObservedOffer(account=ACCOUNT, sku=Sku(sku), offer=offer, observed_at=seller.now())
                    for sku, offer in (self.before | self.later).items()
                ]
            )
            # What feeds take is known of the last one.
            then = self.begun_at - timedelta(days=1)
            number = books.pushes.begin_feed(ACCOUNT, [a_change(sku="OLD")], "old", then)
            books.pushes.feed_submitted(number, "old", then)
            books.pushes.close_feed(number, "DONE", then + timedelta(seconds=wish.feed_seconds))
        self.decide(
            {
                sku: 0 if sku in self.zeroed else offer.quantity + rng.randint(1, 30)
                for sku, offer in self.before.items()
            }
        )
        self._pass = seller.sleep
        seller.sleep = self.sleep

    def decide(self, quantities):
        """Put decisions into the store, as a plan would."""
        now, shown = self.seller.now(), self.before | self.later
        with self.seller.ledger.transaction() as books:
            books.offers.record_decisions(
                [_decision(sku, shown[sku], wanted, now) for sku, wanted in quantities.items()]
            )
            books.plans.settle(books.plans.news(), PlanBasis(planned_at=now, shop="", accounts={}))

    def sleep(self, seconds):
        """Let time pass; what the daemon does beside the push is done when its time has come."""
        self._pass(seconds)
        if self.seller.now() >= self._next_pull:
            self._next_pull = self.seller.now() + TICK
            self.seller.pull()
        if self.later and self.seller.now() >= self._later_due:
            self._later_due = datetime.max.replace(tzinfo=self.begun_at.tzinfo)
            self.decide(dict.fromkeys(self.later, 0))

    def _went_live(self, _kind, fact, at):
        self.live_at[fact["Sku"]] = at

    def seconds(self, at):
        """Return the seconds from the beginning to an instant."""
        return (at - self.begun_at).total_seconds()

    def live(self, skus):
        """Return after how many seconds the last of these was live."""
        return self.seconds(max(self.live_at[sku] for sku in skus))


def _decision(sku, shown, quantity, now):
    verdict = Verdict(
        mode=ListingMode.IN_STOCK if quantity else ListingMode.SOLD_OUT,
        desired=Offer(quantity=quantity, handling_days=2),
        observed=shown,
        product_type="PRODUCT",
        atp_today=quantity,
    )
    return OfferDecision(account=ACCOUNT, sku=Sku(sku), verdict=verdict, decided_at=now, run_id="plan")


def open_shop(folder, wish, changed):
    """Open a shop in which so many listings are to change."""
    rng = random.Random(wish.seed)
    names = [f"SKU-{number:06}" for number in range(changed)]
    listings = [
        {"sku": sku, "quantity": rng.randint(1, 9), "price": "9.00", "handling_days": 2} for sku in names
    ] + [
        {"sku": f"LATE-{number:04}", "quantity": 5, "price": "9.00", "handling_days": 2}
        for number in range(wish.later)
    ]
    return open_seller(
        folder,
        in_process=True,
        listings=listings,
        feed_seconds=wish.feed_seconds,
        report_seconds=wish.report_seconds,
    )


# --- the daemon -------------------------------------------------------------------------------------------


def push_until_proven(shop, *, feeds):
    """Push as the daemon does until nothing is left to do or to prove; return what was confirmed when."""
    seller = shop.seller
    seller.pull()
    for turn in range(2_000):
        begun = seller.now()
        pushed = push(
            ACCOUNT,
            seller.account.offers,
            seller.ledger,
            seller,
            PushTerms(limits=OPEN, turn_seconds=TURN_SECONDS),
            run_id=f"run-{turn}",
            apply=True,
            feeds=seller.account.feeds if feeds else None,
            reports=seller.account.reports,
            quota=seller.account.gateway.throttle,
        )
        if pushed.failures:
            print("   ", pushed.failures[0])
        if pushed.left:
            continue
        if not pushed.under_way and shop.live_at.keys() >= shop.later.keys():
            break
        pause = timedelta(minutes=FOLLOW_MINUTES) if pushed.under_way else TICK
        while seller.now() < begun + pause:
            seller.sleep(min(60.0, (begun + pause - seller.now()).total_seconds()))
    with seller.ledger.snapshot() as books:
        receipts = books.offers.receipts(ACCOUNT)
    unproven = [one.change.sku for one in receipts if one.outcome is not PushOutcome.CONFIRMED]
    if unproven or len(receipts) < len(shop.before):
        raise SystemExit(f"{len(unproven)} changes are unproven, {len(receipts)} were made")
    return {one.change.sku: shop.seconds(one.at) for one in receipts if one.change.sku in shop.before}


# --- the figures ------------------------------------------------------------------------------------------


def bound(operation, calls):
    """Return how long so many calls take at least, from a full bucket on."""
    rate, burst = PUBLISHED_PLANS[operation]
    return max(0.0, (calls - burst) / rate)


def in_words(seconds):
    return f"{seconds:,.0f} s" if seconds < 7_200 else f"{seconds / 3_600:,.1f} h"


def beside(seconds, least):
    """Name a time and its lower bound, and what is between them."""
    return f"{in_words(seconds):>9}   (lower bound {in_words(least)}, ratio {seconds / least:.2f})"


def least_by_feed(raised, feed_seconds):
    """Return how soon so many raises can be made, by feeds one after another and by patches beside them."""
    most = -(-raised // MOST_CHANGES)
    return min(
        max(feeds * feed_seconds, bound("patchListingsItem", max(0, raised - feeds * MOST_CHANGES)))
        for feeds in range(most + 1)
    )


def least_proof(changes, report_seconds):
    """Return how soon so many changes can be proven once they are live: by a report, or by looks."""
    return min(report_seconds, bound("searchListingsItems", -(-changes // 20)))


def say_calls(calls):
    return ", ".join(f"{count:,} {name}" for name, count in sorted(calls.items()))


def with_feeds(wish):
    """Print what the push takes as it is."""
    with tempfile.TemporaryDirectory() as folder, open_shop(folder, wish, wish.skus) as seller:
        shop = Shop(seller, wish, wish.skus)
        confirmed = push_until_proven(shop, feeds=True)
        calls = Counter(seller.account.gateway.requests)
    raised = shop.before.keys() - shop.zeroed
    apply = seller.world.rules.apply_seconds
    zero, feed = bound("patchListingsItem", len(shop.zeroed)), least_by_feed(len(raised), wish.feed_seconds)
    last = len(raised) % MOST_CHANGES or MOST_CHANGES
    proof = least_proof(last, wish.report_seconds)
    say("every zero-out live", shop.live(shop.zeroed), zero + apply)
    say("every zero-out confirmed", max(confirmed[sku] for sku in shop.zeroed), zero + apply)
    say("every other change live", shop.live(raised), feed + apply)
    say("every change confirmed", max(confirmed.values()), feed + apply + proof)
    if shop.later:
        waited = shop.live(shop.later) - LATER_AFTER.total_seconds()
        say(
            f"{wish.later} more zero-outs live, since decided",
            waited,
            bound("patchListingsItem", wish.later) + apply,
        )
    print(f"    {say_calls(calls)}")


def say(what, seconds, least):
    print(f"  {what:<38}{beside(seconds, least)}")


def patches_alone(wish):
    """Print what it takes without feeds: some are made, to see the pace."""
    wish = argparse.Namespace(**vars(wish) | {"later": 0})
    changed = min(wish.skus, max(wish.patched, wish.zeroed))
    with tempfile.TemporaryDirectory() as folder, open_shop(folder, wish, changed) as seller:
        shop = Shop(seller, wish, changed)
        confirmed = push_until_proven(shop, feeds=False)
    rate, burst = PUBLISHED_PLANS["patchListingsItem"]
    apply = seller.world.rules.apply_seconds
    pace = (changed - burst) / (shop.live(shop.before) - apply)
    rest = (wish.skus - changed) / pace
    least = bound("patchListingsItem", wish.skus) + apply
    print(f"By patches alone ({changed:,} really made, {pace:.2f} a second; Amazon lets in {rate:g})")
    say(
        "every zero-out live",
        shop.live(shop.zeroed),
        bound("patchListingsItem", len(shop.zeroed)) + apply,
    )
    say("every change live", shop.live(shop.before) + rest, least)
    say("every change confirmed", max(confirmed.values()) + rest, least)


def main(arguments=None):
    wish = wishes(arguments)
    logs.configure(quiet=True)
    begun = time.perf_counter()
    print(
        f"{wish.skus:,} listings are to change, {wish.zeroed:,} of them go off sale; "
        f"the daemon pushes, its guards are open"
    )
    print(
        f"  (Amazon works {wish.feed_seconds:.0f} s on a feed, one after another, "
        f"and {wish.report_seconds:.0f} s on a report: assumptions)"
    )
    with_feeds(wish)
    patches_alone(wish)
    print(f"{time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
