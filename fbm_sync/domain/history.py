"""What past receipts teach: each supplier's slips and lead times, and the law of the next delay.

The object of learning is the *slip*: received minus confirmed date, in calendar days; the raw lead time
from the day of ordering is kept beside it for what has no confirmed date. A lot's delay follows the
receipts on its lane first, then its supplier's (`domain.delay`); one whose legs are known and learned is as
late as its remaining legs together.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from fbm_sync.domain.delay import DelayLaw, Experience, not_come_yet, sum_of
from fbm_sync.domain.delivery import lead_of, past_deliveries, plain, sequence, slip_of
from fbm_sync.domain.shrinkage import SLIPS, DelayScale
from fbm_sync.domain.supply import Lot, Receipt


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SupplierRecord:
    """What a supplier's past says, in days, oldest first: slips against the confirmed date, lead times.

    `dropped` counts receipts that were left out for impossible dates.
    """

    slips: tuple[int, ...] = ()
    lead_times: tuple[int, ...] = ()
    dropped: int = 0

    @property
    def on_time_share(self) -> float | None:
        """Share of deliveries no later than confirmed; `None` without any."""
        return sum(slip <= 0 for slip in self.slips) / len(self.slips) if self.slips else None

    @property
    def slip_spread_days(self) -> int | None:
        """Days between the 50 % and the 90 % slip: how unreliable, as opposed to merely slow."""
        if not self.slips:
            return None
        ordered = sorted(self.slips)
        return _nearest_rank(ordered, 0.9) - _nearest_rank(ordered, 0.5)

    def delays(self, scale: DelayScale) -> tuple[int, ...]:
        """Return the delays of one kind."""
        return self.slips if scale is SLIPS else self.lead_times


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LeadTimeHistory:
    """Everything learned from past receipts.

    `lanes` are records by supplier and lane. `legs` are those of legs, by the leg's name and then by
    supplier; what taught a leg is in none of the others.
    """

    suppliers: Mapping[str, SupplierRecord]
    pooled: SupplierRecord
    lanes: Mapping[tuple[str, str], SupplierRecord] = dataclasses.field(default_factory=dict)
    legs: Mapping[str, Mapping[str, SupplierRecord]] = dataclasses.field(default_factory=dict)
    # Laws are the same for all lots of a supplier and lane, and take a thousand times longer to make than
    # to read. They follow from the rest, so they are no part of the value.
    _known: dict[tuple[str, str, int], Experience] = dataclasses.field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _ways: dict[tuple[object, ...], DelayLaw] = dataclasses.field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def record_of(self, supplier: str) -> SupplierRecord:
        """Return a supplier's past, empty for a new one."""
        return self.suppliers.get(supplier, SupplierRecord())

    @property
    def dropped(self) -> int:
        """How many receipts were left out for impossible dates."""
        return self.pooled.dropped

    def law(self, lot: Lot, scale: DelayScale, half_life: int) -> DelayLaw | None:
        """Return the law of a lot's whole delay; `None` while there are not two receipts in all."""
        lane = plain(lot.lane)
        on_lane = self.lanes.get((lot.supplier, lane), SupplierRecord()) if lane else SupplierRecord()
        return self._experience("", scale, half_life).law(lot.supplier, lane, on_lane.delays(scale))

    def way_law(self, lot: Lot, half_life: int, default_days: int, today: date) -> DelayLaw | None:
        """Return the law of the slips of all legs ahead together; `None` where not all are learned.

        The leg under way is not over before today, and is taken to need `default_days` more where none
        ever took so long. What lies behind adds nothing more: the plan of the legs ahead is the supplier's
        newest word.
        """
        laws = [
            self._experience(plain(leg.name), SLIPS, half_life).law(lot.supplier) for leg in lot.legs_ahead
        ]
        learned = [law for law in laws if law is not None]
        if not laws or len(learned) < len(laws):
            return None
        age = max(learned[0].days[0], (today - lot.legs_ahead[0].planned_end_on).days)
        under_way = not_come_yet(learned[0], default_days, since=age)
        if under_way is None:
            return None
        names = tuple(plain(leg.name) for leg in lot.legs_ahead)
        key = (lot.supplier, names, age, half_life, default_days)
        if key not in self._ways:
            later = [(law, law.days[0]) for law in learned[1:]]
            self._ways[key] = sum_of([(under_way, age), *later], SLIPS.longest_days)
        return self._ways[key]

    def _experience(self, leg: str, scale: DelayScale, half_life: int) -> Experience:
        key = (leg, scale.name, half_life)
        if key not in self._known:
            records = self.legs.get(leg, {}) if leg else self.suppliers
            delays = {supplier: record.delays(scale) for supplier, record in records.items()}
            self._known[key] = Experience(delays, scale, half_life)
        return self._known[key]


def learn(receipts: Iterable[Receipt], lots: Iterable[Lot] = ()) -> LeadTimeHistory:
    """Learn slips and lead times from past receipts, in the sequence in which they came.

    The open `lots` say which lanes are the names of legs; the receipts on those teach the leg only.
    """
    past = past_deliveries(receipts, lots)
    on_lane: dict[tuple[str, str], list[Receipt]] = {}
    for supplier, deliveries in past.whole.items():
        for one in deliveries:
            on_lane.setdefault((supplier, plain(one.lane)), []).append(one)
    everyone = [one for deliveries in past.whole.values() for one in deliveries]
    return LeadTimeHistory(
        suppliers={name: _record(group, past.dropped[name]) for name, group in past.whole.items()},
        pooled=_record(everyone, past.dropped.total()),
        lanes={key: _record(group) for key, group in on_lane.items()},
        legs={
            leg: {name: _record(group) for name, group in groups.items()} for leg, groups in past.legs.items()
        },
    )


def _record(deliveries: Iterable[Receipt], dropped: int = 0) -> SupplierRecord:
    ordered = sorted(deliveries, key=sequence)
    slips, leads = map(slip_of, ordered), map(lead_of, ordered)
    return SupplierRecord(
        slips=tuple(slip for slip in slips if slip is not None),
        lead_times=tuple(lead for lead in leads if lead is not None),
        dropped=dropped,
    )


def _nearest_rank(ordered: Sequence[int], share: float) -> int:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
