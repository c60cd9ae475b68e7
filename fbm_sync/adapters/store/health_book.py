"""What is recorded of Amazon's word on the account: one report a day, for ever, and the last status told."""

import dataclasses
from datetime import date, datetime

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Connection, delete, func, select

from fbm_sync.adapters.store.health_tables import AccountStatusRow, PerformanceRow
from fbm_sync.adapters.store.shapes import from_json, storable, to_json
from fbm_sync.adapters.store.tables import table_of
from fbm_sync.adapters.store.writing import insert_all, upsert
from fbm_sync.domain.performance import MarketplacePerformance, SellerPerformance
from fbm_sync.ports import ToldStatus

_REPORTS = table_of(PerformanceRow)
_STATUSES = table_of(AccountStatusRow)
_PLACE = TypeAdapter(MarketplacePerformance)


class SqlHealthBook:
    """Amazon's word on the account in the database, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def record_performance(self, performance: SellerPerformance, now: datetime) -> None:
        column = _REPORTS.c
        same_day = (column.account == performance.account, column.day == now.date())
        self._connection.execute(delete(_REPORTS).where(*same_day))
        rows = [
            {
                "account": performance.account,
                "day": now.date(),
                "marketplace": place.marketplace,
                "position": position,
                "read_at": now,
                "body": to_json(_PLACE, place),
            }
            for position, place in enumerate(performance.marketplaces)
        ]
        insert_all(self._connection, _REPORTS, rows)

    def performance(self, account: str) -> SellerPerformance | None:
        column = _REPORTS.c
        newest = select(func.max(column.day)).where(column.account == account).scalar_subquery()
        return next(iter(self._reports(account, column.day == newest)), None)

    def performances(self, account: str, since: date) -> tuple[SellerPerformance, ...]:
        return self._reports(account, _REPORTS.c.day >= since)

    def _reports(self, account: str, wanted: ColumnElement[bool]) -> tuple[SellerPerformance, ...]:
        """Return the reports of the wanted days, oldest first."""
        column = _REPORTS.c
        found: dict[date, SellerPerformance] = {}
        statement = (
            select(column.day, column.read_at, column.body)
            .where(column.account == account, wanted)
            .order_by(column.day, column.position)
        )
        for day, read_at, body in self._connection.execute(statement):
            known = found.get(day, SellerPerformance(account=account, marketplaces=(), read_at=read_at))
            places = (*known.marketplaces, from_json(_PLACE, body))
            found[day] = dataclasses.replace(known, marketplaces=places)
        return tuple(found.values())

    def record_status(self, account: str, told: ToldStatus) -> None:
        row = {
            "account": account,
            "status": storable(told.status),
            "former": None if told.former is None else storable(told.former),
            "told_at": told.told_at,
        }
        upsert(self._connection, _STATUSES, [row], newer_by="told_at")

    def status(self, account: str) -> ToldStatus | None:
        column = _STATUSES.c
        statement = select(column.status, column.former, column.told_at).where(column.account == account)
        row = self._connection.execute(statement).mappings().one_or_none()
        return None if row is None else ToldStatus(**row)
