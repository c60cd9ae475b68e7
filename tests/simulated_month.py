"""A simulated month of a shop: what happens at Amazon, what the daemon said of it in time, what both count.

The daemon's own flows run in their rhythm over real HTTP against an emulated Amazon; shop, warehouse, buyers
and bad luck know nothing of what it thinks, but for the packing list, which is the daemon's. Shared by the
benchmark and by a test of a few days. The same seed gives the same month.
"""

import dataclasses
import random
from collections import Counter
from datetime import UTC, datetime, timedelta

from fbm_sync import cycle
from fbm_sync.demo.amazon import Amazon
from fbm_sync.demo.clock import SimulatedClock
from fbm_sync.demo.shop import MARKETPLACE_ID, SELLER_ID, TIMEZONE
from fbm_sync.demo.story import can_be_packed, units_of
from fbm_sync.domain.alert import Severity
from fbm_sync.domain.health import measure
from fbm_sync.domain.risk import OrderState
from fbm_sync.domain.standing import CR_7, LSR_30
from fbm_sync.emulator import load_scenario, running
from fbm_sync.ports import unwatched
from fbm_sync.settings import load
from fbm_sync.wiring import build

from month_figures import LEFT, MISLAID, SHORTAGE, SLIP, Counted, Late, Outcome
from month_shop import MonthShop

START = datetime(2026, 2, 16, 8, 10, tzinfo=UTC)  # a Monday, ten past midnight in Los Angeles
ACCOUNT = "month"
CREDENTIALS = {
    f"FBM_SYNC_{ACCOUNT.upper()}_{name}": "made-up"
    for name in ("CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN")
}
CONFIG = f"""\
[store]
url = "sqlite:///fbm_sync.db"

[[accounts]]
name = "{ACCOUNT}"
seller_id = "{SELLER_ID}"
marketplaces = ["{MARKETPLACE_ID}"]
endpoint = "BASE_URL"
token_endpoint = "BASE_URL/auth/o2/token"
push = true

[supply]
directory = "supply"

[calendar]
timezone = "{TIMEZONE}"
holidays = ""

[limits]
max_supply_age_hours = 36                 # counted once a day, and read a turn later

[daemon]
pull_minutes = TURN_MINUTES
plan_minutes = 1
push_minutes = 1

[policy.ahead]
backorder = "backorder"
# A month with many late orders is wanted here: the account's health shall close nothing.
account_risk = 1.0
"""

LOOK = ("alert", "notify")
"""The daemon's jobs that find trouble and tell of it."""

_OPENING, _PACKING = range(6, 24), range(12, 18)
_COMPARING = range(12, 18)
_LATE_STATES = frozenset({OrderState.AT_RISK, OrderState.LATE_CERTAIN})
_MISLAID_HOURS = (12, 48, 96, 10_000)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Luck:
    """How much goes wrong: days between two mishaps of a kind, shares of purchase orders and of orders."""

    loss_every: int = 5
    fashion_every: int = 6
    slipped: float = 0.35
    mislaid: float = 0.012
    regretted: float = 0.01
    given_up: float = 0.05


@dataclasses.dataclass(slots=True, kw_only=True)
class Parcel:
    """One order as the shop knows it; `cause` says why it is late, once it is."""

    order_id: str
    units: dict[str, int]
    created_at: datetime
    ship_by_at: datetime
    settled: bool = False
    cause: str = ""
    knowable_at: datetime | None = None
    found_at: datetime | None = None


class Ear:
    """The channel to people: it counts what it is told."""

    label = "people"

    def __init__(self):
        self.messages = 0

    def deliver(self, *_told):
        """Hear one message, however many steps it tells of."""
        self.messages += 1


class Witness:
    """Remembers when each order was first said to be in danger."""

    def __init__(self):
        self.at_risk: dict[str, datetime] = {}
        self.bell: dict[str, datetime] = {}

    def look(self, app, now):
        """Note the outlooks that worry now."""
        with app.ledger.transaction() as books:
            worrying = books.orders.worrying()
        for outlook in worrying:
            if outlook.state in _LATE_STATES:
                self.at_risk.setdefault(outlook.order_id, now)
            if outlook.stage == "T-4":
                self.bell.setdefault(outlook.order_id, now)


class Month:
    """The shop's days: buyers, warehouse, bad luck and the daemon take turns."""

    def __init__(self, shop, amazon, world, clock, app, records, turn, luck, seed):
        self.shop, self.amazon, self.world, self.clock, self.app = shop, amazon, world, clock, app
        self.records, self.turn, self.luck = records, turn, luck
        self.dice = random.Random(f"{seed}/luck")
        self.witness, self.parcels = Witness(), {}
        self.counted, self.failed, self.news = [], [], Counter()
        self.opened_on = self.compared_on = None
        self.in_fashion = None

    # --- time ------------------------------------------------------------------------------------

    def live(self, days, progress):
        """Live through the days, turn by turn, with one more look for trouble between two turns."""
        steps = int(timedelta(days=days) / self.turn)
        begin = self.clock.now()
        for step in range(steps):
            self.happen()
            self._until(begin + (step + 0.5) * self.turn)
            self._daemon(*LOOK)
            self._compare_once_a_day()
            self._until(begin + (step + 1) * self.turn)
            self._daemon("supply", "orders", *(["offers"] if step % 2 == 0 else []), "plan", "push", *LOOK)
            self._note_late(self.clock.now())
            progress("turns", step + 1, steps)
        # Amazon shows orders two minutes late; then both count the same orders.
        self._until(self.clock.now() + timedelta(minutes=10))
        self._compare()

    def _until(self, at):
        self.clock.pass_time(max(at - self.clock.now(), timedelta(0)))

    def happen(self):
        """Let everything but the daemon have its turn."""
        now = self.clock.now()
        local = self.app.calendar.local(now)
        if local.hour in _OPENING and self.opened_on != local.date():
            self._begin_day(local.date(), now)
        if local.hour in _PACKING and self.app.calendar.is_ship_day(local.date()):
            self._pack(now)
            self._answer_wishes()
        self._sell(now)

    # --- the shop --------------------------------------------------------------------------------

    def _begin_day(self, today, now):
        number = (today - self.shop.start_on).days
        self.opened_on = today
        self.shop.open_the_books(today, now)
        self.shop.write_records(self.records, now)
        if number % self.luck.loss_every == self.luck.loss_every - 1:
            self.shop.lose_stock()
        if self.in_fashion is not None:
            self.shop.goes_out_of_fashion(self.in_fashion)
            self.in_fashion = None
        if number % self.luck.fashion_every == self.luck.fashion_every // 2:
            self.in_fashion = self.shop.becomes_fashion()

    def _sell(self, now):
        wanted = self.shop.baskets(self.turn / timedelta(hours=1))
        for order_id, order in self._at_amazon(self.amazon.buy(wanted)).items():
            self.parcels[order_id] = Parcel(
                order_id=order_id,
                units=dict(Counter({item.sku: item.quantity for item in order.items})),
                created_at=now,
                ship_by_at=order.promise.ship_by_at,
            )
            if self.dice.random() < self.luck.regretted:
                self.amazon.ask_to_cancel(order_id, "Ordered by mistake")
                self.parcels[order_id].settled = True

    def _at_amazon(self, order_ids):
        with self.world.lock:
            return {one: self.world.book.orders[one] for one in order_ids}

    def _outlooks(self):
        with self.app.ledger.transaction() as books:
            pending = {one.order_id for one in books.orders.holding_units(self.clock.now()) if one.is_pending}
            return [one for one in books.orders.outlooks() if one.order_id not in pending]

    def _pack(self, now):
        """Ship what the daemon's list says can leave, as far as it is found."""
        shipped = []
        for outlook in self._outlooks():
            parcel = self.parcels[outlook.order_id]
            if parcel.settled or not can_be_packed(outlook) or self._is_mislaid(parcel, now):
                continue
            if self.shop.take(units_of(outlook)):
                shipped.append(parcel.order_id)
                parcel.settled = True
        self.amazon.ship(shipped, now)

    def _is_mislaid(self, parcel, now):
        """Lose a parcel in the warehouse now and then, for half a day, some days or for good."""
        if parcel.found_at is None:
            hours = self.dice.choice(_MISLAID_HOURS) if self.dice.random() < self.luck.mislaid else 0
            parcel.found_at = now + timedelta(hours=hours)
        return now < parcel.found_at

    def _answer_wishes(self):
        """Cancel what buyers asked for; give up some of what nothing is there for."""
        for outlook in self._outlooks():
            parcel = self.parcels[outlook.order_id]
            if outlook.state is OrderState.CANCEL_REQUESTED:
                self.amazon.cancel_for_buyer(outlook.order_id)
            elif outlook.is_short and not parcel.settled and self.dice.random() < self.luck.given_up:
                entry = {"order_id": outlook.order_id, "by": "MERCHANT", "reason": "NO_INVENTORY"}
                self.amazon._post("orders", {"cancel": [entry]})
                parcel.settled = True

    # --- the truth -------------------------------------------------------------------------------

    def _note_late(self, now):
        """Note why each order is late that has just become so."""
        for parcel in self.parcels.values():
            if not parcel.settled and not parcel.cause and parcel.ship_by_at < now:
                self._say_why(parcel)

    def _say_why(self, parcel):
        missing = [sku for sku, units in parcel.units.items() if self.shop.products[sku].on_hand < units]
        seen = parcel.created_at
        if not missing:
            is_mislaid = parcel.found_at is not None and parcel.found_at > parcel.ship_by_at
            parcel.cause, parcel.knowable_at = MISLAID if is_mislaid else LEFT, seen
            return
        shown = [fate.shown_at for sku in missing for fate in self.shop.waits_for_late_delivery(sku)]
        parcel.cause = SLIP if shown else SHORTAGE
        if not shown:
            shown = [self.shop.lost[sku] for sku in missing if sku in self.shop.lost] or [seen]
        known = [at for at in shown if at is not None]
        parcel.knowable_at = max(seen, min(known)) if known else None

    # --- the daemon ------------------------------------------------------------------------------

    def _daemon(self, *steps):
        """Let the daemon do its jobs, as its schedule has them."""
        turn = cycle.Turn(self.app, cycle.Wish(apply=True, confirm_wait_seconds=0.0))
        report = turn.only(*(getattr(turn, step) for step in steps))
        self.failed += [f"{failure.what}: {failure.why}" for failure in report.failed]
        loud = (one for one in report.transitions if one.alert.finding.severity is not Severity.INFO)
        self.news.update(one.kind.value for one in loud)
        self.witness.look(self.app, self.clock.now())

    def _compare_once_a_day(self):
        local = self.app.calendar.local(self.clock.now())
        if local.hour in _COMPARING and self.compared_on != local.date():
            self.compared_on = local.date()
            self._compare()

    def _compare(self):
        """Count late and cancelled orders, and ask Amazon how many it counts.

        Never at the moment of a turn, when buyers order: on the edge of a window a second would count.
        """
        self._daemon("orders")
        (place,) = self.app.account(ACCOUNT).reports.seller_performance().marketplaces
        now = self.clock.now()
        with self.app.ledger.transaction() as books:
            orders = books.orders.every()
        own = [measure(orders, window, now) for window in (LSR_30, CR_7)]
        theirs = place.metric("LSR"), place.metric("CR")
        self.counted.append(
            Counted(
                at=now,
                ours=tuple(figure for one in own for figure in (one.numerator, one.denominator)),
                amazons=tuple(figure for one in theirs for figure in (one.numerator, one.denominator)),
            )
        )

    # --- the end ---------------------------------------------------------------------------------

    def outcome(self, days, messages):
        """Hold what was said against what Amazon knows."""
        now, late, in_time, ends = self.clock.now(), [], 0, Counter()
        for order_id, order in self._at_amazon(self.parcels).items():
            end = _end_of(order, now)
            ends[end] += 1
            flagged = _before(self.witness.at_risk.get(order_id), order.promise.ship_by_at)
            if end in ("shipped late", "cancelled by Amazon", "late and open"):
                late.append(self._late(self.parcels[order_id], flagged, end == "cancelled by Amazon"))
            elif end == "shipped in time":
                in_time += flagged is not None
        return Outcome(
            days=days,
            orders=len(self.parcels),
            by_end=dict(ends),
            late=tuple(sorted(late, key=lambda one: (one.ship_by_at, one.order_id))),
            flagged_in_time=in_time,
            counted=tuple(self.counted),
            news=dict(self.news),
            messages=messages,
            failed=tuple(self.failed),
        )

    def _late(self, parcel, flagged, cancelled):
        knowable_at = parcel.knowable_at
        return Late(
            order_id=parcel.order_id,
            cause=parcel.cause,
            ship_by_at=parcel.ship_by_at,
            # The daemon reads the records once a turn, and looks for trouble then.
            knowable=knowable_at is not None and knowable_at + 1.25 * self.turn < parcel.ship_by_at,
            cancelled_by_amazon=cancelled,
            at_risk_at=flagged,
            bell_at=_before(self.witness.bell.get(parcel.order_id), parcel.ship_by_at),
        )


def _before(at, ship_by_at):
    return at if at is not None and at < ship_by_at else None


def _end_of(order, now):
    """Say how an order stands in the end, by Amazon's truth."""
    if order.status == "CANCELLED":
        by = order.items[0].cancel_execution["cancelledBy"]
        if by == "AMAZON":
            return "cancelled by Amazon"
        asked = any(item.cancel_request for item in order.items)
        return "cancelled for the buyer" if asked else "given up"
    if order.packages:
        return (
            "shipped late" if order.packages[-1].shipped_at > order.promise.ship_by_at else "shipped in time"
        )
    if any(item.cancel_request for item in order.items):
        return "cancelled for the buyer"
    return "late and open" if order.promise.ship_by_at < now else "open"


def play(
    folder, *, days, orders_a_day, seed, turn=timedelta(hours=2), luck=Luck(), progress=unwatched
) -> Outcome:
    """Play a shop's month in an empty folder."""
    shop = MonthShop(seed, START.date(), days, orders_a_day, luck.slipped)
    world = load_scenario(shop.scenario(START, seed))
    with running(world) as base_url, Amazon(base_url) as amazon:
        clock = SimulatedClock(amazon, START)
        config = folder / "fbm_sync.toml"
        text = CONFIG.replace("BASE_URL", base_url).replace("TURN_MINUTES", str(turn // timedelta(minutes=1)))
        config.write_text(text, encoding="utf-8")
        shop.write_records(folder / "supply", START)
        ear = Ear()
        with build(
            load(config, {}), clock=clock, environ=CREDENTIALS, extra_notifiers={"people": ear}
        ) as app:
            month = Month(shop, amazon, world, clock, app, folder / "supply", turn, luck, seed)
            month._daemon("supply", "orders", "offers", "plan", "push", *LOOK)
            month.live(days, progress)
            return month.outcome(days, ear.messages)
