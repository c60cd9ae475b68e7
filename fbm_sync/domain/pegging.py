"""All claims against all supply: which are in time, class by class, and which supplies serve each line.

What a line had before it keeps, unless some claim would then be late that need not be. So a plan made
twice is the same, and one made of slightly other facts differs slightly.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, groupby
from typing import TypeAlias

from fbm_sync.domain.claims import IN_PICKING, LEAVING, Claim
from fbm_sync.domain.dealing import Deal, Parts, Turn, close_gaps, deal, is_in_time
from fbm_sync.domain.fewest_late import contended, most_in_time, room_left, tangles
from fbm_sync.domain.order import Sku

Supply: TypeAlias = Mapping[Sku, Sequence[int]]
"""Units of each supply of a SKU, in the sequence in which they get ready."""


def peg(claims: Sequence[Claim], supply: Supply, kept: Mapping[int, Parts]) -> Mapping[Sku, Deal]:
    """Return by SKU which supplies serve which line; claims are given first come first.

    `kept` are the parts that lines had before and that are still there, together no more than there is.
    """
    best, scarce = _in_time(claims, supply)
    if not kept:
        return _deals(_queues(claims, best), supply)
    former = _former_deals(claims, supply, kept)
    queues = _queues(claims, _former_where_as_good(claims, best, scarce, former))
    spoilt = {sku: queue for sku, queue in queues.items() if not _serves(former[sku], queue)}
    return {**former, **_deals(spoilt, supply)}


def _in_time(claims: Sequence[Claim], supply: Supply) -> tuple[set[int], set[Sku]]:
    """Return the claims in time when each class in its turn has the fewest late ones, and the scarce SKUs.

    Of a scarce SKU some class cannot have all it wants in time.
    """
    rooms = {sku: [0, *accumulate(units)] for sku, units in supply.items()}
    chosen: set[int] = set()
    scarce: set[Sku] = set()
    for rank, group in groupby(claims, key=lambda claim: claim.rank):
        members = list(group)
        wishes = {claim.number: claim.wish for claim in members if claim.due_on is not None}
        scarce |= contended(wishes.values(), rooms)
        chosen |= most_in_time(wishes, rooms)
        for sku, by_slot in _wanted(members, rooms, at_once=rank == IN_PICKING).items():
            rooms[sku] = room_left(rooms[sku], by_slot)
    return chosen, scarce


def _wanted(members: Iterable[Claim], rooms: Supply, *, at_once: bool) -> Mapping[Sku, list[int]]:
    """Return the units a class wants of each SKU by slot; what is being picked is wanted at once."""
    wanted: dict[Sku, list[int]] = {}
    for claim in members:
        for line in claim.lines:
            if line.item.sku not in wanted:
                wanted[line.item.sku] = [0] * len(rooms[line.item.sku])
            wanted[line.item.sku][0 if at_once else line.slot] += line.units
    return wanted


def _queues(claims: Iterable[Claim], in_time: set[int]) -> dict[Sku, list[Turn]]:
    queues: dict[Sku, list[Turn]] = {}
    for claim in claims:
        for line in claim.lines:
            turn = Turn(
                line=line.number,
                units=line.units,
                slot=line.slot,
                place=claim.place,
                rank=claim.rank,
                dated=claim.dated,
                in_time=claim.number in in_time,
            )
            queues.setdefault(line.item.sku, []).append(turn)
    return queues


def _deals(queues: Mapping[Sku, Sequence[Turn]], supply: Supply) -> dict[Sku, Deal]:
    return {sku: deal(queue, supply[sku], first_rank=IN_PICKING) for sku, queue in queues.items()}


# --- what lines had before -----------------------------------------------------------------------


def _former_deals(claims: Sequence[Claim], supply: Supply, kept: Mapping[int, Parts]) -> dict[Sku, Deal]:
    """Return the deals in which lines keep what they had and the others share the rest."""
    left = {sku: list(units) for sku, units in supply.items()}
    for claim in claims:
        for line in claim.lines:
            _take(left[line.item.sku], kept.get(line.number, {}))
    newcomers = list(_newcomers(claims, kept))
    in_time, _ = _in_time(newcomers, left)
    added = _deals(_queues(newcomers, in_time), left)
    former: dict[Sku, Deal] = {}
    for line in (line for claim in claims for line in claim.lines):
        sku = line.item.sku
        fresh = added.get(sku, {}).get(line.number, {})
        _take(left[sku], fresh)
        former.setdefault(sku, {})[line.number] = _together(kept.get(line.number, {}), fresh)
    for sku, dealt in former.items():
        close_gaps(dealt.values(), left[sku])
    return former


def _together(one: Mapping[int, int], other: Mapping[int, int]) -> Parts:
    parts = dict(one)
    for index, units in other.items():
        parts[index] = parts.get(index, 0) + units
    return parts


def _take(left: list[int], parts: Mapping[int, int]) -> None:
    for index, units in parts.items():
        left[index] -= units


def _newcomers(claims: Iterable[Claim], kept: Mapping[int, Parts]) -> Iterator[Claim]:
    """Yield what claims want besides what they keep; most keep everything or nothing."""
    for claim in claims:
        if not any(line.number in kept for line in claim.lines):
            yield claim
            continue
        wanted = ((line, line.units - sum(kept.get(line.number, {}).values())) for line in claim.lines)
        lines = tuple(dataclasses.replace(line, units=units) for line, units in wanted if units)
        if lines:
            yield dataclasses.replace(claim, lines=lines)


def _former_where_as_good(
    claims: Iterable[Claim], best: set[int], scarce: set[Sku], former: Mapping[Sku, Deal]
) -> set[int]:
    """Return which claims shall be in time: tangle by tangle those that were, where that is as good.

    As good means that the foremost class that differs has no more late claims.
    """
    rivals = [claim for claim in claims if claim.due_on is not None and not scarce.isdisjoint(claim.wish)]
    tangle_of = tangles([sku for sku in claim.wish if sku in scarce] for claim in rivals)
    groups: dict[int, list[Claim]] = {}
    for claim in rivals:
        tangle = next(tangle_of[sku] for sku in claim.wish if sku in scarce)
        groups.setdefault(id(tangle), []).append(claim)
    chosen = set(best)
    for group in groups.values():
        served = {claim.number for claim in group if _was_in_time(claim, scarce, former)}
        if _by_class(group, served) >= _by_class(group, best):
            chosen -= {claim.number for claim in group}
            chosen |= served
    return chosen


def _was_in_time(claim: Claim, scarce: set[Sku], former: Mapping[Sku, Deal]) -> bool:
    return all(
        is_in_time(line.units, line.slot, former[line.item.sku][line.number])
        for line in claim.lines
        if line.item.sku in scarce
    )


def _by_class(group: Iterable[Claim], in_time: set[int]) -> list[int]:
    counts = Counter(claim.rank for claim in group if claim.number in in_time)
    return [counts[rank] for rank in range(LEAVING + 1)]


def _serves(former: Deal, queue: Iterable[Turn]) -> bool:
    return all(is_in_time(turn.units, turn.slot, former[turn.line]) for turn in queue if turn.in_time)
