"""Orders one by one: read by id, recorded, counted; what cannot be understood is set aside for later."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime

from fbm_sync.domain.order import Order, OrderId, carry_over
from fbm_sync.errors import AccessRefused, RemoteError, RequestRejected, Throttled, UnexpectedPayload
from fbm_sync.ports import (
    Books,
    CatchUp,
    Clock,
    Failure,
    Ledger,
    OrderSource,
    Progress,
    Unreadable,
    unwatched,
)

_RETRIED_FROM_QUARANTINE = 5


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OrdersPulled:
    """What a pull of orders brought: how many were read, how many of them new or changed.

    `left` are orders asked for by id that are neither recorded nor in quarantine; `refused` those of them
    that Amazon will not show, however often it is asked. `catch_up` tells how far a long past has been read.
    """

    pulled: int = 0
    new: int = 0
    changed: int = 0
    quarantined: int = 0
    watermark: datetime | None = None
    failures: tuple[Failure, ...] = ()
    left: tuple[OrderId, ...] = ()
    refused: tuple[OrderId, ...] = ()
    catch_up: CatchUp | None = None


class Tally:
    """Running counts of one pull; an order that several lists name is one."""

    def __init__(self) -> None:
        self.new = self.changed = self.quarantined = 0
        self.read: set[OrderId] = set()

    @property
    def pulled(self) -> int:
        """How many orders were read."""
        return len(self.read)

    def report(self, watermark: datetime | None, failures: Sequence[Failure] = ()) -> OrdersPulled:
        """Return the counts as the pull's result."""
        return OrdersPulled(
            pulled=self.pulled,
            new=self.new,
            changed=self.changed,
            quarantined=self.quarantined,
            watermark=watermark,
            failures=tuple(failures),
        )


def record_orders(account: str, orders: Sequence[Order], books: Books, tally: Tally, now: datetime) -> None:
    """Record orders as they were read and count them; none of them waits in quarantine any more."""
    known = books.orders.known(account, [order.order_id for order in orders])
    fresh = [carry_over(known.get(order.order_id), order, read_at=now) for order in orders]
    books.orders.record(fresh)
    books.orders.readmit(account, [order.order_id for order in orders])
    books.catch_ups.no_longer_wanted(account, [order.order_id for order in orders])
    tally.read.update(order.order_id for order in fresh)
    tally.new += sum(order.order_id not in known for order in fresh)
    tally.changed += sum(
        order.order_id in known and known[order.order_id].updated_at < order.updated_at for order in fresh
    )


def pull_named_orders(
    account: str,
    source: OrderSource,
    ledger: Ledger,
    clock: Clock,
    order_ids: Sequence[OrderId],
    *,
    tally: Tally | None = None,
    progress: Progress = unwatched,
) -> OrdersPulled:
    """Read single orders by id; one that fails never keeps the others away.

    What cannot be understood is set aside. Amazon's quota or door being closed ends it: the others
    would fare no better.
    """
    tally = tally or Tally()
    failures = []
    kept: set[OrderId] = set()
    refused: list[OrderId] = []
    for done, order_id in enumerate(order_ids, start=1):
        try:
            order = source.order(order_id)
        except RemoteError as error:
            failures.append(Failure(what=f"order {order_id}", why=str(error), next=error.next_step))
            if isinstance(error, AccessRefused | Throttled):
                break
            if _set_aside_named(account, order_id, error, ledger, clock):
                kept.add(order_id)
            elif isinstance(error, RequestRejected):
                refused.append(order_id)
            continue
        with ledger.transaction() as books:
            record_orders(account, [order], books, tally, clock.now())
        kept.add(order_id)
        progress("orders", done, len(order_ids))
    left = tuple(order_id for order_id in order_ids if order_id not in kept)
    return dataclasses.replace(tally.report(None, failures), left=left, refused=tuple(refused))


def _set_aside_named(
    account: str, order_id: OrderId, error: RemoteError, ledger: Ledger, clock: Clock
) -> bool:
    """Quarantine an order that cannot be understood; note the vain try for one that waits there already.

    Returns whether it waits in quarantine now.
    """
    with ledger.transaction() as books:
        waits = any(
            (item.account, item.subject) == (account, order_id) for item in books.orders.quarantined()
        )
        aside = waits or isinstance(error, UnexpectedPayload)
        if aside:
            why = Unreadable(subject=order_id, reason=str(error))
            books.orders.set_aside(account, [why], clock.now())
    return aside


def retry_quarantined(
    account: str, source: OrderSource, ledger: Ledger, clock: Clock, tally: Tally
) -> list[Failure]:
    """Try again, by id, a few of the orders that could not be understood before."""
    with ledger.transaction() as books:
        waiting = [item for item in books.orders.quarantined() if item.account == account]
    # The longest untried first: a few that never succeed must not keep the others from their turn.
    waiting.sort(key=lambda item: (item.last_seen_at, item.subject))
    # An order that came without an id is described in words; there is nothing to ask Amazon for.
    named = [OrderId(item.subject) for item in waiting if " " not in item.subject]
    ids = named[:_RETRIED_FROM_QUARANTINE]
    return list(pull_named_orders(account, source, ledger, clock, ids, tally=tally).failures)
