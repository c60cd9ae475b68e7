"""Which way a change goes to Amazon: alone, or with thousands of others in a feed; whichever is done first.

A single change is made within seconds, but only five a second are let in. A feed takes 25,000 changes at
once and may lie at Amazon for minutes or hours, unseen meanwhile. So whatever takes units off sale goes
alone, and so does what sells fast: how many of it will be left when the feed is worked off nobody knows.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from fbm_sync.domain.listing import OfferChange
from fbm_sync.domain.order import Sku

USUAL_FEED_TIME = timedelta(minutes=10)
"""How long Amazon takes for a feed, as long as the account has no feeds of its own to go by."""

_LATEST_FEEDS = 5


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LaneTerms:
    """How fast either way is: single changes a second, and changes in a feed, feeds at once, time for each.

    `patch_burst` single changes may go at once. `feeds_left` may be handed in now, each further one after
    `feed_pause`. `read_per_second` listings can be looked at just before they are written to.
    """

    patch_per_second: float = 5.0
    patch_burst: int = 5
    most_in_feed: int = 25_000
    feeds_left: int = 5
    feed_pause: timedelta = timedelta(minutes=1)
    feed_time: timedelta = USUAL_FEED_TIME
    read_per_second: float = 100.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Lanes:
    """Changes sorted by their way: alone, in their order, or in feeds of so many at most."""

    alone: tuple[OfferChange, ...]
    feeds: tuple[tuple[OfferChange, ...], ...] = ()


def choose_lanes(changes: Sequence[OfferChange], sold_a_day: Mapping[Sku, int], terms: LaneTerms) -> Lanes:
    """Send each change the way that is done with it first; where both take as long, alone.

    `sold_a_day` are the units ordered of each SKU within the last day. Either way works while the other
    does: of the changes that may go by feed, one batch after another goes where it will be done sooner.
    """
    alone = [change for change in changes if not may_go_by_feed(change, sold_a_day)]
    willing = [change for change in changes if may_go_by_feed(change, sold_a_day)]
    feeds: list[tuple[OfferChange, ...]] = []
    for batch in _batches(willing, terms.most_in_feed):
        if feed_done(len(feeds) + 1, len(batch), terms) < patches_done(len(alone) + len(batch), terms):
            feeds.append(batch)
        else:
            alone += batch
    place = {change.sku: number for number, change in enumerate(changes)}
    return Lanes(alone=tuple(sorted(alone, key=lambda one: place[one.sku])), feeds=tuple(feeds))


def may_go_by_feed(change: OfferChange, sold_a_day: Mapping[Sku, int]) -> bool:
    """Tell whether a change can wait in a feed without the risk of selling what is not there.

    What takes units off sale cannot. Of anything else, units sold while the feed is on its way come back on
    sale with it, until the orders are read and the quantity is lowered: within the hour. As long as the
    feed leaves at least as many units as were sold in a whole day, they are there.
    """
    if change.after.quantity < change.before.quantity or change.after.quantity == 0:
        return False
    return change.after.quantity >= sold_a_day.get(change.sku, 0)


def patches_done(changes: int, terms: LaneTerms) -> timedelta:
    """Return how long so many single changes take from now on."""
    return timedelta(seconds=max(0, changes - terms.patch_burst) / terms.patch_per_second)


def feed_done(number: int, changes: int, terms: LaneTerms) -> timedelta:
    """Return when the feed of this number, from 1 on, is worked off: Amazon takes one after another."""
    handed_in = max(0, number - terms.feeds_left) * terms.feed_pause
    looked = timedelta(seconds=changes / terms.read_per_second)
    return handed_in + looked + number * terms.feed_time


def usual_feed_time(latest: Iterable[timedelta]) -> timedelta:
    """Return how long a feed takes, by the account's latest ones: the middle of the last five."""
    spans = sorted(list(latest)[:_LATEST_FEEDS])
    return spans[len(spans) // 2] if spans else USUAL_FEED_TIME


def _batches(changes: Sequence[OfferChange], size: int) -> Iterable[tuple[OfferChange, ...]]:
    for start in range(0, len(changes), size):
        yield tuple(changes[start : start + size])
