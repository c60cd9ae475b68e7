"""Past deliveries: which receipts are believed, and which of them belong to one arrival."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from fbm_sync.domain.shrinkage import LEAD_TIMES, SLIPS
from fbm_sync.domain.supply import Lot, Receipt


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PastDeliveries:
    """Each delivery by its latest line: whole ones by supplier, those of legs by leg and supplier.

    `dropped` counts by supplier the receipts with impossible dates; a supplier that has no others is
    among the whole ones with none.
    """

    whole: Mapping[str, Sequence[Receipt]]
    legs: Mapping[str, Mapping[str, Sequence[Receipt]]]
    dropped: Counter[str]


def past_deliveries(receipts: Iterable[Receipt], lots: Iterable[Lot] = ()) -> PastDeliveries:
    """Sort receipts into deliveries; the sequence in which they are told does not matter.

    Lines of one delivery are late together (intra-class correlation 0.77 in real data), so a
    delivery counts once, by its latest line. A receipt on a lane that one of the supplier's open `lots`
    names as a leg is the end of that leg and no delivery.
    """
    known_legs = legs_of(lots)
    latest: dict[tuple[str, str, str], Receipt] = {}
    dropped: Counter[str] = Counter()
    for receipt in receipts:
        if _has_impossible_dates(receipt):
            dropped[receipt.supplier] += 1
            continue
        leg = leg_ended_by(receipt, known_legs)
        key = (receipt.supplier, receipt.delivery_id or f"{receipt.po_id} {receipt.received_on}", leg)
        if key not in latest or _lateness(receipt) > _lateness(latest[key]):
            latest[key] = receipt
    whole: dict[str, list[Receipt]] = {supplier: [] for supplier in dropped}
    legs: dict[str, dict[str, list[Receipt]]] = {}
    for (supplier, _, leg), receipt in latest.items():
        group = legs.setdefault(leg, {}) if leg else whole
        group.setdefault(supplier, []).append(receipt)
    return PastDeliveries(whole=whole, legs=legs, dropped=dropped)


def legs_of(lots: Iterable[Lot]) -> frozenset[tuple[str, str]]:
    """Return the legs that lots name, by supplier and plain name."""
    return frozenset((lot.supplier, plain(leg.name)) for lot in lots for leg in lot.legs)


def leg_ended_by(receipt: Receipt, legs: frozenset[tuple[str, str]]) -> str:
    """Return the plain name of the leg whose end a receipt is; empty when goods were received."""
    lane = plain(receipt.lane)
    return lane if (receipt.supplier, lane) in legs else ""


def plain(lane: str) -> str:
    """Return a lane's name as it is compared: nobody means another lane by a capital letter."""
    return lane.strip().casefold()


def slip_of(receipt: Receipt) -> int | None:
    """Return the days from the confirmed date to the arrival, below 0 when it came early."""
    return (receipt.received_on - receipt.promised_on).days if receipt.promised_on else None


def lead_of(receipt: Receipt) -> int | None:
    """Return the days from the order to the arrival."""
    return (receipt.received_on - receipt.ordered_on).days if receipt.ordered_on else None


def sequence(receipt: Receipt) -> tuple[date, tuple[int, int, date, str]]:
    """Return by what deliveries are put into the sequence in which they came; the latest of a day last."""
    return receipt.received_on, _lateness(receipt)


def _has_impossible_dates(receipt: Receipt) -> bool:
    slip, lead = slip_of(receipt), lead_of(receipt)
    wrong_lead = lead is not None and not 0 < lead <= LEAD_TIMES.longest_days
    return wrong_lead or (slip is not None and abs(slip) > SLIPS.longest_days)


def _lateness(receipt: Receipt) -> tuple[int, int, date, str]:
    """Return by what the latest line of a delivery is found, the same in any input order."""
    slip, lead = slip_of(receipt), lead_of(receipt)
    undated = -SLIPS.longest_days - 1
    return (undated if slip is None else slip, lead or 0, receipt.received_on, receipt.lane)
