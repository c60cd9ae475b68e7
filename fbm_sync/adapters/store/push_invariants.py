"""What is on its way to Amazon must not contradict itself: who writes to which SKU, and with which feed."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from pydantic import TypeAdapter
from sqlalchemy import Connection, exists, or_, select

from fbm_sync.adapters.store.offer_tables import DroppedChangeRow, ObservedOfferRow
from fbm_sync.adapters.store.push_tables import FeedRow, PushClaimRow
from fbm_sync.adapters.store.shapes import from_json
from fbm_sync.adapters.store.tables import table_of
from fbm_sync.domain.listing import OfferChange
from fbm_sync.domain.truth import Invariant, invariant

_CLAIMS, _FEEDS = table_of(PushClaimRow), table_of(FeedRow)
_OBSERVED, _DROPPED = table_of(ObservedOfferRow), table_of(DroppedChangeRow)
_CHANGES = TypeAdapter(tuple[OfferChange, ...])

Culprits = Iterator[str]


def check(connection: Connection) -> tuple[Invariant, ...]:
    """Check every one of them."""
    return tuple(invariant(name, find(connection)) for name, find in _CHECKS.items())


def _taken_skus(connection: Connection) -> Culprits:
    """Find SKUs kept from every writer for ever: by a feed that is over or not there, or without an end."""
    column = _CLAIMS.c
    in_order = (column.account, column.sku)
    its_feed = exists().where(
        _FEEDS.c.feed_number == column.feed_number,
        _FEEDS.c.account == column.account,
        _FEEDS.c.finished_at.is_(None),
    )
    lost = select(column.sku, column.feed_number).where(column.feed_number.is_not(None), ~its_feed)
    for sku, number in connection.execute(lost.order_by(*in_order)):
        yield f"{sku} by feed {number}"
    endless = select(column.sku).where(column.feed_number.is_(None), column.held_until.is_(None))
    for sku in connection.execute(endless.order_by(*in_order)).scalars():
        yield f"{sku} without an end"


def _feed_skus(connection: Connection) -> Culprits:
    """Find unfinished feeds with a SKU that others may write to, without changes, or half handed in."""
    column = _FEEDS.c
    still = select(column.feed_number, column.changes).where(column.finished_at.is_(None))
    for number, body in connection.execute(still.order_by(column.feed_number)).all():
        changes = from_json(_CHANGES, body)
        kept = set(connection.execute(select(_CLAIMS.c.sku).where(_CLAIMS.c.feed_number == number)).scalars())
        yield from () if changes else (f"feed {number} without changes",)
        yield from (f"feed {number} without {one.sku}" for one in changes if one.sku not in kept)
    named = column.feed_id.is_not(None)
    half = select(column.feed_number).where(or_(named, column.submitted_at.is_not(None)))
    half = half.where(or_(column.feed_id.is_(None), column.submitted_at.is_(None)))
    for number in connection.execute(half.order_by(column.feed_number)).scalars():
        yield f"feed {number} half handed in"


def _listings(connection: Connection) -> Culprits:
    """Find SKUs without a listing that somebody writes to, or that a person said no to."""
    for what, table in (("said no to", _DROPPED), ("taken", _CLAIMS)):
        column = table.c
        listed = exists().where(_OBSERVED.c.account == column.account, _OBSERVED.c.sku == column.sku)
        lost = select(column.sku).where(~listed).order_by(column.account, column.sku)
        for sku in connection.execute(lost).scalars():
            yield f"{sku} {what}"


_CHECKS: Mapping[str, Callable[[Connection], Iterable[str]]] = {
    "taken_skus_become_free": _taken_skus,
    "feeds_keep_their_skus": _feed_skus,
    "changes_have_their_listing": _listings,
}
