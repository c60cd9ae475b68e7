"""Is what we know true? The store held against itself and against Amazon, by hand or once a day.

Here: which parts are looked at, in which order, and what comes of it for scripts and for the alert list. Not
here: what counts as a difference (`domain`), how it is found (`flows.verify`), what a screen shows (`cli`).
"""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from structlog.contextvars import bound_contextvars

from fbm_sync import logs
from fbm_sync.cycle import Turn, Wish
from fbm_sync.domain.alert import Finding
from fbm_sync.domain.drift import Drift
from fbm_sync.domain.listing import describe
from fbm_sync.domain.order import Order, OrderId
from fbm_sync.domain.order_comparison import OrderDifference, OrderFault
from fbm_sync.domain.truth import (
    Invariant,
    broken_invariants,
    gone_finding,
    is_due,
    missing_orders_finding,
    unverified_finding,
)
from fbm_sync.flows.pull.by_id import Tally, record_orders
from fbm_sync.flows.verify import (
    OffersVerified,
    OrdersVerified,
    RecordOrders,
    VerifyTerms,
    verify_offers,
    verify_orders,
)
from fbm_sync.ports import Books, Clock, Progress, unwatched
from fbm_sync.report import RunReport
from fbm_sync.wiring import App

_log = structlog.get_logger()

SOURCE = "verify"
"""The name under which findings are noted."""

USUAL_SPAN = timedelta(days=7)
"""How far back Amazon's report is compared; a longer one costs no more requests."""

_BEGUN = "verify_begun"
_ORDERS_A_PAGE, _LISTINGS_A_PAGE = 100, 20
_LOOKS_AT_A_REPORT = 6


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AccountVerified:
    """What came of one account."""

    orders: OrdersVerified
    offers: OffersVerified

    @property
    def doubts(self) -> tuple[str, ...]:
        """What could not be compared, and why."""
        return (*self.orders.doubts, *self.offers.doubts)

    @property
    def still_wrong(self) -> tuple[OrderDifference, ...]:
        """The orders that are not here as they are at Amazon, those just read in left out."""
        return tuple(one for one in self.orders.differences if one.order_id not in self.orders.read_in)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What came of the whole look."""

    invariants: tuple[Invariant, ...]
    accounts: Mapping[str, AccountVerified]
    report: RunReport

    @property
    def is_true(self) -> bool:
        """Whether everything was compared and is as it should be, what was just mended included."""
        return all(one.ok for one in self.invariants) and not any(
            one.doubts or one.still_wrong or one.offers.drifts or one.offers.gone
            for one in self.accounts.values()
        )

    @property
    def missing(self) -> tuple[OrderId, ...]:
        """The orders that Amazon has and nobody here knew of."""
        return tuple(
            difference.order_id
            for one in self.accounts.values()
            for difference in one.orders.differences
            if difference.fault is OrderFault.MISSING
        )

    @property
    def changed(self) -> tuple[OrderDifference, ...]:
        """The orders that are otherwise here than at Amazon."""
        return tuple(
            difference
            for one in self.accounts.values()
            for difference in one.orders.differences
            if difference.fault is not OrderFault.MISSING
        )

    @property
    def drifts(self) -> tuple[Drift, ...]:
        """The listings that show what neither buyers nor we brought about."""
        return tuple(drift for one in self.accounts.values() for drift in one.offers.drifts)

    @property
    def read_in(self) -> int:
        """How many orders were read in."""
        return sum(len(one.orders.read_in) for one in self.accounts.values())

    def findings(self) -> list[Finding]:
        """Return what people are to be told; a drift is found by itself, where listings are looked at."""
        found = broken_invariants(self.invariants)
        for name, one in self.accounts.items():
            parts = (
                missing_orders_finding(name, one.orders.differences, one.orders.read_in),
                gone_finding(name, one.offers.gone),
                unverified_finding(name, one.doubts),
            )
            found.extend(part for part in parts if part is not None)
        return found

    def as_json(self) -> dict[str, Any]:
        """Return the documented shape."""
        wanted = {
            (name, sku): offer
            for name, one in self.accounts.items()
            for sku, offer in one.offers.wanted.items()
        }
        return {
            "invariants": [dataclasses.asdict(one) for one in self.invariants],
            "missing_orders": list(self.missing),
            "drifted": [
                *map(_order_json, self.changed),
                *(
                    _drift_json(one) | {"should_show": wanted.get((one.account, one.sku))}
                    for one in self.drifts
                ),
            ],
            "gone_listings": [
                {"account": name, "sku": sku}
                for name, one in self.accounts.items()
                for sku in one.offers.gone
            ],
            "repaired": self.read_in,
            "compared": {
                "orders": sum(one.orders.compared for one in self.accounts.values()),
                "listings": sum(one.offers.compared for one in self.accounts.values()),
            },
            "not_compared": [
                {"account": name, "why": doubt} for name, one in self.accounts.items() for doubt in one.doubts
            ],
            "requests": dict(sorted(self.report.requests.items())),
            "throttled": self.report.throttled,
            "duration_seconds": round(self.report.duration_seconds, 3),
        }


def _order_json(one: OrderDifference) -> dict[str, Any]:
    return {
        "account": one.account,
        "kind": "order",
        "subject": one.order_id,
        "fault": one.fault.value,
        "words": list(one.words),
    }


def _drift_json(one: Drift) -> dict[str, Any]:
    return {
        "account": one.account,
        "kind": "listing",
        "subject": one.sku,
        "fault": "back_to_life" if one.raised and one.was.quantity == 0 else "drifted",
        "words": [f"{describe(one.was)} before, {describe(one.shown)} at Amazon"],
        "was": one.was,
        "shows": one.shown,
    }


# --- the look ----------------------------------------------------------------------------------------


def verify(
    app: App,
    *,
    accounts: Sequence[str] = (),
    since: datetime | None = None,
    repair: bool = False,
    progress: Progress = unwatched,
) -> Verified:
    """Hold the store against itself and against Amazon; with `repair` read in what is missing.

    What it finds is noted for the alert list where it mends and has looked at all accounts.
    """
    turn = Turn(app, Wish(accounts=accounts), progress)
    looked: dict[str, AccountVerified] = {}
    invariants: list[Invariant] = []
    begun_at = app.clock.now()
    span = min(USUAL_SPAN, app.pull_terms.first)  # what is older was never read
    terms = VerifyTerms(since=since or begun_at - span, repair=repair)

    def verifying() -> None:
        with app.ledger.snapshot() as books:
            invariants.extend(books.truth.invariants(begun_at))
        for name in turn.accounts:
            with bound_contextvars(account=name):
                looked[name] = _look_at(app, name, terms, progress)

    report = turn.only(verifying)
    verified = Verified(invariants=tuple(invariants), accounts=looked, report=report)
    if repair and set(looked) == {account.name for account in app.settings.accounts}:
        with app.ledger.transaction() as books:
            books.alerts.note(SOURCE, verified.findings(), app.clock.now())
    _log.info(
        logs.TRUTH_VERIFIED,
        broken=sum(not one.ok for one in verified.invariants),
        missing=len(verified.missing),
        drifted=len(verified.changed) + len(verified.drifts),
        repaired=verified.read_in,
        is_true=verified.is_true,
    )
    return verified


def _look_at(app: App, name: str, terms: VerifyTerms, progress: Progress) -> AccountVerified:
    account = app.account(name)
    orders = verify_orders(
        name,
        account.spare_orders,
        account.reports,
        app.ledger,
        app.clock,
        terms,
        record=_recorder(name, app.clock),
        progress=progress,
    )
    offers = verify_offers(
        name, account.offers, app.ledger, app.clock, repair=terms.repair, progress=progress
    )
    return AccountVerified(orders=orders, offers=offers)


def _recorder(account: str, clock: Clock) -> RecordOrders:
    """Return how the regular reading records an account's orders: what is mended must come out the same."""

    def record(books: Books, orders: Sequence[Order]) -> None:
        record_orders(account, orders, books, Tally(), clock.now())

    return record


# --- once a day --------------------------------------------------------------------------------------


def verify_daily(app: App) -> RunReport:
    """Verify and mend if the day's look is due; a look that was begun is not begun again on that day.

    It is noted before it begins: one that brings the process down must not be tried again and again. The
    first start only notes that days count from now.
    """
    now, at = app.clock.now(), app.settings.daemon.verify_at
    with app.ledger.transaction() as books:
        last = books.runs.last_success(_BEGUN, "")
        due = is_due(at, last, now, app.calendar)
        if due:
            books.runs.succeeded(_BEGUN, "", "", now)
    if not due or last is None:
        return RunReport()
    return verify(app, repair=True).report


def expected_calls(app: App, account: str) -> Counter[str]:
    """Return how many requests a look at an account takes, as far as the store knows its size."""
    with app.ledger.snapshot() as books:
        open_orders = len(books.truth.open_ids(account))
        listings = len(books.offers.observed(account))
    return Counter(
        searchOrders=1 + open_orders // _ORDERS_A_PAGE,
        searchListingsItems=1 + listings // _LISTINGS_A_PAGE,
        getReports=1,
        createReport=1,
        getReport=_LOOKS_AT_A_REPORT,
        getReportDocument=1,
    )
