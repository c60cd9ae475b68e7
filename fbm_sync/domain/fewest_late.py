"""Which orders can be in time together: as many as possible, found exactly wherever that is affordable.

Nothing of a shop is in here but numbers. A *wish* says how many units an order needs of each SKU, and
how far down the row of supplies it may wait for them: `slot` is the number of supplies, in the sequence
in which they get ready, that are there in time for it. `room[slot]` are the units of the first `slot`
supplies together. Orders are in time together if, SKU by SKU and slot by slot, those that may wait no
longer need no more than the room.

For one SKU that is scheduling jobs on one machine with the fewest late ones, 1||ΣU: Moore's and Hodgson's
rule (take them by due date; whenever one does not fit, drop the largest so far) is exact. Orders of
several contended SKUs make it hard in general: up to `LARGEST_EXACT` of them in one tangle are decided by
branch and bound, each branch by Moore and Hodgson. A larger tangle is settled SKU by SKU, which makes at
most k times as many orders late as need be, k being the most contended SKUs in one order of it; then
whoever still fits is taken back. The same wishes in the same sequence always get the same answer; of two
equal ones the former wins.
"""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from fbm_sync.domain.order import Sku

LARGEST_EXACT = 12
"""Orders that tie contended SKUs to each other are decided exactly up to this many in one tangle.

With twelve of them a tangle may have some 500 orders in all, with ten 2,000.
"""

_EXACT_WORK = 2_000_000


class Need(NamedTuple):
    """Units of one SKU, wanted from the first `slot` supplies."""

    slot: int
    units: int


class _Job(NamedTuple):
    """What one wish needs of one SKU; `ties` is the number of scarce SKUs it needs."""

    slot: int
    number: int
    units: int
    ties: int


Wish: TypeAlias = Mapping[Sku, Need]
"""What one order needs of each SKU."""

Room: TypeAlias = Sequence[int]
"""Units of the first so many supplies together; it begins with 0 for none of them."""


def most_in_time(
    wishes: Mapping[int, Wish], rooms: Mapping[Sku, Room], *, exact: int = LARGEST_EXACT
) -> set[int]:
    """Return the numbers of as many wishes as can be met in time together; smaller numbers go first.

    Tangles with up to `exact` wishes that tie SKUs together are decided exactly.
    """
    scarce = contended(wishes.values(), rooms)
    chosen = {number for number, wish in wishes.items() if scarce.isdisjoint(wish)}
    rivals = {
        number: {sku: wish[sku] for sku in wish if sku in scarce}
        for number, wish in sorted(wishes.items())
        if number not in chosen
    }
    tangle_of = tangles(rivals.values())
    members: dict[int, dict[int, Wish]] = {}
    for number, wish in rivals.items():
        members.setdefault(id(tangle_of[next(iter(wish))]), {})[number] = wish
    for group in members.values():
        chosen |= group.keys() - _Tangle(group, rooms).late(exact)
    return chosen


def contended(wishes: Iterable[Wish], rooms: Mapping[Sku, Room]) -> set[Sku]:
    """Return the SKUs for which not all wishes can be met in time."""
    wanted: dict[Sku, list[int]] = {}
    for wish in wishes:
        for sku, need in wish.items():
            if sku not in wanted:
                wanted[sku] = [0] * len(rooms[sku])
            wanted[sku][need.slot] += need.units
    return {sku for sku, by_slot in wanted.items() if not _fits(by_slot, rooms[sku])}


def tangles(ties: Iterable[Iterable[Sku]]) -> Mapping[Sku, set[Sku]]:
    """Return for each SKU the group it belongs to, when each tie puts its SKUs into one group."""
    group_of: dict[Sku, set[Sku]] = {}
    for tie in ties:
        groups = [group_of.setdefault(sku, {sku}) for sku in tie]
        merged = max(groups, key=len, default=set())
        for group in groups:
            if group is not merged:
                merged |= group
                group_of.update(dict.fromkeys(group, merged))
    return group_of


def room_left(room: Room, wanted: Sequence[int]) -> list[int]:
    """Return what wishes leave to others if each is served by its slot, or else as soon as it can be.

    That is available-to-promise with look-ahead, carrying what is short: no unit is left to others that
    these wishes need later. More room always leaves more. `wanted` are their units by slot.
    """
    used, balance = 0, []
    for units, there in zip(wanted, room, strict=True):
        used += units
        balance.append(there - used)
    for slot in range(len(balance) - 2, -1, -1):
        balance[slot] = min(balance[slot], balance[slot + 1])
    return [max(0, units) for units in balance]


def _fits(wanted: Sequence[int], room: Room) -> bool:
    used = 0
    for units, there in zip(wanted, room, strict=True):
        used += units
        if used > there:
            return False
    return True


def _moore_hodgson(jobs: Iterable[_Job], room: Room) -> list[int]:
    """Return which jobs of one SKU are late, the fewest possible; they are sorted.

    Of equally large ones that of the most scarce SKUs is dropped, which may help there too, and of these
    the last.
    """
    taken: list[tuple[int, int, int]] = []
    used, late = 0, []
    for slot, number, units, ties in jobs:
        heapq.heappush(taken, (-units, -ties, -number))
        used += units
        if used > room[slot]:
            largest, _, latest = heapq.heappop(taken)
            used += largest
            late.append(-latest)
    return late


class _Tangle:
    """Wishes that compete for SKUs tied to each other."""

    def __init__(self, wishes: Mapping[int, Wish], rooms: Mapping[Sku, Room]) -> None:
        self.wishes = wishes
        self.knots = [number for number, wish in wishes.items() if len(wish) > 1]
        self.jobs: dict[Sku, list[_Job]] = {}
        for number, wish in wishes.items():
            for sku, need in wish.items():
                self.jobs.setdefault(sku, []).append(_Job(need.slot, number, need.units, len(wish)))
        for jobs in self.jobs.values():
            jobs.sort()
        self.rooms = {sku: rooms[sku] for sku in self.jobs}

    def late(self, exact: int) -> set[int]:
        """Return the wishes that cannot be met in time."""
        late = self._by_one_sku_after_the_other()
        knots = len(self.knots)
        if 0 < knots <= exact and len(self.wishes) << knots <= _EXACT_WORK:
            return _Search(self, late).late()
        return late

    def _by_one_sku_after_the_other(self) -> set[int]:
        """Settle each SKU by itself without those already late, then take back whoever fits after all."""
        late: set[int] = set()
        for sku, jobs in self.jobs.items():
            late.update(_moore_hodgson((job for job in jobs if job.number not in late), self.rooms[sku]))
        if not self.knots:
            return late
        wanted = {sku: [0] * len(room) for sku, room in self.rooms.items()}
        for number in self.wishes.keys() - late:
            self.add(wanted, number, 1)
        by_size = sorted(
            late, key=lambda number: (sum(need.units for need in self.wishes[number].values()), number)
        )
        for number in by_size:
            self.add(wanted, number, 1)
            if all(_fits(wanted[sku], self.rooms[sku]) for sku in self.wishes[number]):
                late.remove(number)
            else:
                self.add(wanted, number, -1)
        return late

    def add(self, wanted: Mapping[Sku, list[int]], number: int, times: int) -> None:
        """Add the units of a wish to what is wanted by slot, or take them off."""
        for sku, need in self.wishes[number].items():
            wanted[sku][need.slot] += times * need.units


class _Search:
    """Branch and bound over the wishes that tie SKUs to each other; the others follow SKU by SKU.

    A branch says of some of them whether they are in time. Those still open are counted as wishes for one
    of their SKUs only: that can but make fewer orders late, so it bounds what the branch may still bring.
    """

    def __init__(self, tangle: _Tangle, late: set[int]) -> None:
        self.tangle, self.best = tangle, late
        self.home = {number: next(iter(tangle.wishes[number])) for number in tangle.knots}

    def late(self) -> set[int]:
        """Return the fewest wishes that must be late."""
        tangle = self.tangle
        firm = {sku: [0] * len(room) for sku, room in tangle.rooms.items()}
        late = {sku: self._late_of(sku, firm[sku], 0) for sku in tangle.rooms}
        self._branch(0, firm, late, ())
        return self.best

    def _branch(
        self,
        depth: int,
        firm: Mapping[Sku, list[int]],
        late: Mapping[Sku, list[int]],
        refused: tuple[int, ...],
    ) -> None:
        if len(refused) + sum(map(len, late.values())) >= len(self.best):
            return
        if depth == len(self.tangle.knots):
            self.best = {*refused, *(number for numbers in late.values() for number in numbers)}
            return
        number = self.tangle.knots[depth]
        wish = self.tangle.wishes[number]
        taken = {**firm, **{sku: list(firm[sku]) for sku in wish}}
        self.tangle.add(taken, number, 1)
        if all(_fits(taken[sku], self.tangle.rooms[sku]) for sku in wish):
            fewer = {sku: self._late_of(sku, taken[sku], depth + 1) for sku in wish}
            self._branch(depth + 1, taken, {**late, **fewer}, refused)
        home = self.home[number]
        freed = {home: self._late_of(home, firm[home], depth + 1)}
        self._branch(depth + 1, firm, {**late, **freed}, (*refused, number))

    def _late_of(self, sku: Sku, firm: Sequence[int], depth: int) -> list[int]:
        """Return who is late of one SKU if those firmly in time are served and `depth` are decided."""
        decided = self.tangle.knots[:depth]
        jobs = (
            job
            for job in self.tangle.jobs[sku]
            if self.home.get(job.number, sku) == sku and job.number not in decided
        )
        return _moore_hodgson(jobs, room_left(self.tangle.rooms[sku], firm))
