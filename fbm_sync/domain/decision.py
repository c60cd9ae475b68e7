"""What was decided about a listing, with the whole argument, and when it was decided about which SKU.

The two are kept apart because many SKUs of a large shop share one argument to the last word: ten on the
shelf, nothing ordered, four shown. It is then made, and stored, once.
"""

import dataclasses
from datetime import datetime

from fbm_sync.domain.awaited import AwaitedLot
from fbm_sync.domain.listing import ListingMode, Offer, OfferChange
from fbm_sync.domain.order import Sku
from fbm_sync.domain.policy import Cap, Gate


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One fact a decision rests on, in words, with the time it was true."""

    name: str
    value: str
    as_of: datetime | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Which offer a listing should have, and why; it names neither the SKU nor any time of day.

    `desired` is `None` when nothing may be decided (no stock record, foreign channel): then the
    listing is left as it is. `rejected` names the alternatives and why they lost. `next_lot` is the first
    one with units no order uses; `missing_units` more on the shelf would let it sell from stock, `None`
    where it does already, or no number would.
    """

    mode: ListingMode
    desired: Offer | None
    observed: Offer | None
    product_type: str
    atp_today: int
    cap: Cap | None = None
    gates: tuple[Gate, ...] = ()
    facts: tuple[Fact, ...] = ()
    rules: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    next_lot: AwaitedLot | None = None
    missing_units: int | None = None

    @property
    def shares_budget(self) -> bool:
        """Whether the account's spare orders were weighed, which all its SKUs sold ahead share."""
        return self.cap is not None and "headroom" in self.cap.limits


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OfferDecision:
    """A verdict about one listing, and when it was reached.

    `as_of` are the times at which the verdict's facts were true, in their sequence.
    """

    account: str
    sku: Sku
    verdict: Verdict
    decided_at: datetime
    run_id: str
    as_of: tuple[datetime | None, ...] = ()

    @property
    def mode(self) -> ListingMode:
        """How the listing should sell."""
        return self.verdict.mode

    @property
    def desired(self) -> Offer | None:
        """The offer it should show; `None` when it is left as it is."""
        return self.verdict.desired

    @property
    def observed(self) -> Offer | None:
        """The offer Amazon showed."""
        return self.verdict.observed

    @property
    def product_type(self) -> str:
        """Amazon's product type, without which no change is accepted."""
        return self.verdict.product_type

    @property
    def atp_today(self) -> int:
        """Units that may be promised from stock today."""
        return self.verdict.atp_today

    @property
    def cap(self) -> Cap | None:
        """How many units may be sold ahead, where that was weighed."""
        return self.verdict.cap

    @property
    def gates(self) -> tuple[Gate, ...]:
        """The conditions for selling ahead, where they were judged."""
        return self.verdict.gates

    @property
    def facts(self) -> tuple[Fact, ...]:
        """The facts it rests on, each with its time."""
        return tuple(
            dataclasses.replace(fact, as_of=at)
            for fact, at in zip(self.verdict.facts, self.as_of, strict=True)
        )

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that were applied."""
        return self.verdict.rules

    @property
    def rejected(self) -> tuple[str, ...]:
        """What else could have been decided, and why it lost."""
        return self.verdict.rejected

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it was decided so."""
        return self.verdict.reasons

    @property
    def next_lot(self) -> AwaitedLot | None:
        """The first lot with units that no order uses."""
        return self.verdict.next_lot

    @property
    def missing_units(self) -> int | None:
        """How many more units on the shelf would let it sell from stock."""
        return self.verdict.missing_units

    @property
    def change(self) -> OfferChange | None:
        """The step from the observed to the desired offer; `None` when Amazon shows the right thing."""
        if self.desired is None or self.observed is None or self.desired == self.observed:
            return None
        return OfferChange(
            account=self.account,
            sku=self.sku,
            product_type=self.product_type,
            before=self.observed,
            after=self.desired,
        )
