"""The events of the days, and the turns of the daemon between them."""

import dataclasses
import time
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from fbm_sync import cycle
from fbm_sync.demo.amazon import Amazon
from fbm_sync.demo.clock import SimulatedClock
from fbm_sync.demo.narrator import Narrator, PeopleChannel
from fbm_sync.demo.shop import KETTLE, KETTLE_PO, LANTERN, MARKETPLACE_ID, SELLER_ID, TIMEZONE, Shop
from fbm_sync.domain.allocation import CoverSource
from fbm_sync.domain.listing import Offer
from fbm_sync.domain.order import OrderId
from fbm_sync.domain.risk import OrderOutlook, OrderState
from fbm_sync.emulator import load_scenario, running
from fbm_sync.errors import ConfigError
from fbm_sync.ports import Progress
from fbm_sync.report import RunReport
from fbm_sync.settings import load
from fbm_sync.wiring import App, build

TURN = timedelta(hours=2)
_PACKING_HOURS = range(13, 18)
_LAST_LOOKS = 4
_MARKER = ".fbm_sync_demo"
_CREDENTIALS = {
    "FBM_SYNC_DEMO_CLIENT_ID": "demo-client",
    "FBM_SYNC_DEMO_CLIENT_SECRET": "demo-secret",
    "FBM_SYNC_DEMO_REFRESH_TOKEN": "demo-refresh",
}
_CONFIG = f"""\
# The shop of the demo. Its Amazon was an emulator that is gone by now; its store is kept.
[store]
url = "sqlite:///fbm_sync.db"

[[accounts]]
name = "demo"
seller_id = "{SELLER_ID}"
marketplaces = ["{MARKETPLACE_ID}"]
endpoint = "BASE_URL"
token_endpoint = "BASE_URL/auth/o2/token"
push = true

[supply]
directory = "supply"

[calendar]
timezone = "{TIMEZONE}"
ship_days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
holidays = ""

[policy.ahead]
backorder = "backorder"
# A shop of a few days has no late shipment rate yet: one slip would close everything sold ahead.
account_risk = 1.0

[alerts]
quiet_hours = ""
"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How the demo ended: the counts, what was not as it should be, and an order worth explaining."""

    days: int
    counts: Mapping[str, int]
    requests: Mapping[str, int]
    missing_orders: tuple[str, ...]
    wrong_offers: tuple[str, ...]
    slipped_orders: tuple[str, ...]
    config: Path
    seconds: float

    @property
    def sound(self) -> bool:
        """Whether ledger and Amazon agree in the end and no step failed."""
        return not self.missing_orders and not self.wrong_offers and not self.counts.get("failed", 0)


def play(
    directory: Path,
    *,
    days: int,
    seed: int,
    ends_at: datetime,
    say: Callable[[str], None],
    progress: Progress,
) -> Outcome:
    """Play the shop for some days that end at an instant, and leave its store in a folder.

    Raises `ConfigError` when the folder holds something else than an earlier demo.
    """
    begun = time.monotonic()
    _make_room(directory)
    start_at = (ends_at - timedelta(days=days)).replace(second=0, microsecond=0)
    shop = Shop(seed, start_at.date())
    world = load_scenario(shop.scenario(start_at, seed))
    with running(world) as base_url, Amazon(base_url) as amazon:
        clock = SimulatedClock(amazon, start_at)
        config = directory / "fbm_sync.toml"
        config.write_text(_CONFIG.replace("BASE_URL", base_url), encoding="utf-8")
        shop.write_records(directory / "supply", clock.now())
        channels: dict[str, PeopleChannel] = {}
        with build(load(config, {}), clock=clock, environ=_CREDENTIALS, extra_notifiers=channels) as app:
            narrator = Narrator(say, app.calendar)
            channels["people"] = PeopleChannel(narrator, app.pages, clock.now)
            story = Story(shop, amazon, clock, app, narrator, directory / "supply")
            story.opening()
            story.live(days, progress)
            return story.outcome(days, config, time.monotonic() - begun)


def _make_room(directory: Path) -> None:
    """Take a new or empty folder, or the one of an earlier demo, and nothing else."""
    if directory.exists() and any(directory.iterdir()) and not (directory / _MARKER).exists():
        raise ConfigError(
            [f"{directory}: is not empty and no earlier demo wrote it"],
            next_step="Name another folder with --directory.",
        )
    directory.mkdir(parents=True, exist_ok=True)
    for name in ("fbm_sync.db", "fbm_sync.db-wal", "fbm_sync.db-shm"):
        (directory / name).unlink(missing_ok=True)
    (directory / _MARKER).write_text("Written by 'fbm-sync demo'; the next demo overwrites this folder.\n")


class Story:
    """The shop's days: buyers, warehouse, luck and the daemon take turns, two hours at a time."""

    def __init__(
        self, shop: Shop, amazon: Amazon, clock: SimulatedClock, app: App, narrator: Narrator, records: Path
    ) -> None:
        self.shop, self.amazon, self.clock = shop, amazon, clock
        self.app, self.narrator, self.records = app, narrator, records
        self.start_at = clock.now()
        self.requests: dict[str, int] = {}
        self.mislaid: str | None = None
        self.slipped: tuple[str, ...] = ()
        self._events: list[tuple[timedelta, Callable[[], None]]] = [
            (timedelta(days=2, hours=20), self._buyer_changes_mind),
            (timedelta(days=3, hours=10), self._amazon_is_busy),
            (timedelta(days=4, hours=10), self._supplier_slips),
            (timedelta(days=5, hours=2), self._parcel_goes_missing),
        ]

    def opening(self) -> None:
        """Say what is about to be seen."""
        say = self.narrator.tell
        now = self.clock.now()
        self.narrator.day(0, now)
        skus = len(self.shop.products)
        say(now, f"A shop of {skus} SKUs opens on an emulated Amazon; the daemon runs every 2 h.")
        for po in self.shop.purchase_orders:
            goods = f"{po.quantity} × {po.sku} from {po.supplier}"
            say(now, f"Inbound: {po.po_id}, {goods}, confirmed for {po.promised_on}.")
        say(now, f"Only {LANTERN} and {KETTLE} may be sold ahead of stock; every other SKU stops at zero.")
        self._turn()

    def live(self, days: int, progress: Progress) -> None:
        """Live through the days."""
        turns_a_day = int(timedelta(days=1) / TURN)
        for turn in range(days * turns_a_day):
            if turn % turns_a_day == 0:
                self.narrator.day(turn // turns_a_day + 1, self.clock.now())
            self._warehouse_works()
            self._buyers_order()
            self._luck()
            self.clock.pass_time(self.start_at + (turn + 1) * TURN - self.clock.now())
            self._turn()
            progress("turns", turn + 1, days * turns_a_day)
            if (turn + 1) % turns_a_day == 0:
                self.narrator.end_of_day()
        # Amazon shows orders two minutes late, and a raise waits until the last of them are known.
        for _ in range(_LAST_LOOKS):
            self.clock.pass_time(timedelta(minutes=5))
            if not self._turn().push["deferred"]:
                break

    def _luck(self) -> None:
        """Let the events happen whose time has come."""
        elapsed = self.clock.now() - self.start_at
        due = [event for at, event in self._events if at <= elapsed]
        self._events = [(at, event) for at, event in self._events if at > elapsed]
        for event in due:
            event()

    def _turn(self) -> RunReport:
        """Let the daemon do one turn, and tell what it did."""
        self.shop.write_records(self.records, self.clock.now())
        waited = self.clock.waited_seconds
        report = cycle.run(self.app, cycle.Wish(apply=True))
        for operation, count in report.requests.items():
            self.requests[operation] = self.requests.get(operation, 0) + count
        self.narrator.turn(report)
        if report.throttled:
            seconds = self.clock.waited_seconds - waited
            self.narrator.tell(
                self.clock.now(),
                f"AMAZON said 'too many requests'; the daemon waited {seconds:.0f} s and went on.",
            )
        with self.app.ledger.transaction() as books:
            decisions = books.offers.decisions()
        self.narrator.decisions(self.clock.now(), decisions)
        return report

    # --- buyers and warehouse --------------------------------------------------------------------

    def _buyers_order(self) -> None:
        placed = self.amazon.buy(self.shop.baskets(TURN / timedelta(hours=1)))
        self.narrator.count(placed=len(placed))

    def _warehouse_works(self) -> None:
        """Put away what arrived, pack what can leave; the packing list is the daemon's own."""
        now = self.clock.now()
        for po in self.shop.receive(self.app.calendar.local_date(now)):
            self.narrator.tell(now, f"STOCK  {po.po_id} is here: {po.quantity} × {po.sku} on the shelf.")
        if self.app.calendar.local(now).hour in _PACKING_HOURS:
            self._pack(now)

    def _pack(self, now: datetime) -> None:
        shipped = []
        for outlook in self._outlooks():
            items = units_of(outlook)
            if outlook.order_id != self.mislaid and can_be_packed(outlook) and self.shop.take(items):
                shipped.append(outlook.order_id)
        self.amazon.ship(shipped, now)
        self.narrator.count(shipped=len(shipped))

    def _outlooks(self) -> tuple[OrderOutlook, ...]:
        with self.app.ledger.transaction() as books:
            pending = {one.order_id for one in books.orders.holding_units(self.clock.now()) if one.is_pending}
            return tuple(one for one in books.orders.outlooks() if one.order_id not in pending)

    # --- events ----------------------------------------------------------------------------------

    def _buyer_changes_mind(self) -> None:
        order = self._some_order()
        self.amazon.ask_to_cancel(order, "Ordered by mistake")
        self.narrator.tell(self.clock.now(), f"BUYER  of order {order} asks to cancel it.")
        self._in(timedelta(hours=8), lambda: self._seller_cancels(order))

    def _seller_cancels(self, order: str) -> None:
        self.amazon.cancel_for_buyer(order)
        self.narrator.tell(self.clock.now(), f"SELLER cancels order {order} as the buyer asked.")

    def _amazon_is_busy(self) -> None:
        self.amazon.refuse("searchOrders", 1)

    def _supplier_slips(self) -> None:
        waiting = [o for o in self._outlooks() if o.blamed_lot and o.blamed_lot.startswith(KETTLE_PO)]
        po = self.shop.slip(KETTLE_PO, 9)
        self.slipped = tuple(outlook.order_id for outlook in waiting)
        self.narrator.tell(
            self.clock.now(),
            f"SLIP   {po.supplier} moves {po.po_id} to {po.promised_on}; {len(waiting)} orders wait for it.",
        )

    def _parcel_goes_missing(self) -> None:
        self.mislaid = self._some_order()
        self.narrator.tell(
            self.clock.now(), f"OOPS   the parcel of order {self.mislaid} is mislaid in the warehouse."
        )
        self._in(TURN, self._look_for_parcel)

    def _look_for_parcel(self) -> None:
        """Find the parcel only once the daemon has rung the last bell."""
        outlook = next((one for one in self._outlooks() if one.order_id == self.mislaid), None)
        if outlook is not None and outlook.stage == "T-4":
            self.narrator.tell(
                self.clock.now(), f"FOUND  order {self.mislaid} was behind the tape; it ships now."
            )
            self.shop.take(units_of(outlook))
            self.amazon.ship([outlook.order_id], self.clock.now())
            self.narrator.count(shipped=1)
        elif outlook is not None:
            self._in(TURN, self._look_for_parcel)

    def _in(self, span: timedelta, event: Callable[[], None]) -> None:
        """Let something happen a while from now."""
        self._events.append((self.clock.now() - self.start_at + span, event))

    def _some_order(self) -> str:
        """Return an order that could be packed, the one with the most time left."""
        ready = [one for one in self._outlooks() if can_be_packed(one)]
        return str(ready[-1].order_id)

    # --- the end ---------------------------------------------------------------------------------

    def outcome(self, days: int, config: Path, seconds: float) -> Outcome:
        """Compare the ledger with Amazon's own truth and sum up."""
        amazon = self.amazon.state()
        with self.app.ledger.transaction() as books:
            known = {order.order_id: order.status.value for order in books.orders.every()}
            decisions = books.offers.decisions()
        missing = [
            one for one, order in amazon["orders"].items() if known.get(OrderId(one)) != order["status"]
        ]
        wrong = [
            one.sku
            for one in decisions
            if one.desired is not None and one.desired != _shown(amazon["listings"][one.sku])
        ]
        return Outcome(
            days=days,
            counts=dict(self.narrator.total),
            requests=dict(sorted(self.requests.items())),
            missing_orders=tuple(missing),
            wrong_offers=tuple(wrong),
            slipped_orders=self.slipped,
            config=config,
            seconds=seconds,
        )


def _shown(listing: Mapping[str, Any]) -> Offer:
    """Return what buyers see of a listing, in Amazon's own account of it."""
    restock_on = listing["effective_restock_on"]
    return Offer(
        quantity=listing["live_quantity"],
        handling_days=listing["listing_handling_days"],
        restock_on=None if restock_on is None else date.fromisoformat(restock_on),
    )


def units_of(outlook: OrderOutlook) -> dict[str, int]:
    """Return the units an order still needs, by SKU."""
    return {str(item.sku): item.open_units for item in outlook.items}


def can_be_packed(outlook: OrderOutlook) -> bool:
    """Tell whether all of an order is on the shelf, by the daemon's word, and its buyer still wants it."""
    on_shelf = all(part.source is CoverSource.ON_HAND for item in outlook.items for part in item.cover)
    return on_shelf and outlook.state is not OrderState.CANCEL_REQUESTED
