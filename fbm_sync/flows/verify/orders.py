"""Orders: those open at Amazon and those that its report names, held against ours, in both directions.

A list or a report only raises suspicion; whatever it makes doubtful is read by id, and only that decides.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from http import HTTPStatus

from fbm_sync.domain.order import Order, OrderId, ReportedOrderLine
from fbm_sync.domain.order_comparison import (
    OrderDifference,
    OrderFault,
    ReportedDoubts,
    compare_orders,
    doubt_orders,
    expected_open,
)
from fbm_sync.domain.truth import doubt_about
from fbm_sync.errors import RemoteError, ReportCancelled, RequestRejected, UnexpectedPayload
from fbm_sync.ports import (
    Books,
    Clock,
    Ledger,
    OrderPage,
    OrderSource,
    OrderWindow,
    Progress,
    ReportSource,
    Unreadable,
    unwatched,
)

RecordOrders = Callable[[Books, Sequence[Order]], None]
"""How orders are recorded: as whoever reads them regularly records them."""

_AS_FAR_BACK = timedelta(days=365)
"""An order that has been open for longer is nobody's to ship."""

_MOST_BARREN_PAGES = 3
"""A page may come twice; so many in a row without anything new lead nowhere."""

_REPORT_LAG = timedelta(hours=6)
"""What changed later than this before a report was made need not be in it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class VerifyTerms:
    """What to compare: orders updated `since` an instant by Amazon's report, and all open ones.

    With `repair` what is missing or behind is read in. At most `most_asked` orders are read by id, what is
    left is said. `patience_seconds` is how long Amazon may take for its report.
    """

    since: datetime
    repair: bool = False
    most_asked: int = 300
    patience_seconds: float = 1800.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OrdersVerified:
    """How many orders of Amazon's were compared, what is wrong with which of ours, and what was mended.

    `doubts` say what could not be compared, and why.
    """

    compared: int = 0
    differences: tuple[OrderDifference, ...] = ()
    read_in: frozenset[OrderId] = frozenset()
    doubts: tuple[str, ...] = ()


def verify_orders(
    account: str,
    source: OrderSource,
    reports: ReportSource,
    ledger: Ledger,
    clock: Clock,
    terms: VerifyTerms,
    *,
    record: RecordOrders,
    progress: Progress = unwatched,
) -> OrdersVerified:
    """Compare an account's orders with Amazon's; with `terms.repair` read in what is not as it should be."""
    look = _Look(account, source, ledger, clock, terms, progress)
    look.at_open_orders()
    look.at_report(reports)
    look.at_doubtful_orders()
    read_in = look.repair(record) if terms.repair else frozenset[OrderId]()
    return OrdersVerified(
        compared=len(look.compared),
        differences=tuple(look.faults[order_id] for order_id in sorted(look.faults)),
        read_in=read_in,
        doubts=tuple(look.doubts),
    )


class _Look:
    """One look at an account's orders: what was read, what is wrong, what is still to be asked."""

    def __init__(
        self,
        account: str,
        source: OrderSource,
        ledger: Ledger,
        clock: Clock,
        terms: VerifyTerms,
        progress: Progress,
    ) -> None:
        self.account, self.source, self.ledger, self.clock = account, source, ledger, clock
        self.terms, self.progress = terms, progress
        self.read: dict[OrderId, Order] = {}
        self.compared: set[OrderId] = set()
        self.faults: dict[OrderId, OrderDifference] = {}
        self.to_ask: dict[OrderId, None] = {}
        self.doubts: list[str] = []
        with ledger.snapshot() as books:
            # As it was before anything was asked: what came later need not be known.
            self.known_up_to = books.orders.watermark(account)

    # --- the open ones ----------------------------------------------------------------------------

    def at_open_orders(self) -> None:
        """Compare Amazon's open orders with ours; what is open here and not there is to be asked for."""
        try:
            walked, read_up_to = self._walk()
        except RemoteError as error:
            self.doubts.append(f"open orders: {error}")
            return
        with self.ledger.snapshot() as books:
            ours = books.orders.known(self.account, [*walked, *books.truth.open_ids(self.account)])
        expected = expected_open(ours.values(), read_up_to)
        absent = expected - walked.keys()
        shown = len(expected) - len(absent)
        doubt = doubt_about("open orders", known=len(expected), shown=shown, may_be_empty=True)
        if doubt:
            self.doubts.append(doubt)
            return
        self._compare(ours, walked)
        self.to_ask |= dict.fromkeys(sorted(absent))

    def _walk(self) -> tuple[dict[OrderId, Order], datetime | None]:
        """Read all pages of open orders. Raises `UnexpectedPayload` when they lead back."""
        window = OrderWindow(since=self.clock.now() - _AS_FAR_BACK, only_open=True)
        walked: dict[OrderId, Order] = {}
        tokens: set[str | None] = {None}
        token = read_up_to = None
        barren = 0
        while True:
            page = self.source.page(window, token)
            self._set_aside(page)
            is_fresh = any(order.order_id not in walked for order in page.orders)
            barren = 0 if is_fresh or page.unreadable else barren + 1
            walked |= {order.order_id: order for order in page.orders}
            read_up_to = read_up_to or page.read_up_to
            self.progress("open orders", len(walked), None)
            token = page.next_token
            if token is None:
                return walked, read_up_to
            if token in tokens or barren >= _MOST_BARREN_PAGES:
                raise UnexpectedPayload(
                    f"Amazon's pages repeat themselves after {len(walked)} orders.",
                    operation="searchOrders",
                    next_step="Nothing is concluded from them.",
                )
            tokens.add(token)

    def _set_aside(self, page: OrderPage) -> None:
        if page.unreadable:
            self._note_unreadable("open orders", [item.subject for item in page.unreadable])
            if self.terms.repair:
                with self.ledger.transaction() as books:
                    books.orders.set_aside(self.account, page.unreadable, self.clock.now())

    def _note_unreadable(self, what: str, subjects: Sequence[str]) -> None:
        self.doubts.append(f"{what}: {len(subjects)} could not be read, the first is {subjects[0]}")

    # --- what the report says ---------------------------------------------------------------------

    def at_report(self, reports: ReportSource) -> None:
        """Find the orders that Amazon's report makes doubtful; those not known here are missing at once."""
        now = self.clock.now()
        patience = self.terms.patience_seconds
        try:
            report = reports.orders_by_last_update(self.terms.since, now, patience_seconds=patience)
        except ReportCancelled as error:
            # It is cancelled too when there is nothing to say, and then nobody here may know of anything.
            if self._known_of_report(now):
                self.doubts.append(f"report of orders: {error}")
            return
        except RemoteError as error:
            self.doubts.append(f"report of orders: {error}")
            return
        if report.unreadable:
            self._note_unreadable("report of orders", [item.subject for item in report.unreadable])
        self._judge_report(report.lines, now)

    def _known_of_report(self, now: datetime) -> frozenset[OrderId]:
        """Return the orders that a report made now must name."""
        with self.ledger.snapshot() as books:
            return books.truth.updated_between(self.account, self.terms.since, now - _REPORT_LAG)

    def _judge_report(self, lines: Sequence[ReportedOrderLine], now: datetime) -> None:
        named = {line.order_id for line in lines}
        expected = self._known_of_report(now)
        doubt = doubt_about("report of orders", known=len(expected), shown=len(expected & named))
        if doubt:
            self.doubts.append(doubt)
            return
        with self.ledger.snapshot() as books:
            ours = books.orders.known(self.account, sorted(named))
            aside = {item.subject for item in books.orders.quarantined() if item.account == self.account}
        found = doubt_orders(ours, lines, self.known_up_to, {OrderId(name) for name in aside})
        self.compared |= named
        self._note_reported(found)

    def _note_reported(self, found: ReportedDoubts) -> None:
        for order_id in found.missing:
            if order_id not in self.faults:
                self.faults[order_id] = OrderDifference(
                    account=self.account, order_id=order_id, fault=OrderFault.MISSING
                )
                if self.terms.repair:
                    self.to_ask[order_id] = None
        self.to_ask |= dict.fromkeys(one for one in found.doubtful if one not in self.read)

    # --- one by one -------------------------------------------------------------------------------

    def at_doubtful_orders(self) -> None:
        """Read by id what is doubtful, and let that decide; what is too much for one look is said."""
        wanted = list(self.to_ask)
        asked: dict[OrderId, Order] = {}
        for done, order_id in enumerate(wanted[: self.terms.most_asked], start=1):
            try:
                order = self._ask(order_id)
            except RemoteError as error:
                left = len(wanted) - done + 1
                self.doubts.append(f"{left} doubtful orders, the first is {order_id}: {error}")
                break
            if order is not None:
                asked[order_id] = order
            self.progress("doubtful", done, len(wanted))
        else:
            left = len(wanted) - self.terms.most_asked
            if left > 0:
                self.doubts.append(f"{left} more doubtful orders: run again to look at them")
        with self.ledger.snapshot() as books:
            ours = books.orders.known(self.account, list(asked))
        self._compare(ours, asked)

    def _ask(self, order_id: OrderId) -> Order | None:
        """Read one order; what Amazon does not know, or nobody can read, is noted. Raises other trouble."""
        try:
            return self.source.order(order_id)
        except UnexpectedPayload as error:
            self.doubts.append(f"order {order_id}: {error}")
            if self.terms.repair:
                with self.ledger.transaction() as books:
                    unreadable = Unreadable(subject=order_id, reason=str(error))
                    books.orders.set_aside(self.account, [unreadable], self.clock.now())
        except RequestRejected as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            if order_id in self.faults:
                self.doubts.append(f"order {order_id}: Amazon's report names it, and Amazon does not know it")
            else:
                self.faults[order_id] = OrderDifference(
                    account=self.account, order_id=order_id, fault=OrderFault.UNKNOWN_THERE
                )
        return None

    def _compare(self, ours: Mapping[OrderId, Order], theirs: Mapping[OrderId, Order]) -> None:
        self.read |= theirs
        self.compared |= theirs.keys()
        found = compare_orders(ours, theirs.values(), self.known_up_to)
        self.faults |= {one.order_id: one for one in found}

    # --- afterwards -------------------------------------------------------------------------------

    def repair(self, record: RecordOrders) -> frozenset[OrderId]:
        """Record what was read of missing and changed orders; return which were."""
        good = [self.read[order_id] for order_id in sorted(self.faults) if order_id in self.read]
        for some in _batches(good):
            with self.ledger.transaction() as books:
                record(books, some)
        return frozenset(order.order_id for order in good)


_AT_A_TIME = 500


def _batches(orders: Sequence[Order]) -> Iterable[Sequence[Order]]:
    for start in range(0, len(orders), _AT_A_TIME):
        yield orders[start : start + _AT_A_TIME]
