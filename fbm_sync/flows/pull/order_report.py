"""The report on orders of a long past: what no page has told yet, all at once, as far as a report tells.

Here: one report for a catch-up, recorded where nothing better is known. Not here: what its words mean
(`domain.reported`), when it is asked for (`catch_up`).
"""

import dataclasses
from collections.abc import Sequence
from datetime import timedelta

import structlog

from fbm_sync.domain.order import Order
from fbm_sync.domain.reported import reported_orders
from fbm_sync.errors import RemoteError, Throttled, Unavailable
from fbm_sync.flows.pull.by_id import Tally, record_orders
from fbm_sync.flows.pull.terms import Means
from fbm_sync.ports import CatchUp, Clock, Ledger, OrderReport, Progress

REPORT_GIVEN_UP = "order_report_given_up"

_REPORTED_SPAN = timedelta(days=30)
"""Amazon reports no longer span of orders at once; what is older comes with the pages."""

_CHUNK = 500

_log = structlog.get_logger()


class OrderReporting:
    """One account's report on the orders of a catch-up."""

    def __init__(
        self, account: str, ledger: Ledger, clock: Clock, means: Means, tally: Tally, progress: Progress
    ) -> None:
        self.account, self.ledger, self.clock = account, ledger, clock
        self.means, self.tally, self.progress = means, tally, progress

    def read(self, under_way: CatchUp, patience_seconds: float) -> None:
        """Let one report tell of what no page has told yet; one that cannot be had is done without.

        One that takes longer than the patience is waited for by the next pull.
        """
        if under_way.reported or under_way.past_is_read:
            return
        reports = self.means.reports
        if reports is None:
            self._note(None)
            return
        until = under_way.begun_at
        since = max(under_way.since, until - _REPORTED_SPAN)
        try:
            report = reports.orders_by_last_update(since, until, patience_seconds=patience_seconds)
        except Unavailable as error:  # not finished yet, or not to be had now
            _log.debug("order_report_waited_for", account=self.account, error=str(error))
        except Throttled:
            raise
        except RemoteError as error:
            _log.warning(REPORT_GIVEN_UP, account=self.account, error=str(error))
            self._note(None)
        else:
            self._record(report, under_way)

    def _record(self, report: OrderReport, under_way: CatchUp) -> None:
        """Record the orders that only the report knows; those it calls open are read by id as well."""
        spoilt = {row.subject for row in report.unreadable}
        lines = [line for line in report.lines if line.order_id not in spoilt]
        orders = reported_orders(lines)
        for start in range(0, len(orders), _CHUNK):
            self._record_unknown(orders[start : start + _CHUNK])
            self.progress("reported orders", min(start + _CHUNK, len(orders)), len(orders))
        ours = {order.order_id for order in orders}
        past = {one.order_id for one in lines if under_way.since <= one.updated_at <= under_way.until}
        self._note(len(ours & past))

    def _record_unknown(self, orders: Sequence[Order]) -> None:
        with self.ledger.transaction() as books:
            known = books.orders.known(self.account, [order.order_id for order in orders])
            fresh = [order for order in orders if order.order_id not in known]
            record_orders(self.account, fresh, books, self.tally, self.clock.now())
            books.catch_ups.want(self.account, [order.order_id for order in fresh if order.is_open])

    def _note(self, left_orders: int | None) -> None:
        with self.ledger.transaction() as books:
            found = books.catch_ups.under_way(self.account)
            if found is not None:
                told = dataclasses.replace(found, reported=True, left_orders=left_orders)
                books.catch_ups.save(self.account, told)
