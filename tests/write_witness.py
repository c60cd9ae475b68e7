"""Whoever watches every write that reaches the emulated Amazon, and says which of them should never be.

It knows what Amazon has told the seller and when, what the seller's records said, and what was decided. It
never asks the store, but for the decisions themselves.

*Supply* of a SKU are the units the plan may sell by our rules: those counted, less those that Amazon has told
of as shipped since the count, and, where the decision sells ahead, what firm purchase orders still bring.
Units of open orders that Amazon has told of come off. A decision that sells from the shelf may count on a
delivery only if it is due within two days: one that waits for later may be served from it.
"""

import collections
import dataclasses
import json
from datetime import date, timedelta

from fbm_sync.emulator.listings.patches import LEAD_TIME, QUANTITY, RESTOCK_DATE, SELECTOR
from fbm_sync.emulator.shop import MERCHANT_CHANNEL

MAX_ORDER_AGE = timedelta(minutes=15)
SOON = timedelta(days=2)
OPEN = ("PENDING", "UNSHIPPED", "PARTIALLY_SHIPPED")


@dataclasses.dataclass(slots=True)
class Ruling:
    """A decision in force since a moment: the most units it may show by the facts then, and its promise."""

    since: int
    ceiling: int
    promise: tuple
    is_ahead: bool


@dataclasses.dataclass(slots=True)
class Told:
    """What Amazon told of an order at a moment."""

    at: int
    open_units: int
    shipped: tuple


@dataclasses.dataclass(slots=True)
class Watched:
    """One SKU: the seller's records, orders told, decisions, and sales that a look has shown."""

    on_hand: int = 0
    counted_at: object = None
    lots: tuple = ()
    locked_at: object = None
    told: dict = dataclasses.field(default_factory=dict)
    rulings: list = dataclasses.field(default_factory=list)
    unseen: list = dataclasses.field(default_factory=list)
    shown: dict = dataclasses.field(default_factory=dict)
    is_murky: bool = True


class WriteWitness:
    """Watches one emulated Amazon: `violations` are the writes that broke a rule, in words."""

    def __init__(self, world):
        self.world, self.moment = world, 0
        self.skus = {sku: Watched() for sku in world.catalogue.listings}
        self.violations, self.writes = [], collections.Counter()
        self.orders_read_at, self.paused_at = None, None
        self.looks = collections.defaultdict(dict)
        self.looked_at, self.begun_at = {}, {}
        self.handed_in, self.writer, self.is_feed = {}, None, False
        self._wrap(world.catalogue, "submit", self._submitted)
        self._wrap(world.catalogue, "_go_live", self._other_change)
        self._wrap(world.catalogue, "put_back", self._other_change)
        self._wrap(world.catalogue, "edit", self._other_change)
        self._wrap(world.book, "place", self._sold)
        self._wrap(world.feeds._processor, "process", self._feed_worked_off)

    def _wrap(self, thing, name, watch):
        real = getattr(thing, name)
        setattr(thing, name, lambda *given, **named: watch(real, *given, **named))

    def _next(self):
        self.moment += 1
        return self.moment

    # --- what happens at Amazon ---------------------------------------------------------------------

    def _other_change(self, real, what, *rest):
        """Something but a sale moves what a listing shows: sales since the last look cannot be told apart."""
        self.skus[getattr(what, "sku", what)].is_murky = True
        return real(what, *rest)

    def _feed_worked_off(self, real, *given):
        self.is_feed = True
        outcome = real(*given)
        self.is_feed = False
        return outcome

    def _sold(self, real, wish, now):
        outcome = real(wish, now)
        if outcome.done:
            for item in self.world.book.orders[outcome.order_id].items:
                self.skus[item.sku].unseen.append((outcome.order_id, item.taken))
        return outcome

    # --- what the seller learns ---------------------------------------------------------------------

    def asked(self, process, call):
        """A process is about to be served."""
        self.writer = process
        if call.operation == "uploadDocument":
            for message in json.loads(call.body)["messages"]:
                sku = message["sku"]
                self.handed_in[sku] = self._promises(process, sku)
                self._judge(process, sku, message["patches"], "feed")

    def answered(self, process, call, answer):
        """A process has been answered: what it knows from now on."""
        if answer.status != 200:
            return
        if call.operation == "searchListingsItems":
            self._looked(process, [item["sku"] for item in answer.body["items"]])
        elif call.operation == "getListingsItem":
            self._looked(process, [answer.body["sku"]])
        elif call.operation == "searchOrders":
            self._told([order["orderId"] for order in answer.body["orders"]])
        elif call.operation == "getOrder":
            self._told([answer.body["order"]["orderId"]])

    def _looked(self, process, skus):
        moment, now = self._next(), self.world.clock.now()
        for sku in skus:
            watched = self.skus[sku]
            if not watched.is_murky:
                watched.shown |= {order_id: (moment, units) for order_id, units in watched.unseen}
            watched.unseen, watched.is_murky = [], False
            live = self.world.catalogue.listings[sku].merchant
            self.looks[process][sku] = (moment, live.quantity)
        self.looked_at[process] = (moment, now)

    def _told(self, order_ids):
        moment = self._next()
        for order_id in order_ids:
            order = self.world.book.orders[order_id]
            for item in order.items:
                is_open = order.status in OPEN
                shipped = tuple(
                    (package.shipped_at, package.contents.get(item.order_item_id, 0))
                    for package in order.packages
                )
                told = Told(moment, item.quantity - item.shipped if is_open else 0, shipped)
                self.skus[item.sku].told.setdefault(order_id, []).append(told)

    def push_begins(self, process):
        """A process begins to push; what it is not to touch it finds out now."""
        self.begun_at[process] = self.moment

    def orders_read(self):
        """A pull of orders has come to its end."""
        self.orders_read_at = self.world.clock.now()

    def records_read(self, counts, lots, locked):
        """The seller's own records were read."""
        by_sku = collections.defaultdict(list)
        for lot in lots:
            by_sku[lot.sku].append(lot)
        for count in counts:
            watched = self.skus[count.sku]
            watched.on_hand, watched.counted_at = count.on_hand, count.counted_at
            watched.lots = tuple(by_sku[count.sku])
            if count.sku not in locked:
                watched.locked_at = None
            elif watched.locked_at is None:
                watched.locked_at = self._next()

    def decided(self, decisions):
        """Offers were decided: what each may show at most, by all that was known."""
        moment = self._next()
        for one in decisions:
            watched, wanted = self.skus[one.sku], one.desired
            promise = None if wanted is None else (wanted.handling_days, wanted.restock_on)
            is_ahead = one.mode.value in ("backorder", "preorder")
            watched.rulings = watched.rulings[-4:]
            watched.rulings.append(Ruling(moment, self.ceiling(one.sku, moment, is_ahead), promise, is_ahead))

    def ceiling(self, sku, moment, is_ahead):
        """The most units of a SKU that may be shown, by what was known at a moment."""
        watched = self.skus[sku]
        latest = [
            next((one for one in reversed(history) if one.at <= moment), None)
            for history in watched.told.values()
        ]
        known = [one for one in latest if one is not None]
        waiting = sum(one.open_units for one in known)
        gone = sum(units for one in known for at, units in one.shipped if at > watched.counted_at)
        lots = sum(lot.open_units for lot in watched.lots)
        most = watched.on_hand - gone + lots - waiting
        if not is_ahead:
            until = (self.world.clock.now() + SOON).date()
            soon = sum(lot.open_units for lot in watched.lots if lot.promised_on <= until)
            most = min(most, watched.on_hand - gone + soon)
        return max(0, most)

    # --- every write --------------------------------------------------------------------------------

    def _rulings(self, process, sku):
        """The decisions in force since the process last looked at the listing, the former one included."""
        since = self.looks[process].get(sku, (self.moment, 0))[0]
        rulings = self.skus[sku].rulings
        return [
            one
            for one, following in zip(rulings, [*rulings[1:], None], strict=False)
            if following is None or following.since >= since
        ]

    def _promises(self, process, sku):
        return {one.promise for one in self._rulings(process, sku)} - {None} or {(None, None)}

    def _submitted(self, real, listing, product_type, patches, now, *, preview):
        before, before_live = _promise(listing), listing.merchant.quantity
        answer = real(listing, product_type, patches, now, preview=preview)
        if preview or answer["status"] != "ACCEPTED":
            self.writes["refused"] += 1
            return answer
        if self.is_feed:
            allowed = self.handed_in[listing.sku]
        else:
            allowed = self._promises(self.writer, listing.sku)
            named = [{"op": one.op, "path": one.path, "value": one.value} for one in patches]
            self._judge(self.writer, listing.sku, named, "patch")
        after = _promise(listing)
        if after != before:
            self.writes["changes a promise"] += 1
            for was, now_is, decided in zip(before, after, zip(*allowed, strict=True), strict=True):
                if now_is != was and now_is not in decided:
                    self._wrong("a promise that nobody decided", listing.sku, f"{before} became {after}")
        self._count(patches, before_live)
        return answer

    def _count(self, patches, before):
        (patch,) = patches
        quantity = patch.value[0].get(QUANTITY)
        self.writes["by feed" if self.is_feed else "alone"] += 1
        if quantity is None:
            self.writes["no quantity"] += 1
        elif quantity == 0:
            self.writes["to zero"] += 1
        elif quantity == before:
            self.writes["same quantity"] += 1
        else:
            self.writes["raises" if quantity > before else "lowers"] += 1

    def _judge(self, process, sku, patches, way):
        """Hold one write against what its writer could know when it reserved the SKU, after its last look."""
        watched, quantity = self.skus[sku], patches[0]["value"][0].get(QUANTITY)
        if watched.locked_at is not None and watched.locked_at <= self.begun_at.get(process, 0):
            self._wrong("a locked SKU", sku, way)
        if quantity is None or quantity == 0:
            return
        look, looked_at = self.looked_at.get(process, (0, self.world.clock.now()))
        rulings = self._rulings(process, sku)
        most = max((one.ceiling for one in rulings), default=0)
        if quantity > most:
            self._wrong("more than the supply", sku, f"{quantity} by {way}, {most} were there to be sold")
        if quantity <= self.looks[process].get(sku, (0, 0))[1]:
            return
        if self.orders_read_at is None or looked_at - self.orders_read_at > MAX_ORDER_AGE:
            self._wrong("a raise on orders read too long ago", sku, f"{looked_at - self.orders_read_at}")
        if self.paused_at is not None and self.paused_at <= look:
            self._wrong("a raise in a pause", sku, way)
        sold = sum(
            units
            for order_id, (shown, units) in watched.shown.items()
            if shown <= look and not any(one.at <= look for one in watched.told.get(order_id, ()))
        )
        known = max((self.ceiling(sku, look, one.is_ahead) for one in rulings), default=0)
        if quantity > max(0, known - sold):
            self._wrong(
                "a raise over orders that are not read yet, or news",
                sku,
                f"{quantity} by {way}, {known} by what was known and {sold} sold besides",
            )

    def _wrong(self, what, sku, words):
        self.violations.append((what, f"{sku} at {self.world.clock.now():%d %H:%M:%S}: {words}"))


def _promise(listing):
    """The handling time and the restock date of a listing, as last submitted."""
    (own,) = [entry for entry in listing.submitted if entry[SELECTOR] == MERCHANT_CHANNEL]
    restock = own.get(RESTOCK_DATE)
    return own.get(LEAD_TIME), None if restock is None else date.fromisoformat(restock)
