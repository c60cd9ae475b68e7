"""The door to what is on its way to Amazon: the one writer of each SKU, and the feeds handed in."""

import dataclasses
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from fbm_sync.domain.listing import OfferChange
from fbm_sync.domain.order import Sku


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OpenFeed:
    """A feed that is not known to be finished; without `feed_id` nobody knows yet whether Amazon has it."""

    number: int
    account: str
    begun_at: datetime
    feed_id: str | None = None
    submitted_at: datetime | None = None


class PushBook(Protocol):
    """What is recorded of changes on their way: recorded before they are sent, so that a crash loses none."""

    def claim(
        self, account: str, skus: Collection[Sku], holder: str, now: datetime, until: datetime
    ) -> frozenset[Sku]:
        """Reserve SKUs for one writer until an instant; return those that nobody else has, feeds included."""

    def release(self, account: str, skus: Collection[Sku], holder: str) -> None:
        """Let others write to SKUs again; what the holder does not have stays as it is."""

    def in_feeds(self, account: str) -> frozenset[Sku]:
        """Return the SKUs that an unfinished feed changes."""

    def begin_feed(self, account: str, changes: Sequence[OfferChange], run_id: str, now: datetime) -> int:
        """Note that a feed is about to be handed in, and reserve its SKUs for it; return its number."""

    def feed_submitted(self, number: int, feed_id: str, at: datetime) -> None:
        """Note that Amazon has the feed, and what it calls it."""

    def open_feeds(self, account: str) -> tuple[OpenFeed, ...]:
        """Return the feeds that are not known to be finished, the oldest first."""

    def changes_of(self, number: int) -> tuple[OfferChange, ...]:
        """Return the changes of an unfinished feed, in their order."""

    def overtakable(self, number: int) -> frozenset[Sku]:
        """Return the SKUs of an unfinished feed that were not zeroed in spite of it yet."""

    def overtaken(self, number: int, sku: Sku) -> None:
        """Note that a SKU was zeroed although the feed, which is stuck, may still raise it."""

    def close_feed(self, number: int, state: str, now: datetime) -> frozenset[Sku]:
        """Note that a feed is over; return its SKUs, those that were zeroed in spite of it left out."""

    def known_feed_ids(self, account: str) -> frozenset[str]:
        """Return Amazon's names of all feeds of an account."""

    def latest_feed_times(self, account: str, limit: int) -> tuple[timedelta, ...]:
        """Return how long the account's latest feeds took, from being handed in to being seen finished."""

    def feeds_begun_since(self, account: str, since: datetime) -> int:
        """Count the account's feeds begun since an instant."""
