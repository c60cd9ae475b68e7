"""Many listings of one seller live through random days side by side, and every write is watched.

What befalls one SKU from the first moment to the last is one *sequence*: stock is counted, deliveries slip or
land, buyers order, orders ship and are cancelled, a person edits the listing, the SKU is locked; in between
orders and listings are read, offers decided and pushed, by one process or two, Amazon is slow, fails or
refuses. The steps of the seller's own work are shared by all sequences of a shop. In the end the world
behaves, and Amazon must show what was decided.
"""

import collections
import contextlib
import random
from datetime import datetime, timedelta

from fbm_sync.domain.change import PushLimits
from fbm_sync.domain.offer import AutomatedHandling
from fbm_sync.emulator.gate.exchange import Answer
from fbm_sync.emulator.listings.catalogue import Edit
from fbm_sync.emulator.orders.wishes import Line, Parcel, Wish
from fbm_sync.emulator.troubles.faults import FaultRule
from fbm_sync.errors import ConfigError, RemoteError
from fbm_sync.flows.agenda import drop
from fbm_sync.flows.plan import plan
from fbm_sync.flows.pull import PullTerms, pull_offers, pull_orders
from fbm_sync.flows.push import PushTerms, push

from builders import a_change, a_count, a_lot, a_policy, a_supply, an_entry, shop_terms, some_receipts
from inside_amazon import opened
from write_witness import WriteWitness

START = datetime.fromisoformat("2026-03-02T01:00:00Z")
WIDE = {
    "max_changed": 10**6,
    "max_changed_share": 1.0,
    "max_zeroed": 10**6,
    "max_zeroed_share": 1.0,
    "max_raised_units": 10**6,
    "max_raised_share": 10.0**6,
    "max_lengthened": 10**6,
    "max_lengthened_share": 1.0,
}
TIGHT = {"max_changed": 10, "max_raised_units": 20, "max_lengthened": 2}
INTERRUPTED = 0.02  # of the requests of a push, by the second process
SOLD_MEANWHILE = 0.06
OWN = 0.9  # of the turns of a SKU something befalls it


class RandomShop:
    """One seller's shop at one emulated Amazon, and the two processes that look after it.

    `stories` are what the seller may do in a turn, any of those below when nothing is said.
    """

    def __init__(self, seed, size, turns, stories=None):
        self.stories = stories or STORIES
        self.draw, self.size, self.turns = random.Random(seed), size, turns
        self.skus = [f"SKU-{number:04}" for number in range(size)]
        self.done = collections.Counter()
        self.counts, self.lots, self.locked, self.refused = {}, {}, set(), set()
        self.run, self.is_interrupted, self.is_pushing = 0, False, False
        self.orders = collections.defaultdict(list)
        self.unlike, self.left_alone = [], 0
        self.terms = shop_terms(a_policy(), accounts={"main": AutomatedHandling.OFF})

    def scenario(self):
        draw = self.draw
        soon = START.date() + timedelta(days=9)
        return {
            "start_at": (START + timedelta(minutes=draw.randrange(1440))).isoformat(),
            "seed": draw.randrange(10**6),
            "apply_seconds": draw.choice((1, 20, 20, 120, 900)),
            "feed_queue_seconds": draw.choice((1, 30)),
            "feed_seconds": draw.choice((1, 30, 600)),
            "listings": [
                {
                    "sku": sku,
                    "price": "9.00",
                    "quantity": draw.choice((0, draw.randrange(13))),
                    **draw.choice(({}, {"handling_days": 2}, {"handling_days": 2}, {"handling_days": 5})),
                    **draw.choice(({}, {}, {"restock_on": soon.isoformat()})),
                }
                for sku in self.skus
            ],
        }

    # --- the whole life ------------------------------------------------------------------------------

    def live(self, *, to_the_end=True):
        """Live from the first moment to the last, or until the world would behave; returns the witness."""
        random.seed(self.draw.randrange(10**9))  # the pauses before another try are drawn from there
        with opened(["one", "two"], self._before, self._after, **self.scenario()) as (world, processes):
            self.world, (self.one, self.two) = world, processes
            self.witness = WriteWitness(world)
            self._begin()
            for _ in range(self.turns):
                self._turn()
            if to_the_end:
                self._calm_down()
                self._compare()
        return self.witness

    def _begin(self):
        for sku in self.skus:
            self._count(sku, self.draw.choice((0, self.draw.randrange(16))))
            if self.draw.random() < 0.4:
                self._expect(sku)
        self.feeds_are_quick = self.draw.random() < 0.5
        if self.feeds_are_quick:
            with self.one.ledger.transaction() as books:
                number = books.pushes.begin_feed("main", [a_change(sku="OLD")], "run", self.one.now())
                books.pushes.feed_submitted(number, "1", self.one.now())
                books.pushes.close_feed(number, "DONE", self.one.now() + timedelta(seconds=1))
        for step in ("records are read", "orders are read", "listings are read"):
            self._step(self.one, step)

    def _turn(self):
        draw = self.draw
        for sku in self.skus:
            if draw.random() < OWN:
                self._befall(sku)
        self._pass(draw.choice((1, 30, 120, 240, 240, 600, 600, 1500, 5400)))
        if draw.random() < 0.3:
            self._trouble()
        for step in draw.choice(self.stories):
            self._step(draw.choice((self.one, self.one, self.two)), step)

    def _pass(self, seconds):
        self.world.advance(seconds)
        self.done["time passes"] += 1

    # --- what befalls one SKU -------------------------------------------------------------------------

    def _befall(self, sku):
        name = self.draw.choices(BEFALLS, WEIGHTS)[0]
        if getattr(self, "_" + name.replace(" ", "_"))(sku) is not False:
            self.done[name] += 1

    def _count(self, sku, on_hand):
        self.counts[sku] = a_count(on_hand, sku, counted_at=self.one.now() if self.counts.get(sku) else START)

    def _expect(self, sku):
        day = self.draw.randrange(1, 20)
        self.lots[sku] = a_lot(
            f"PO-{sku}", self.draw.randrange(1, 30), sku, promised_on=START.date() + timedelta(days=day)
        )

    def _stock_is_counted(self, sku):
        self._count(sku, self.draw.choice((0, self.draw.randrange(16), self.draw.randrange(16))))

    def _an_inbound_lot_slips(self, sku):
        self._expect(sku)

    def _an_inbound_lot_lands(self, sku):
        lot = self.lots.pop(sku, None)
        if lot is None:
            return False
        self._count(sku, self.counts[sku].on_hand + lot.quantity)
        return None

    def _a_buyer_orders(self, sku):
        live = self.world.catalogue.listings[sku].merchant.quantity
        if not live:
            return False
        wish = Wish(
            lines=[Line(sku, self.draw.randint(1, min(3, live)))],
            pending_seconds=self.draw.choice((0.0, 0.0, 900.0)),
        )
        outcome = self.world.book.place(wish, self.world.now())
        if outcome.done:
            self.orders[sku].append(outcome.order_id)
        return outcome.done

    def _order_of(self, sku):
        return self.draw.choice(self.orders[sku]) if self.orders[sku] else None

    def _an_order_is_cancelled(self, sku):
        order_id = self._order_of(sku)
        by, why = self.draw.choice((("BUYER", "BUYER_CANCELLED"), ("MERCHANT", "NO_INVENTORY")))
        return order_id is not None and self.world.book.cancel(order_id, by, why, self.world.now()).done

    def _an_order_ships(self, sku):
        order_id = self._order_of(sku)
        return order_id is not None and self.world.book.ship(order_id, Parcel(), self.world.now()).done

    def _a_person_changes_the_quantity(self, sku):
        self._edit(Edit(sku=sku, quantity=self.draw.randrange(16)))

    def _a_person_changes_the_handling_time(self, sku):
        return self._edit(Edit(sku=sku, handling_days=self.draw.randrange(1, 9)))

    def _a_person_changes_the_restock_date(self, sku):
        day = START.date() + timedelta(days=self.draw.randrange(3, 25))
        return self._edit(
            self.draw.choice((Edit(sku=sku, restock_on=day), Edit(sku=sku, clear_restock=True)))
        )

    def _edit(self, edit):
        """Amazon never shows which promise is live: one edited beside a queued write is nobody's to see."""
        if edit.quantity is None and self.world.catalogue.listings[edit.sku].in_flight:
            return False
        return self.world.catalogue.edit(edit, self.world.now()) is None

    def _it_is_locked_or_unlocked(self, sku):
        self.locked ^= {sku}

    def _amazon_refuses_its_changes(self, sku):
        self.refused ^= {sku}

    # --- what goes wrong ------------------------------------------------------------------------------

    def _trouble(self):
        draw, name = self.draw, self.draw.choice(TROUBLES)
        rules = {
            "writes fail": [("patchListingsItem", draw.randrange(1, 9), False)],
            "nobody knows what became of writes": [("patchListingsItem", draw.randrange(1, 14), True)],
            "listings cannot be read": [("searchListingsItems", draw.randrange(5, 9), False)],
            "orders cannot be read": [("searchOrders", draw.randrange(5, 9), False)],
            "nobody knows whether a feed arrived": [("createFeed", 1, draw.random() < 0.5)],
        }
        skip = draw.randrange(4)
        self.world.faults.add(
            FaultRule(operation=operation, count=count, status=503, after=after, skip=skip)
            for operation, count, after in rules.get(name, ())
        )
        if name == "feeds are stuck":
            self.world.feeds.freeze(self.world.now(), frozen=not self.world.feeds.frozen)
        self.done[name] += 1

    def _before(self, process, call):
        if process is self.one and self.is_pushing and not self.is_interrupted:
            self.is_interrupted = True
            if self.draw.random() < SOLD_MEANWHILE:
                for sku in self.draw.sample(self.skus, min(4, self.size)):
                    if self._a_buyer_orders(sku):
                        self.done["a buyer orders while listings are written"] += 1
            if self.draw.random() < INTERRUPTED:
                self._interrupt()
            self.is_interrupted = False
        self.witness.asked(process, call)
        if call.operation == "patchListingsItem" and call.path_values["sku"] in self.refused:
            wrong = {"code": "90220", "message": "No.", "severity": "ERROR"}
            sku = call.path_values["sku"]
            return Answer(body={"sku": sku, "submissionId": "x", "status": "INVALID", "issues": [wrong]})
        return None

    def _after(self, process, call, answer):
        self.witness.answered(process, call, answer)

    def _interrupt(self):
        self.done["the other process comes between"] += 1
        if self.draw.random() < 0.3:
            self._pass(self.draw.randrange(1, 13))
        for step in self.draw.choice(
            (
                ("orders are read",),
                (READ,),
                ("orders are read", "offers are decided"),
                ("offers are decided", "changes are pushed"),
                ("orders are read", "offers are decided", "changes are pushed"),
                ("listings are read",),
                ("changes are pushed",),
            )
        ):
            self._step(self.two, step)

    # --- the seller's own work ------------------------------------------------------------------------

    def _step(self, process, name):
        self.run += 1
        with contextlib.suppress(RemoteError):
            getattr(self, "_" + name.replace(" ", "_"))(process, f"{process.name}-{self.run}")
            self.done[name] += 1

    def _records_are_read(self, process, run_id):
        lots, counts = list(self.lots.values()), list(self.counts.values())
        catalog = [an_entry(sku, locked=True) for sku in sorted(self.locked)]
        with process.ledger.transaction() as books:
            books.supply.record(a_supply(counts, lots, some_receipts(), catalog), process.now())
        self.witness.records_read(counts, lots, self.locked)

    def _orders_are_read(self, process, run_id):
        pull_orders("main", process.account.orders, process.ledger, process, PullTerms(), run_id=run_id)
        self.witness.orders_read()

    def _listings_are_read(self, process, run_id):
        pull_offers("main", process.account.offers, process.ledger, process, run_id=run_id)

    def _offers_are_decided(self, process, run_id):
        plan(process.ledger, process, self.terms, run_id=run_id)
        with process.ledger.transaction() as books:
            self.decisions = books.offers.decisions()
        self.witness.decided(self.decisions)

    def _changes_are_pushed(self, process, run_id):
        limits = TIGHT if self.draw.random() < 0.15 else WIDE
        self._push(process, run_id, limits, wait=self.draw.choice((0.0,) * 7 + (30.0,)))

    def _push(self, process, run_id, limits, *, wait=0.0, **asked):
        doors = {"feeds": process.account.feeds} if self.feeds_are_quick else {}
        terms = PushTerms(limits=PushLimits(**limits), confirm_wait_seconds=wait)
        was_pushing, self.is_pushing = self.is_pushing, True
        self.witness.push_begins(process)
        try:
            return push(
                "main",
                process.account.offers,
                process.ledger,
                process,
                terms,
                run_id=run_id,
                apply=True,
                **doors,
                **asked,
            )
        finally:
            self.is_pushing = was_pushing

    def _raises_are_paused(self, process, run_id):
        with process.ledger.transaction() as books:
            books.runs.pause("a person wants it", process.now())
        self.witness.paused_at = self.witness.moment

    def _raises_go_on(self, process, run_id):
        with process.ledger.transaction() as books:
            books.runs.resume()
        self.witness.paused_at = None

    def _holds_of(self, process):
        with process.ledger.transaction() as books:
            return [hold for hold in books.offers.holds("main") if not hold.is_released(process.now())]

    def _a_hold_is_released(self, process, run_id):
        for hold in self._holds_of(process):
            with contextlib.suppress(ConfigError):  # it may be over
                self._push(process, run_id, TIGHT, release=hold.hold_id)

    def _a_hold_is_dropped(self, process, run_id):
        for hold in self._holds_of(process):
            some = [one.sku for one in hold.changes if self.draw.random() < 0.5]
            with contextlib.suppress(ConfigError), process.ledger.transaction() as books:
                drop(books, "main", PushLimits(**TIGHT), process.now(), hold.hold_id, some)

    # --- the end --------------------------------------------------------------------------------------

    def _calm_down(self):
        """The world behaves from here on; the grace time passes twice, and the daemon's turns come and go.

        Twice, because what a person has edited beside a queued change is put right when that is sent again.
        """
        self.world.faults.clear()
        self.refused.clear()
        self.world.feeds.freeze(self.world.now(), frozen=False)
        self.is_interrupted = True
        self._raises_go_on(self.one, "calm")
        for turn, hours in enumerate((7, 1, 7, 1)):
            self.world.advance(3600 * hours)
            for name in ("records are read", "orders are read", "listings are read", "offers are decided"):
                self._step(self.one, name)
            self._push(self.one, f"calm-{turn}", WIDE)
            for hold in self._holds_of(self.one):
                with contextlib.suppress(ConfigError):  # new facts have made it void
                    self._push(self.one, f"calm-{turn}-{hold.hold_id}", WIDE, release=hold.hold_id)
        self.world.advance(3600)

    def _compare(self):
        """Hold Amazon's truth against the last decisions, but for what people want left alone."""
        with self.one.ledger.transaction() as books:
            dropped = books.offers.dropped("main")
        for one in self.decisions:
            if one.desired is None or one.sku in dropped:
                self.left_alone += 1
                continue
            live = self.world.catalogue.listings[one.sku].merchant
            shown = (live.quantity, live.handling_days, live.restock_on)
            wanted = (one.desired.quantity, one.desired.handling_days, one.desired.restock_on)
            if shown != wanted:
                self.unlike.append(f"{one.sku}: Amazon shows {shown}, decided is {wanted}")


BEFALLS, WEIGHTS = zip(
    *(
        ("a buyer orders", 34),
        ("stock is counted", 14),
        ("an order is cancelled", 9),
        ("an order ships", 9),
        ("an inbound lot slips", 6),
        ("an inbound lot lands", 6),
        ("a person changes the quantity", 7),
        ("a person changes the handling time", 5),
        ("a person changes the restock date", 5),
        ("amazon refuses its changes", 2),
        ("it is locked or unlocked", 2),
    ),
    strict=True,
)
TROUBLES = (
    "writes fail",
    "nobody knows what became of writes",
    "listings cannot be read",
    "orders cannot be read",
    "nobody knows whether a feed arrived",
    "feeds are stuck",
)
READ, DECIDE, PUSH = "records are read", "offers are decided", "changes are pushed"
STORIES = (
    (READ, "orders are read", DECIDE, PUSH),
    (READ, "orders are read", DECIDE, PUSH),
    ("orders are read", "listings are read", DECIDE, PUSH),
    (READ, "listings are read", DECIDE, PUSH),
    (READ, DECIDE, PUSH),
    ("listings are read", DECIDE, PUSH),
    (DECIDE, "orders are read", PUSH),
    ("orders are read", DECIDE, READ, PUSH),
    ("orders are read", PUSH, "listings are read", DECIDE, PUSH),
    (PUSH,),
    (READ, "orders are read"),
    ("raises are paused", "orders are read", READ, DECIDE, PUSH),
    ("raises go on", "orders are read", DECIDE, PUSH),
    ("a hold is released",),
    ("a hold is dropped", PUSH),
)
