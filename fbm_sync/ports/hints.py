"""The door through which Amazon tells by itself that something is worth a look."""

import dataclasses
import enum
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from fbm_sync.domain.order import Fulfiller, OrderId, Sku


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OrderChanged:
    """An order is new or has changed; `changed_at` is Amazon's time, `None` where it gave none."""

    order_id: OrderId
    changed_at: datetime | None = None
    marketplace: str | None = None
    fulfilled_by: Fulfiller = Fulfiller.UNKNOWN


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ListingChanged:
    """A listing's quantity or its problems have changed."""

    sku: Sku
    changed_at: datetime | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AccountStatusChanged:
    """Amazon judges the account differently; the words are Amazon's own (NORMAL, AT_RISK, DEACTIVATED)."""

    status: str
    former: str | None = None


class JobKind(enum.StrEnum):
    """What Amazon works on for a while before it has a result."""

    FEED = "feed"
    REPORT = "report"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class JobFinished:
    """Amazon has finished a feed or a report, well or badly."""

    kind: JobKind
    job_id: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """Amazon's word that something is worth a look: it may be late, double or lost, and is never the record.

    Copies of one hint share `hint_id`. `seller_id` is `None` where Amazon does not say whose it is.
    """

    hint_id: str
    news: OrderChanged | ListingChanged | AccountStatusChanged | JobFinished
    announced_at: datetime | None = None
    seller_id: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WaitingHint:
    """A hint that was handed out and comes again until it is done; `deliveries` counts how often it came."""

    hint: Hint
    handle: str = dataclasses.field(repr=False)
    deliveries: int = 1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HintBatch:
    """Some of what waits; `discarded` counts what was no hint, or one that was done before."""

    hints: tuple[WaitingHint, ...] = ()
    discarded: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing was waiting."""
        return not self.hints and not self.discarded


class HintSource(Protocol):
    """One account's hints from Amazon, in no particular order."""

    def receive(self) -> HintBatch:
        """Hand out some of what waits; empty when nothing does. Raises `RemoteError`.

        What is not reported as done comes again after a while.
        """

    def done(self, hints: Sequence[WaitingHint]) -> None:
        """Let hints go for good: what they led to is recorded, or they lead to nothing."""
