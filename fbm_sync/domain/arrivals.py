"""How many inbound units will be there by a date: lots pooled, each late as one, some short, some never.

Lots may overtake each other, and whichever comes serves whoever is first, so it is the total that
counts, not which lot was meant for whom. One lot is one throw of the dice: its units are here together
or not at all.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.delivery import leg_ended_by, legs_of
from fbm_sync.domain.leadtime import ExpectedLot
from fbm_sync.domain.supply import Lot, LotStatus, Receipt

NEARLY = 1e-12
"""Sums of chances that differ by less are equal."""

_EXACT_BITS = 10
_PRIOR_LOTS = 10
_ROUNDING_PERCENT = 5


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedLaw:
    """What part of a lot comes in the end: (percent, probability) with percent rising; 0 is a no-show.

    `lots` is the number of closed lots it was learned from.
    """

    steps: tuple[tuple[int, float], ...] = ((100, 1.0),)
    lots: int = 0

    @property
    def mean_share(self) -> float:
        """The share of the ordered units that comes on average."""
        return sum(percent * chance for percent, chance in self.steps) / 100


WHOLE = ReceivedLaw()
"""Everything that was ordered comes, sooner or later."""


def received_shares(lots: Iterable[Lot], receipts: Iterable[Receipt]) -> Mapping[str, tuple[int, ...]]:
    """Return what closed lots brought, in percent of what was ordered, by supplier and sorted.

    A lot is closed when it was received or, after the supplier had confirmed a date, cancelled: that is a
    no-show unless part of it came. A received lot counts by its `received_units`, else by the receipts of
    its purchase order and SKU; without either it says nothing. The end of a leg brings no units. Percents
    are rounded down to fives, so that what is learned never promises more than what came.
    """
    lots = list(lots)
    legs = legs_of(lots)
    arrived: dict[tuple[str, str | None], int] = {}
    for receipt in receipts:
        if not leg_ended_by(receipt, legs):
            key = (receipt.po_id, receipt.sku)
            arrived[key] = arrived.get(key, 0) + receipt.quantity
    found: dict[str, list[int]] = {}
    for lot in lots:
        came = lot.received_units or arrived.get((lot.po_id, lot.sku), 0)
        no_show = lot.status is LotStatus.CANCELLED and lot.promised_on is not None
        if lot.quantity > 0 and (no_show or (lot.status is LotStatus.RECEIVED and came)):
            percent = min(100, 100 * came // lot.quantity)
            found.setdefault(lot.supplier, []).append(percent // _ROUNDING_PERCENT * _ROUNDING_PERCENT)
    return {supplier: tuple(sorted(shares)) for supplier, shares in found.items()}


def received_law(shares: Sequence[int], *, short_share: float, no_show_share: float) -> ReceivedLaw:
    """Weigh what is assumed of any supplier against what this one's closed lots brought.

    The assumption (`no_show_share` of the lots never come, the others lack `short_share` of their units)
    has the weight of ten lots, so that a single short delivery neither ruins a supplier nor goes unseen.
    """
    weight = 1 / (_PRIOR_LOTS + len(shares))
    odds = {0: no_show_share * _PRIOR_LOTS * weight}
    usual = math.floor(100 * (1 - short_share) + NEARLY)
    odds[usual] = odds.get(usual, 0.0) + (1 - no_show_share) * _PRIOR_LOTS * weight
    for percent in shares:
        odds[percent] = odds.get(percent, 0.0) + weight
    return ReceivedLaw(
        steps=tuple(sorted((percent, chance) for percent, chance in odds.items() if chance > 0)),
        lots=len(shares),
    )


def arrival_odds(
    lots: Sequence[ExpectedLot],
    by: date,
    calendar: ShipCalendar,
    received: Mapping[str, ReceivedLaw] | None = None,
) -> Mapping[int, float]:
    """Return the probability of each possible total of inbound units ready to ship by a date.

    `received` says by supplier what part of a lot comes; without it every lot comes whole. Lots are
    independent of each other. Totals beyond a thousand are rounded down to ten binary digits: so their
    number stays bounded however many lots there are, and nothing is ever overstated.
    """
    laws = received or {}
    odds = {0: 1.0}
    for lot in lots:
        chance = lot.probability_ready_by(by, calendar)
        if chance == 0:
            continue
        brought = {0: 1 - chance}
        for percent, weight in laws.get(lot.lot.supplier, WHOLE).steps:
            units = lot.units * percent // 100
            brought[units] = brought.get(units, 0.0) + weight * chance
        grown: dict[int, float] = {}
        for there, likely in odds.items():
            for units, weight in brought.items():
                total = _rounded(there + units)
                grown[total] = grown.get(total, 0.0) + likely * weight
        odds = grown
    return odds


def _rounded(units: int) -> int:
    surplus = max(0, units.bit_length() - _EXACT_BITS)
    return units >> surplus << surplus


def sure_units(odds: Mapping[int, float], confidence: float) -> int:
    """Return the most units available with at least this probability."""
    tail = 0.0
    for units in sorted(odds, reverse=True):
        tail += odds[units]
        if tail >= confidence - NEARLY:
            return units
    return 0


def chance_of(odds: Mapping[int, float], units: int) -> float:
    """Return the probability that at least so many units are there."""
    return math.fsum(chance for there, chance in odds.items() if there >= units)
