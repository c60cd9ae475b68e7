"""How long a sale goes unseen, and how many units are kept back meanwhile.

Between a buyer's order and the moment our next write is live, the listing may sell units that are gone
already. The time is measured where it can be, and taken from the configured rhythm where it cannot.
"""

import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from fbm_sync.domain.change import PushOutcome, PushReceipt
from fbm_sync.domain.order import Order

LATEST = 200
"""How many orders, and how many changes, the lag is measured by."""

_ENOUGH = 50
_EXACT_BITS = 3
_SHARE = 0.9
_LONGEST = timedelta(days=1)


class FirstRead(NamedTuple):
    """When an order came to be, and when we first saw it."""

    created_at: datetime
    first_read_at: datetime


def measured_lag(
    orders: Iterable[Order | FirstRead],
    receipts: Iterable[PushReceipt],
    turn: timedelta,
    before: datetime | None = None,
) -> timedelta | None:
    """Measure the time from a buyer's order to our reaction being live; `None` with too little to go by.

    It is the time from an order's creation to our first look at it, then a `turn` of planning and pushing,
    then the time from Amazon's acceptance of a change to the moment we saw it live: of the first and the
    last nine tenths of the latest two hundred were quicker, which a few outliers do not move. Longer than
    a day are only orders from before we looked, or from an outage in which nothing was on its way either.
    Rounded up to three binary digits of a minute (…, 14, 16, 20, 24, …), so that buffers do not change with
    every order. What was first read, or seen live, at or after `before` does not count: with today's
    midnight there, the lag is the same all day.
    """
    seen = [
        (order.created_at, order.first_read_at - order.created_at)
        for order in orders
        if order.first_read_at is not None and (before is None or order.first_read_at < before)
    ]
    live = [
        (receipt.at, receipt.at - receipt.accepted_at)
        for receipt in receipts
        if receipt.outcome is PushOutcome.CONFIRMED
        and receipt.accepted_at is not None
        and (before is None or receipt.at < before)
    ]
    reading = _usual([span for _, span in sorted(seen)])
    writing = _usual([span for _, span in sorted(live)])
    if reading is None or writing is None:
        return None
    minutes = math.ceil((reading + turn + writing) / timedelta(minutes=1))
    step = 1 << max(0, minutes.bit_length() - _EXACT_BITS)
    return timedelta(minutes=-(-minutes // step) * step)


def _usual(spans: Sequence[timedelta]) -> timedelta | None:
    """Return what nine tenths of the latest spans stay within; `None` with fewer than fifty."""
    latest = sorted(max(timedelta(0), span) for span in spans[-LATEST:] if span <= _LONGEST)
    if len(latest) < _ENOUGH:
        return None
    return latest[math.ceil(_SHARE * len(latest)) - 1]


def latency_buffer(expected_units: float, risk: float) -> int:
    """Return the smallest b with P(Poisson(expected units) > b) ≤ risk.

    `expected_units` is the order rate times the lag between a buyer's order and our reaction: what
    may be sold of stock that is already gone. A risk of 0 switches the buffer off.
    """
    if risk <= 0 or expected_units <= 0:
        return 0
    term = cumulative = math.exp(-expected_units)
    buffer = 0
    # Far from the mean a term is too small for a float: before the mean the sum goes on, after it ends.
    while 1 - cumulative > risk and (term > 0 or buffer < expected_units):
        buffer += 1
        term = math.exp(buffer * math.log(expected_units) - expected_units - math.lgamma(buffer + 1))
        cumulative += term
    return buffer
