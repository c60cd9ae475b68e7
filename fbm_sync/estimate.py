"""What a run will cost before it runs: requests by operation, and how long Amazon's limits make them take."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any

from fbm_sync.cycle import Wish
from fbm_sync.flows import agenda
from fbm_sync.flows.pull import expected_pages, is_performance_wanted, next_window
from fbm_sync.ports import Books, CatchUp
from fbm_sync.wiring import App


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCalls:
    """How often an operation will be called, and how long its limit makes that take."""

    operation: str
    calls: int
    seconds: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """One step of a run, in the order of work, and how long after the run's start it is done."""

    account: str
    what: str
    operation: str
    calls: int
    done_after_seconds: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a run will cost, before it runs; accounts take their time side by side."""

    operations: tuple[PlannedCalls, ...]
    seconds: float
    steps: tuple[PlannedStep, ...] = ()
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the documented shape."""
        return {
            "operations": [dataclasses.asdict(call) for call in self.operations],
            "seconds": round(self.seconds, 1),
        }


_Step = tuple[str, str, int]
"""What is done, by which operation, how often."""

_LISTINGS_A_PAGE = 20
_ORDERS_A_PAGE = 100


def estimate(app: App, wish: Wish) -> Estimate:
    """Estimate the calls of a run from what the ledger knows; asks Amazon nothing.

    How many orders a span holds comes from their recent pace, listings from the last look; before the first
    run both are unknown and counted as one page, which a note says. Each account's time is what its request
    limits, as they stand now, let its steps take one after the other.
    """
    names = list(wish.accounts) or [account.name for account in app.settings.accounts]
    steps: list[PlannedStep] = []
    notes: list[str] = []
    calls: Counter[str] = Counter()
    slowest: dict[str, float] = {}
    for name in names:
        planned = _Planning(app, wish, name, notes).steps()
        steps += _timed(app, name, planned)
        for operation, seconds in _by_operation(app, name, planned).items():
            slowest[operation] = max(slowest.get(operation, 0.0), seconds)
        for _, operation, count in planned:
            calls[operation] += count
    operations = tuple(
        PlannedCalls(operation=operation, calls=calls[operation], seconds=round(slowest[operation], 1))
        for operation in sorted(calls)
    )
    longest = max((step.done_after_seconds for step in steps), default=0.0)
    return Estimate(operations=operations, seconds=longest, steps=tuple(steps), notes=tuple(notes))


def _timed(app: App, name: str, planned: Sequence[_Step]) -> list[PlannedStep]:
    """Say when each step is done, if all calls wait for their turn."""
    throttle, so_far, timed = app.account(name).gateway.throttle, Counter[str](), []
    for what, operation, count in planned:
        so_far[operation] += count
        seconds = round(throttle.seconds_for(so_far), 1)
        timed.append(
            PlannedStep(account=name, what=what, operation=operation, calls=count, done_after_seconds=seconds)
        )
    return timed


def _by_operation(app: App, name: str, planned: Sequence[_Step]) -> dict[str, float]:
    throttle, counts = app.account(name).gateway.throttle, Counter[str]()
    for _, operation, count in planned:
        counts[operation] += count
    return {operation: throttle.seconds_for({operation: count}) for operation, count in counts.items()}


class _Planning:
    """The steps of one account's run, in the order in which they are done."""

    def __init__(self, app: App, wish: Wish, name: str, notes: list[str]) -> None:
        self.app, self.wish, self.name, self.notes = app, wish, name, notes
        self.now = app.clock.now()
        # Asked for before the store is opened: what is left of the limits is remembered there.
        self.room = app.account(name).gateway.throttle.tokens_left()["searchOrders"]

    def steps(self) -> list[_Step]:
        """Return all steps that need Amazon."""
        wish = self.wish
        if wish.order_ids:
            pushing = self._push() if wish.only is None else []
            return [step for step in (("orders by id", "getOrder", len(wish.order_ids)), *pushing) if step[2]]
        steps: list[_Step] = []
        with self.app.ledger.transaction() as books:
            if wish.only in (None, "orders"):
                steps += self._orders(books)
            if wish.only in (None, "offers"):
                steps += self._offers(books)
        if wish.only is None and is_performance_wanted(self.app.ledger, self.name, self.now):
            steps += _report("Amazon's figures")
        if wish.only is None:
            steps += self._push()
        return [step for step in steps if step[2]]

    # --- orders

    def _orders(self, books: Books) -> list[_Step]:
        wish = self.wish
        under_way = books.catch_ups.under_way(self.name) if wish.until is None else None
        watermark = books.orders.watermark(self.name)
        since = wish.since or next_window(books, self.name, self.app.pull_terms, self.now).since
        pages = expected_pages(books, self.name, since, wish.until or self.now)
        if under_way is not None:
            return self._rest_of(under_way, books, pages)
        if watermark is None:
            self.notes.append(
                f"Account {self.name} was never read: the number of its orders is not known yet. "
                "What is open comes first, in pages of 100."
            )
        if wish.until is not None or watermark is None or pages <= self.room:
            return [("orders", "searchOrders", pages)]
        recent = expected_pages(books, self.name, self.now - self.app.pull_terms.recent, self.now)
        self._note_background()
        return [
            ("open orders", "searchOrders", 1 + _pages_of_open(books, self.name)),
            ("latest changes", "searchOrders", recent),
            *_report("order report"),
            ("past orders", "searchOrders", max(1, pages - recent)),
        ]

    def _rest_of(self, under_way: CatchUp, books: Books, pages: int) -> list[_Step]:
        """Return what is left of a catch-up, and what is new beside it."""
        left = expected_pages(books, self.name, under_way.since, under_way.until)
        if under_way.left_orders is not None:
            left = 1 + under_way.left_orders // _ORDERS_A_PAGE
        self._note_background()
        return [
            ("open orders", "searchOrders", 0 if under_way.open_read else _pages_of_open(books, self.name)),
            ("latest changes", "searchOrders", pages),
            *([] if under_way.reported else _report("order report")),
            ("orders by id", "getOrder", books.catch_ups.count_wanted(self.name)),
            ("past orders", "searchOrders", 0 if under_way.past_is_read else left),
        ]

    def _note_background(self) -> None:
        self.notes.append(
            f"Past orders of account {self.name} need not be waited for: a run reads as many of their pages "
            "as Amazon grants at once, the next runs or the daemon the rest. Amazon's own time to make "
            "a report (minutes) is not counted."
        )

    # --- offers

    def _offers(self, books: Books) -> list[_Step]:
        listings = len(books.offers.observed(self.name))
        if not listings:
            self.notes.append(
                f"The listings of account {self.name} were never read: their number is not known yet."
            )
        return [("listings", "searchListingsItems", 1 + listings // _LISTINGS_A_PAGE)]

    def _push(self) -> list[_Step]:
        terms = self.app.push_terms()
        with self.app.ledger.snapshot() as books:
            wanted = agenda.preview(books, self.name, terms.limits, self.now, ())
        if self.wish.apply:
            changes = len(wanted.go)
            seen = 2 * -(-changes // _LISTINGS_A_PAGE)
            return [("push", "patchListingsItem", changes), ("proof", "searchListingsItems", seen)]
        shown = min(len(wanted.go) + len(wanted.held), terms.validated_previews)
        return [("preview", "validationPreview", shown)]


def _report(what: str) -> list[_Step]:
    """Return what one report costs, where it is ready when it is first asked for."""
    return [(what, name, 1) for name in ("getReports", "createReport", "getReport", "getReportDocument")]


def _pages_of_open(books: Books, account: str) -> int:
    """Return how many pages the open orders fill that are known."""
    return 1 + books.catch_ups.count_open(account) // _ORDERS_A_PAGE
