"""What was so before: dates that purchase orders had, what listings showed, how orders stood."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from operator import attrgetter

from pydantic import TypeAdapter
from sqlalchemy import Connection, and_, exists, func, or_, select

from fbm_sync.adapters.store import lot_dates, outlook_record, shown_terms
from fbm_sync.adapters.store.offer_tables import ObservedOfferRow, OfferDecisionRow, VerdictRow
from fbm_sync.adapters.store.order_book import SqlOrderBook
from fbm_sync.adapters.store.order_tables import OrderItemRow, OrderRow, OutlookHistoryRow
from fbm_sync.adapters.store.plan_book import note_changed
from fbm_sync.adapters.store.shapes import from_json
from fbm_sync.adapters.store.tables import table_of
from fbm_sync.adapters.store.watch_tables import PromiseAuditRow
from fbm_sync.adapters.store.writing import one_of, upsert
from fbm_sync.domain.decision import Verdict
from fbm_sync.domain.drift import Drift
from fbm_sync.domain.listing import ObservedOffer, Offer
from fbm_sync.domain.order import PENDING, Fulfiller, Order, OrderId, OrderStatus, Sku
from fbm_sync.domain.promise_audit import PromiseAudit, ShownTerms
from fbm_sync.domain.restock_proof import RestockShown
from fbm_sync.domain.risk import OrderOutlook, OrderState
from fbm_sync.domain.sku_finding import Worried
from fbm_sync.domain.slip import OrderKey, SlippedLot
from fbm_sync.ports import ShippedAudit, WorriedDecision

_ORDERS = table_of(OrderRow)
_ITEMS = table_of(OrderItemRow)
_HISTORY = table_of(OutlookHistoryRow)
_DECISIONS = table_of(OfferDecisionRow)
_VERDICTS = table_of(VerdictRow)
_OBSERVED = table_of(ObservedOfferRow)
_AUDITS = table_of(PromiseAuditRow)

_VERDICT = TypeAdapter(Verdict)
_OBSERVED_OFFER = TypeAdapter(ObservedOffer)

_OURS = _ORDERS.c.fulfilled_by != Fulfiller.AMAZON.value
_NOT_PENDING = _ORDERS.c.status.not_in([status.value for status in sorted(PENDING)])
_ITS_ITEMS = and_(_ITEMS.c.account == _ORDERS.c.account, _ITEMS.c.order_id == _ORDERS.c.order_id)
_ITS_AUDIT = and_(_AUDITS.c.account == _ORDERS.c.account, _AUDITS.c.order_id == _ORDERS.c.order_id)


class SqlWatchBook:
    """The former state of things in the database, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # --- purchase orders, and orders that wait for them

    def slipped_lots(self, today: date) -> tuple[SlippedLot, ...]:
        return lot_dates.slipped(self._connection, today)

    def waiting_for(self, skus: Collection[Sku]) -> tuple[OrderOutlook, ...]:
        return outlook_record.of_skus(self._connection, skus, waiting=True)

    def orders_for(self, skus: Collection[Sku]) -> tuple[OrderOutlook, ...]:
        return outlook_record.of_skus(self._connection, skus, waiting=False)

    def states_at(self, order_ids: Collection[OrderId], at: datetime) -> Mapping[OrderKey, OrderState]:
        column = _HISTORY.c
        held = select(column.account, column.order_id, column.state).where(
            one_of(column.order_id, sorted(order_ids)),
            column.first_judged_at <= at,
            or_(column.ended_at.is_(None), column.ended_at > at),
        )
        return {
            (row.account, OrderId(row.order_id)): OrderState(row.state)
            for row in self._connection.execute(held)
        }

    # --- listings

    def drifts(self) -> tuple[tuple[Drift, Offer], ...]:
        return shown_terms.drifts(self._connection)

    def worried(self) -> tuple[WorriedDecision, ...]:
        column = _DECISIONS.c
        same = and_(column.account == _OBSERVED.c.account, column.sku == _OBSERVED.c.sku)
        statement = (
            select(column.account, column.sku, _VERDICTS.c.body, _OBSERVED.c.body.label("shown"))
            .join_from(_DECISIONS, _VERDICTS, column.digest == _VERDICTS.c.digest)
            .join(_OBSERVED, same, isouter=True)
            .where(column.superseded_at.is_(None), column.has_worries)
            .order_by(column.account, column.sku)
        )
        found = []
        for row in self._connection.execute(statement):
            verdict = from_json(_VERDICT, row.body)
            shown = None if row.shown is None else from_json(_OBSERVED_OFFER, row.shown).offer
            worried = Worried(account=row.account, sku=Sku(row.sku), worries=verdict.worries)
            found.append(WorriedDecision(worried=worried, is_outdated=shown != verdict.observed))
        return tuple(found)

    def terms_of(self, account: str, skus: Collection[Sku]) -> Mapping[Sku, Sequence[ShownTerms]]:
        return shown_terms.terms_of(self._connection, account, skus)

    def forget(self, before: datetime) -> None:
        shown_terms.forget(self._connection, before)

    # --- audits

    def unaudited(self, account: str, read_since: datetime) -> tuple[Order, ...]:
        column = _ORDERS.c
        fresh = select(column.order_id).where(
            column.account == account,
            column.first_read_at >= read_since,
            _OURS,
            _NOT_PENDING,
            ~exists().where(_ITS_AUDIT),
        )
        named = [OrderId(name) for name in self._connection.execute(fresh).scalars()]
        if not named:
            return ()
        known = SqlOrderBook(self._connection).known(account, named)
        return tuple(sorted(known.values(), key=attrgetter("created_at", "order_id")))

    def record_audits(self, audits: Sequence[PromiseAudit]) -> None:
        rows = [
            {
                "account": one.account,
                "order_id": one.order_id,
                "created_at": one.created_at,
                "sku": one.sku,
                "handling_days": one.handling_days,
                "due_on": one.due_on,
                "off_days": one.off_days,
            }
            for one in audits
        ]
        upsert(self._connection, _AUDITS, rows, keep=rows[0].keys() if rows else ())
        note_changed(self._connection, (one.sku for one in audits if one.of_restock_date))

    def audits(self, account: str, since: datetime) -> tuple[PromiseAudit, ...]:
        column = _AUDITS.c
        told = select(_AUDITS).where(
            column.account == account, column.created_at >= since, column.off_days.is_not(None)
        )
        rows = self._connection.execute(told.order_by(column.created_at, column.order_id)).mappings()
        return tuple(PromiseAudit(**row) for row in rows)

    def restock_shown(
        self, account: str, since: datetime, skus: Collection[Sku] | None = None
    ) -> Mapping[Sku, RestockShown]:
        column = _AUDITS.c
        by_date = (column.handling_days.is_(None), column.off_days.is_not(None), column.created_at >= since)
        told = select(column.sku, column.order_id, column.created_at, column.off_days)
        told = told.where(column.account == account, *by_date)
        if skus is not None:
            told = told.where(one_of(column.sku, sorted(skus)))
        rows = self._connection.execute(told.order_by(column.created_at, column.order_id))
        return {
            Sku(row.sku): RestockShown(
                order_id=OrderId(row.order_id), created_at=row.created_at, off_days=row.off_days
            )
            for row in rows
        }

    def shipped_audits(self, account: str, since: datetime) -> tuple[ShippedAudit, ...]:
        column = _AUDITS.c
        statement = (
            select(*column, _ORDERS.c.shipped_at)
            .join_from(_AUDITS, _ORDERS, _ITS_AUDIT)
            .where(column.account == account, column.created_at >= since, column.handling_days.is_not(None))
            .where(_ORDERS.c.shipped_at.is_not(None), ~_ORDERS.c.is_open)
            .order_by(column.created_at, column.order_id)
        )
        return tuple(
            ShippedAudit(
                audit=PromiseAudit(**{one.name: row[one.name] for one in column}),
                shipped_at=row["shipped_at"],
            )
            for row in self._connection.execute(statement).mappings()
        )

    # --- how fast SKUs sell

    def busy_skus(self, account: str, since: datetime, at_least: int) -> Mapping[Sku, tuple[int, ...]]:
        column = _ITEMS.c
        recent = and_(_ORDERS.c.account == account, _ORDERS.c.created_at >= since, _OURS)
        # A shop of a million SKUs sells most of them once: only what sells often is read.
        often = (
            select(column.sku)
            .join_from(_ORDERS, _ITEMS, _ITS_ITEMS)
            .where(recent)
            .group_by(column.sku)
            .having(func.count(column.order_id.distinct()) >= at_least)
        )
        units = (
            select(column.sku, func.sum(column.ordered_units).label("units"))
            .join_from(_ORDERS, _ITEMS, _ITS_ITEMS)
            .where(recent, column.sku.in_(often))
            .group_by(column.sku, column.order_id)
            .order_by(column.sku, column.order_id)
        )
        found: dict[Sku, tuple[int, ...]] = {}
        for row in self._connection.execute(units):
            found[Sku(row.sku)] = (*found.get(Sku(row.sku), ()), int(row.units))
        return found

    def bought_since(self, account: str, since: Mapping[Sku, datetime]) -> Mapping[Sku, int]:
        if not since:
            return {}
        column = _ITEMS.c
        bought = (
            select(column.sku, _ORDERS.c.created_at, column.ordered_units)
            .join_from(_ORDERS, _ITEMS, _ITS_ITEMS)
            .where(_ORDERS.c.account == account, _ORDERS.c.created_at > min(since.values()), _OURS)
            .where(_ORDERS.c.status != OrderStatus.CANCELLED.value, column.cancelled_by.is_(None))
            .where(one_of(column.sku, sorted(since)))
        )
        found: Counter[Sku] = Counter()
        for sku, created_at, units in self._connection.execute(bought):
            if created_at > since[Sku(sku)]:
                found[Sku(sku)] += units
        return found

    def orders_between(
        self, account: str, skus: Collection[Sku], since: datetime, until: datetime
    ) -> Mapping[Sku, int]:
        column = _ITEMS.c
        statement = (
            select(column.sku, func.count(column.order_id.distinct()).label("orders"))
            .join_from(_ITEMS, _ORDERS, _ITS_ITEMS)
            .where(column.account == account, one_of(column.sku, sorted(skus)), _OURS)
            .where(_ORDERS.c.created_at >= since, _ORDERS.c.created_at < until)
            .group_by(column.sku)
        )
        return {Sku(row.sku): row.orders for row in self._connection.execute(statement)}
