"""Does Amazon promise what the listing says? Each new order's ship-by against the setting it was sold under.

Amazon may set handling times itself (Automated Handling Time): then orders are due earlier than the setting
says. It may add a day where many orders come in (order handling capacity): then they are due later. One
order proves little, so the pattern over recent orders decides what is said.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from fbm_sync.domain.alert import Finding, Severity
from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.claims import EXPEDITED, service_rank
from fbm_sync.domain.order import Order, OrderId, Sku

AUDIT_DAYS = 7
"""How far back the pattern is looked for."""

_LATEST = 50
"""So many orders of each SKU, the latest ones, make the pattern: what is over should not be told for long."""

_WEEKDAYS = frozenset(range(5))

_AROUND_MIDNIGHT = timedelta(hours=4)
"""An order placed so near to the seller's midnight may count for either day at the marketplace."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ShownTerms:
    """The handling time and restock date that a listing showed, from our first look at them to the last."""

    handling_days: int | None
    restock_on: date | None
    first_seen_at: datetime
    last_seen_at: datetime


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PromiseAudit:
    """What an order's ship-by was held against, once and for all.

    `off_days` are ship days between what the setting says and Amazon's ship-by: negative when Amazon wants
    it earlier, `None` where nothing could be compared. `sku` is the line that decides, `handling_days` its
    setting, `None` where a restock date decided. `due_on` is the last ship day by it.
    """

    account: str
    order_id: OrderId
    created_at: datetime
    sku: Sku
    handling_days: int | None = None
    due_on: date | None = None
    off_days: int | None = None

    @property
    def of_restock_date(self) -> bool:
        """Whether a restock date decided, and something could be compared."""
        return self.off_days is not None and self.handling_days is None


def audit_promise(
    order: Order, terms: Mapping[Sku, Sequence[ShownTerms]], calendar: ShipCalendar, settle: timedelta
) -> PromiseAudit | None:
    """Hold an order's ship-by against what its listings showed when it was placed; `None`: look later.

    Nothing is compared where a change was under way (`settle` is how long one takes to show), where the
    setting is the account's default, and for expedited orders, which have rules of their own. Of several
    lines the slowest decides.
    """
    untold = PromiseAudit(
        account=order.account,
        order_id=order.order_id,
        created_at=order.created_at,
        sku=order.items[0].sku if order.items else Sku(""),
    )
    if order.ship_by_at is None or not order.items or service_rank(order) == EXPEDITED:
        return untold
    windows, in_force = [], {}
    for sku in sorted({item.sku for item in order.items}):
        known = terms.get(sku, ())
        if not known or order.created_at > max(one.last_seen_at for one in known):
            return None
        shown = _in_force(known, order.created_at, settle)
        if shown is None or (shown.handling_days is None and not _restocks_after(shown, order, calendar)):
            return untold
        in_force[sku] = shown
        windows.append((*_due_between(shown, order, calendar), sku))
    earliest = max(first for first, _, _ in windows)
    latest, sku = max((last, sku) for _, last, sku in windows)
    shown = in_force[sku]
    off_days = _off_days(order.ship_by_at, earliest, latest, calendar)
    return dataclasses.replace(
        untold,
        sku=sku,
        handling_days=None if _restocks_after(shown, order, calendar) else shown.handling_days,
        due_on=latest if off_days > 0 else earliest,
        off_days=off_days,
    )


def _in_force(terms: Sequence[ShownTerms], at: datetime, settle: timedelta) -> ShownTerms | None:
    """Return the terms that surely held at an instant; `None` while a change may have been under way.

    What a listing showed at our first look is no change: it held at once.
    """
    by_time = sorted(terms, key=lambda one: one.first_seen_at)
    for number, one in enumerate(by_time):
        if one.first_seen_at + (settle if number else timedelta()) <= at <= one.last_seen_at:
            return one
    return None


def _restocks_after(shown: ShownTerms, order: Order, calendar: ShipCalendar) -> bool:
    return shown.restock_on is not None and shown.restock_on > calendar.local_date(order.created_at)


def _due_between(shown: ShownTerms, order: Order, calendar: ShipCalendar) -> tuple[date, date]:
    """Return the first and the last day that may be meant as the last ship day by these terms.

    Amazon counts Monday to Friday, and the days the seller has switched on; orders after the cut-off, on a
    closed day or around midnight may count for the next day. A restock date may have handling time added.
    """
    days = shown.handling_days or 0
    plain = dataclasses.replace(calendar, weekdays=_WEEKDAYS)
    if shown.restock_on is not None and _restocks_after(shown, order, calendar):
        starts = [shown.restock_on]
        spans: tuple[int, ...] = (0, days)
    else:
        early = calendar.local_date(order.created_at - _AROUND_MIDNIGHT)
        starts = [early, calendar.local_date(order.created_at), calendar.start_on(order.created_at)]
        starts.append(plain.start_on(order.created_at))
        spans = (days,)
    ends = [place.add_ship_days(on, span) for place in (calendar, plain) for on in starts for span in spans]
    return min(ends), max(ends)


def _off_days(ship_by_at: datetime, earliest: date, latest: date, calendar: ShipCalendar) -> int:
    """Return by how many ship days a ship-by is before the first or after the last day that may be meant."""
    shown_on = calendar.local_date(ship_by_at)
    worked_on = calendar.last_ship_day_for(ship_by_at)
    if shown_on < earliest:
        return -max(1, calendar.ship_days_between(worked_on, earliest))
    if worked_on > latest:
        return max(1, calendar.ship_days_between(latest, worked_on))
    return 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Tally:
    """How the audited orders of one account, or of one SKU, came out."""

    orders: int
    earlier: tuple[PromiseAudit, ...]
    later: tuple[PromiseAudit, ...]


def mismatch_findings(account: str, audits: Iterable[PromiseAudit]) -> list[Finding]:
    """Return the finding that an account's orders do not get the ship-by their listings say.

    One for the account; where only one of several SKUs is off, one for that SKU. None when all is right.
    """
    told = sorted(
        (one for one in audits if one.account == account and one.off_days is not None),
        key=lambda one: (one.created_at, one.order_id),
    )
    by_sku: dict[Sku, list[PromiseAudit]] = {}
    for one in told:
        by_sku.setdefault(one.sku, []).append(one)
    latest = [one for some in by_sku.values() for one in some[-_LATEST:]]
    tally, off = _tally(latest), sorted({one.sku for one in latest if one.off_days})
    if not off:
        return []
    if len(off) == 1 < len(by_sku):
        return [_finding(account, off[0], f" of {off[0]}", _tally(by_sku[off[0]][-_LATEST:]))]
    return [_finding(account, account, "", tally)]


def _tally(audits: Sequence[PromiseAudit]) -> _Tally:
    return _Tally(
        orders=len(audits),
        earlier=tuple(one for one in audits if (one.off_days or 0) < 0),
        later=tuple(one for one in audits if (one.off_days or 0) > 0),
    )


def _finding(account: str, subject: str, of_sku: str, tally: _Tally) -> Finding:
    """Word what the pattern says; orders that are due earlier than they should be are the worse half."""
    worse = tally.earlier or tally.later
    if tally.earlier:
        severity, (conclusion, action) = Severity.WARNING, _why_earlier(tally)
    else:
        severity, (conclusion, action) = Severity.INFO, _why_later(tally)
    orders = "1 recent order" if tally.orders == 1 else f"{tally.orders} recent orders"
    return Finding(
        account=account,
        kind="promise_mismatch",
        subject=subject,
        severity=severity,
        text=f"Of {orders}{of_sku} {_counted(tally)} {_example(worse[-1])}. {conclusion}",
        action=action,
        orders=tuple(one.order_id for one in reversed(worse)),
    )


def _counted(tally: _Tally) -> str:
    parts = [
        f"{len(some)} {'is' if len(some) == 1 else 'are'} due {_days(some)} {how} than the listing says"
        for how, some in (("earlier", tally.earlier), ("later", tally.later))
        if some
    ]
    return " and ".join(parts)


def _days(audits: Sequence[PromiseAudit]) -> str:
    """Say by how many ship days orders are off: the usual number, or from the least to the most."""
    off = sorted({abs(one.off_days or 0) for one in audits})
    if len(off) > 1:
        return f"{off[0]} to {off[-1]} ship days"
    return "1 ship day" if off[0] == 1 else f"{off[0]} ship days"


def _example(audit: PromiseAudit) -> str:
    days = audit.handling_days
    setting = "its restock date" if days is None else f"{days} {'day' if days == 1 else 'days'} of handling"
    return f"(such as {audit.order_id}: by {setting} it leaves by {audit.due_on})"


def _why_earlier(tally: _Tally) -> tuple[str, str]:
    if all(one.of_restock_date for one in tally.earlier):
        return (
            "Amazon does not use the restock date that it accepted; nothing is sold by it for a week.",
            "Save the listing's restock date by hand in Seller Central; expedite what these orders need.",
        )
    if len(tally.earlier) > 1 and 2 * len(tally.earlier) >= tally.orders:
        return (
            "Automated Handling Time seems on: Amazon sets the handling time itself.",
            'If Seller Central says so too, set automated_handling = "on" for it; ship by Amazon\'s dates.',
        )
    return (
        "Amazon used another handling time than the listing shows.",
        "Ship by Amazon's date, which counts, and look at the handling time in Seller Central.",
    )


def _why_later(tally: _Tally) -> tuple[str, str]:
    """Orders that are due exactly a day later, on some days only, come from the handling capacity."""
    if {one.off_days for one in tally.later} == {1}:
        days = Counter(one.created_at.date() for one in tally.later)
        on_days = "1 day" if len(days) == 1 else f"{len(days)} days"
        return (
            f"An extra handling-capacity day seems to be added (on {on_days}).",
            "Nothing needs to be done: Amazon gives more time where many orders come in.",
        )
    return (
        "Amazon used a longer handling time than the listing shows.",
        "Look at the handling time in Seller Central: buyers are shown a later date than you need.",
    )
