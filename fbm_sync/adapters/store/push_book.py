"""What is recorded of changes on their way to Amazon: the one writer of each SKU, the feeds handed in."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from pydantic import TypeAdapter
from sqlalchemy import Connection, delete, func, select, update

from fbm_sync.adapters.store.push_tables import FeedRow, PushClaimRow
from fbm_sync.adapters.store.shapes import from_json, to_json
from fbm_sync.adapters.store.tables import table_of
from fbm_sync.adapters.store.writing import insert_all, one_of, upsert
from fbm_sync.domain.listing import OfferChange
from fbm_sync.domain.order import Sku
from fbm_sync.ports import OpenFeed

_CLAIMS = table_of(PushClaimRow)
_FEEDS = table_of(FeedRow)
_CHANGES = TypeAdapter(tuple[OfferChange, ...])

_OPEN, _ZEROED = "open", "zeroed"


class SqlPushBook:
    """Changes on their way, in the database, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # --- one writer for each SKU

    def claim(
        self, account: str, skus: Collection[Sku], holder: str, now: datetime, until: datetime
    ) -> frozenset[Sku]:
        column = _CLAIMS.c
        known = select(_CLAIMS).where(column.account == account, one_of(column.sku, sorted(skus)))
        taken = {
            row.sku
            for row in self._connection.execute(known)
            if row.feed_number is not None or (row.holder != holder and row.held_until > now)
        }
        free = frozenset(sku for sku in skus if sku not in taken)
        self._hold(account, free, holder, until, None)
        return free

    def release(self, account: str, skus: Collection[Sku], holder: str) -> None:
        column = _CLAIMS.c
        ours = (column.account == account, column.holder == holder, column.feed_number.is_(None))
        self._connection.execute(delete(_CLAIMS).where(*ours, one_of(column.sku, sorted(skus))))

    def in_feeds(self, account: str) -> frozenset[Sku]:
        column = _CLAIMS.c
        named = select(column.sku).where(column.account == account, column.feed_number.is_not(None))
        return frozenset(Sku(sku) for sku in self._connection.execute(named).scalars())

    def _hold(
        self,
        account: str,
        skus: Collection[Sku],
        holder: str,
        until: datetime | None,
        feed_number: int | None,
    ) -> None:
        rows = [
            {
                "account": account,
                "sku": sku,
                "holder": holder,
                "held_until": until,
                "feed_number": feed_number,
            }
            for sku in sorted(skus)
        ]
        upsert(self._connection, _CLAIMS, rows)

    # --- feeds

    def begin_feed(self, account: str, changes: Sequence[OfferChange], run_id: str, now: datetime) -> int:
        number = (self._connection.execute(select(func.max(_FEEDS.c.feed_number))).scalar_one() or 0) + 1
        row = {
            "feed_number": number,
            "account": account,
            "run_id": run_id,
            "begun_at": now,
            "feed_id": None,
            "submitted_at": None,
            "finished_at": None,
            "state": _OPEN,
            "changes": to_json(_CHANGES, tuple(changes)),
        }
        insert_all(self._connection, _FEEDS, [row])
        self._hold(account, {change.sku for change in changes}, run_id, None, number)
        return number

    def feed_submitted(self, number: int, feed_id: str, at: datetime) -> None:
        this = _FEEDS.c.feed_number == number
        self._connection.execute(update(_FEEDS).where(this).values(feed_id=feed_id, submitted_at=at))

    def open_feeds(self, account: str) -> tuple[OpenFeed, ...]:
        column = _FEEDS.c
        unfinished = (column.account == account, column.finished_at.is_(None))
        statement = select(_FEEDS).where(*unfinished).order_by(column.feed_number)
        return tuple(
            OpenFeed(
                number=row.feed_number,
                account=row.account,
                begun_at=row.begun_at,
                feed_id=row.feed_id,
                submitted_at=row.submitted_at,
            )
            for row in self._connection.execute(statement)
        )

    def changes_of(self, number: int) -> tuple[OfferChange, ...]:
        body = select(_FEEDS.c.changes).where(_FEEDS.c.feed_number == number)
        return from_json(_CHANGES, self._connection.execute(body).scalar_one())

    def overtakable(self, number: int) -> frozenset[Sku]:
        column = _CLAIMS.c
        still = select(column.sku).where(column.feed_number == number, column.holder != _ZEROED)
        return frozenset(Sku(sku) for sku in self._connection.execute(still).scalars())

    def overtaken(self, number: int, sku: Sku) -> None:
        column = _CLAIMS.c
        this = update(_CLAIMS).where(column.feed_number == number, column.sku == sku)
        self._connection.execute(this.values(holder=_ZEROED))

    def close_feed(self, number: int, state: str, now: datetime) -> frozenset[Sku]:
        column = _CLAIMS.c
        held = self.overtakable(number)
        self._connection.execute(delete(_CLAIMS).where(column.feed_number == number))
        closed = update(_FEEDS).where(_FEEDS.c.feed_number == number)
        # What became of each change stands in its receipt.
        self._connection.execute(closed.values(finished_at=now, state=state, changes="[]"))
        return held

    def known_feed_ids(self, account: str) -> frozenset[str]:
        column = _FEEDS.c
        named = select(column.feed_id).where(column.account == account, column.feed_id.is_not(None))
        return frozenset(self._connection.execute(named).scalars())

    def latest_feed_times(self, account: str, limit: int) -> tuple[timedelta, ...]:
        column = _FEEDS.c
        done = (column.account == account, column.state == "DONE", column.submitted_at.is_not(None))
        statement = select(column.submitted_at, column.finished_at).where(*done)
        latest = statement.order_by(column.finished_at.desc()).limit(limit)
        return tuple(row.finished_at - row.submitted_at for row in self._connection.execute(latest))

    def feeds_begun_since(self, account: str, since: datetime) -> int:
        column = _FEEDS.c
        recent = select(func.count()).where(column.account == account, column.begun_at >= since)
        return int(self._connection.execute(recent).scalar_one())
