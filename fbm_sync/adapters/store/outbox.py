"""The outbox of notifications: recorded before sent, claimed while on their way, marked after."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Connection, and_, or_, select, update

from fbm_sync.adapters.store.alert_tables import ChannelRow, NotificationRow
from fbm_sync.adapters.store.shapes import from_json, storable, to_json
from fbm_sync.adapters.store.tables import table_of
from fbm_sync.adapters.store.writing import insert_all, one_of, upsert
from fbm_sync.domain.alert import Life, Transition
from fbm_sync.domain.delivering import ChannelState
from fbm_sync.domain.letters import Notification, Tray, Untold
from fbm_sync.domain.telling import Envelope, Purpose

_NOTIFICATIONS = table_of(NotificationRow)
_CHANNELS = table_of(ChannelRow)
_TRANSITION = TypeAdapter(Transition)
_ROW = _NOTIFICATIONS.c
_WAS_LEFT_OFF = or_(_ROW.left_off, _ROW.claimed_until.is_not(None))


class SqlOutbox:
    """Notifications in the database, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def enqueue(self, envelopes: Sequence[Envelope]) -> None:
        rows = [
            {
                "channel": one.channel,
                "pending": True,
                "not_before": one.not_before,
                "attempts": 0,
                "left_off": False,
                "transition": to_json(_TRANSITION, one.transition),
                "purpose": one.purpose.value,
                "alert_key": one.transition.alert.key,
                "opened_at": one.transition.alert.opened_at,
            }
            for one in envelopes
        ]
        insert_all(self._connection, _NOTIFICATIONS, rows)

    def due(self, now: datetime, limit: int = 100) -> tuple[Notification, ...]:
        return self._notifications(_is_due(now), limit)

    def channels_due(self, now: datetime) -> tuple[str, ...]:
        statement = select(_ROW.channel).where(_is_due(now)).distinct().order_by(_ROW.channel)
        return tuple(self._connection.execute(statement).scalars())

    def tray(self, channel: str, now: datetime, limit: int = 5_000) -> Tray:
        here = and_(_ROW.pending, _ROW.channel == channel)
        # What is due comes first: news that waits for the morning never hides it.
        waiting = self._notifications(and_(here, _is_free(now)), limit, _ROW.not_before > now)
        named = one_of(_ROW.alert_key, sorted({one.transition.alert.key for one in waiting}))
        told = and_(_ROW.channel == channel, named, _ROW.sent_at.is_not(None))
        left_off = and_(_ROW.channel == channel, named, or_(_ROW.left_off, _ROW.claimed_until <= now))
        return Tray(
            channel=channel,
            waiting=waiting,
            busy=self._lives(and_(here, ~_is_free(now))),
            heard=self._lives(told),
            uncertain=self._lives(left_off),
        )

    def hearing(self, keys: Collection[str]) -> Mapping[Life, frozenset[str]]:
        statement = (
            select(_ROW.alert_key, _ROW.opened_at, _ROW.channel)
            .where(one_of(_ROW.alert_key, sorted(keys)))
            .where(or_(_ROW.pending, _ROW.sent_at.is_not(None), _ROW.left_off))
            .distinct()
        )
        found: dict[Life, frozenset[str]] = {}
        for row in self._connection.execute(statement):
            life = row.alert_key, row.opened_at
            found[life] = found.get(life, frozenset()) | {row.channel}
        return found

    def claim(self, notification_ids: Collection[int], now: datetime, until: datetime) -> bool:
        wanted = and_(_ROW.notification_id.in_(sorted(notification_ids)), _ROW.pending, _is_free(now))
        free = self._connection.execute(select(_ROW.notification_id).where(wanted)).scalars().all()
        if set(free) != set(notification_ids):
            return False
        self._set(notification_ids, left_off=_WAS_LEFT_OFF, claimed_until=until)
        return True

    def mark_sent(self, notification_ids: Collection[int], now: datetime) -> None:
        self._set(
            notification_ids, pending=False, sent_at=now, claimed_until=None, attempts=_ROW.attempts + 1
        )

    def mark_failed(self, notification_ids: Collection[int], error: str, retry_at: datetime | None) -> None:
        again = {"pending": False} if retry_at is None else {"not_before": retry_at}
        self._set(
            notification_ids,
            error=storable(error),
            claimed_until=None,
            attempts=_ROW.attempts + 1,
            **again,
        )

    def leave_untold(self, reasons: Mapping[int, Untold]) -> None:
        for why in set(reasons.values()):
            some = [one for one in reasons if reasons[one] is why]
            self._set(some, pending=False, untold=why.value, left_off=_WAS_LEFT_OFF, claimed_until=None)

    def channels(self) -> Mapping[str, ChannelState]:
        rows = self._connection.execute(select(_CHANNELS).order_by(_CHANNELS.c.channel)).mappings()
        return {row["channel"]: ChannelState(**row) for row in rows}

    def record_channel(self, state: ChannelState) -> None:
        row = {name: getattr(state, name) for name in _CHANNELS.c.keys()}  # noqa: SIM118 (not a mapping)
        upsert(self._connection, _CHANNELS, [row | {"error": storable(state.error)}])

    def _notifications(
        self, wanted: ColumnElement[bool], limit: int, *turns: ColumnElement[bool]
    ) -> tuple[Notification, ...]:
        columns = (_ROW.notification_id, _ROW.channel, _ROW.transition, _ROW.not_before, _ROW.purpose)
        statement = (
            select(*columns, _ROW.attempts).where(wanted).order_by(*turns, _ROW.notification_id).limit(limit)
        )
        return tuple(
            Notification(
                notification_id=row.notification_id,
                channel=row.channel,
                transition=from_json(_TRANSITION, row.transition),
                not_before=row.not_before,
                purpose=Purpose(row.purpose),
                attempts=row.attempts,
            )
            for row in self._connection.execute(statement)
        )

    def _lives(self, wanted: ColumnElement[bool]) -> frozenset[Life]:
        statement = select(_ROW.alert_key, _ROW.opened_at).where(wanted).distinct()
        return frozenset((row.alert_key, row.opened_at) for row in self._connection.execute(statement))

    def _set(self, notification_ids: Collection[int], **values: object) -> None:
        here = _ROW.notification_id.in_(sorted(notification_ids))
        self._connection.execute(update(_NOTIFICATIONS).where(here).values(**values))


def _is_free(now: datetime) -> ColumnElement[bool]:
    return or_(_ROW.claimed_until.is_(None), _ROW.claimed_until <= now)


def _is_due(now: datetime) -> ColumnElement[bool]:
    return and_(_ROW.pending, _ROW.not_before <= now, _is_free(now))
