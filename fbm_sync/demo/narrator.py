"""The words of the demo: what happens in the shop, and what the daemon makes of it."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime

from fbm_sync.adapters.notify.wording import word
from fbm_sync.domain.alert import Notification, TransitionKind
from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.decision import OfferDecision
from fbm_sync.domain.listing import ListingMode, describe
from fbm_sync.domain.order import Sku
from fbm_sync.report import RunReport

_MODES = {
    ListingMode.IN_STOCK: "sold from stock",
    ListingMode.BACKORDER: "sold ahead of inbound",
    ListingMode.PREORDER: "sold before release",
    ListingMode.SOLD_OUT: "sold out",
}


class Narrator:
    """Tells the story line by line, each with the seller's local time; keeps the day's counts."""

    def __init__(self, say: Callable[[str], None], calendar: ShipCalendar) -> None:
        self._say, self._calendar = say, calendar
        self._offers: dict[Sku, tuple[ListingMode, object]] = {}
        self._today: Counter[str] = Counter()
        self.total: Counter[str] = Counter()

    def day(self, number: int, at: datetime) -> None:
        """Open a day."""
        self._say("")
        self._say(f"Day {number} · {self._calendar.local(at):%A %d %B}")

    def tell(self, at: datetime, text: str) -> None:
        """Say what happened."""
        self._say(f"  {self._calendar.local(at):%H:%M}  {text}")

    def count(self, **counts: int) -> None:
        """Add to the day's counts."""
        self._today.update(counts)
        self.total.update(counts)

    def turn(self, report: RunReport) -> None:
        """Take note of one turn of the daemon."""
        self.count(
            new=report.orders["new"],
            pushed=report.push["applied"],
            calls=sum(report.requests.values()),
            throttled=report.throttled,
            opened=report.alerts["opened"],
            told=report.alerts["sent"],
            failed=len(report.failed),
        )

    def decisions(self, at: datetime, decisions: Iterable[OfferDecision]) -> None:
        """Say which offers changed their way of selling or the date they promise."""
        for one in decisions:
            if one.desired is None:
                continue
            state = (one.mode, one.desired.restock_on)
            before = self._offers.get(one.sku)
            self._offers[one.sku] = state
            if before is None or before == state:
                continue
            change = (
                _MODES[one.mode] if before[0] is one.mode else f"{_MODES[before[0]]} → {_MODES[one.mode]}"
            )
            self.tell(at, f"OFFER  {one.sku}: {change}: {describe(one.desired)}")
            self.tell(at, f"       {one.reasons[0]}")

    def end_of_day(self) -> None:
        """Close a day with its counts."""
        day = self._today
        self._say(
            f"         {day['placed']} orders placed, {day['shipped']} shipped; "
            f"{day['pushed']} offer changes written and read back; {day['calls']} calls to Amazon"
        )
        self._today = Counter()


class PeopleChannel:
    """The channel on which the demo's operations people hear of trouble: the terminal."""

    label = "people"

    def __init__(self, narrator: Narrator, calendar: ShipCalendar, now: Callable[[], datetime]) -> None:
        self._narrator, self._calendar, self._now = narrator, calendar, now
        self._last_said = ""

    def deliver(self, notification: Notification) -> None:
        """Tell the message; the reason only once when several in a row share it."""
        message = word(notification.transition, self._calendar, self._now())
        self._narrator.tell(self._now(), f"ALERT  {message.subject}")
        finding = notification.transition.alert.finding
        reason = f"{finding.text} {finding.action}"
        if notification.transition.kind is not TransitionKind.RESOLVED and reason != self._last_said:
            self._narrator.tell(self._now(), f"       {reason}")
            self._last_said = reason
