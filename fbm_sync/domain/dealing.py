"""Who physically gets which supply of one SKU, once it is known which orders are to be in time.

Whoever is in picking is served first. Of what is left, an order that is late anyway gets the earliest
units that no order in time needs; then those in time are served by deadline, then those without one. A
line takes the latest units that are there when it is complete, because it ships complete: the earlier
ones may complete another. What nobody wants is always the end of the row.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, groupby, pairwise
from typing import NamedTuple, TypeAlias

from fbm_sync.domain.fewest_late import room_left


class Turn(NamedTuple):
    """A line in the queue for one SKU; `place` is by ship-by. The sooner supplies are those below `slot`."""

    line: int
    units: int
    slot: int
    place: int
    rank: int
    dated: bool
    in_time: bool


Parts: TypeAlias = dict[int, int]
"""Units of each supply, by its index in the row."""

Deal: TypeAlias = dict[int, Parts]
"""The parts of each line."""


def deal(turns: Sequence[Turn], supply: Sequence[int], *, first_rank: int) -> Deal:
    """Serve the queue of one SKU, given by rank and place; `supply` are the units of each supply.

    Those said to be in time are, provided they can all be. Lines of `first_rank` take the first units.
    """
    if sum(turn.units for turn in turns) <= supply[0]:
        return {turn.line: {0: turn.units} for turn in turns}
    left, dealt = list(supply), Deal()
    first = [turn for turn in turns if turn.rank == first_rank]
    rest = [turn for turn in turns if turn.rank != first_rank]
    pool = _move(left, sum(turn.units for turn in first))
    _serve([*_by_deadline(first), *_late(first), *_undated(first)], pool, dealt)
    spare = _spare(rest, left)
    for _, ranked in groupby(rest, key=lambda turn: turn.rank):
        group = list(ranked)
        late = _late(group)
        pool = _move(spare, sum(turn.units for turn in late))
        left = [units - moved for units, moved in zip(left, pool, strict=True)]
        _serve(late, pool, dealt)
        # These are served at the very end, yet no later class may take what they will need.
        _move(spare, sum(turn.units for turn in _undated(group)))
    _serve([*_by_deadline(rest), *_undated(rest)], left, dealt)
    close_gaps((dealt[turn.line] for turn in turns), left)
    return dealt


def is_in_time(units: int, slot: int, parts: Mapping[int, int]) -> bool:
    """Tell whether a line has all its units, and all of them from the first `slot` supplies."""
    return sum(parts.values()) == units and max(parts) < slot


def close_gaps(in_turn: Iterable[Parts], left: list[int]) -> None:
    """Let lines, first come first, exchange their latest units for earlier ones that nobody has."""
    gap = 0
    for parts in in_turn:
        while parts:
            while gap < len(left) and left[gap] == 0:
                gap += 1
            last = max(parts)
            if gap >= last:
                break
            units = min(left[gap], parts[last])
            _exchange(parts, last, gap, units)
            left[gap] -= units
            left[last] += units


def _exchange(parts: Parts, old: int, new: int, units: int) -> None:
    parts[new] = parts.get(new, 0) + units
    parts[old] -= units
    if parts[old] == 0:
        del parts[old]


def _by_deadline(turns: Iterable[Turn]) -> list[Turn]:
    return sorted((turn for turn in turns if turn.in_time), key=lambda turn: (turn.slot, turn.place))


def _late(turns: Iterable[Turn]) -> list[Turn]:
    return [turn for turn in turns if turn.dated and not turn.in_time]


def _undated(turns: Iterable[Turn]) -> list[Turn]:
    return [turn for turn in turns if not turn.dated]


def _spare(turns: Iterable[Turn], left: Sequence[int]) -> list[int]:
    """Return the units of each supply that lines in time can do without."""
    wanted = [0] * (len(left) + 1)
    for turn in turns:
        if turn.in_time:
            wanted[turn.slot] += turn.units
    return [after - before for before, after in pairwise(room_left([0, *accumulate(left)], wanted))]


def _move(source: list[int], wanted: int) -> list[int]:
    """Take the first units out of a row of supplies and return them as a row."""
    moved = []
    for index, units in enumerate(source):
        share = min(units, wanted)
        source[index] -= share
        wanted -= share
        moved.append(share)
    return moved


def _serve(turns: Iterable[Turn], left: list[int], dealt: Deal) -> None:
    """Let each line take the latest units that are there when it is complete, or all if it never is."""
    for turn in turns:
        there, last = 0, -1
        while there < turn.units and last + 1 < len(left):
            last += 1
            there += left[last]
        wanted = turn.units
        parts = dealt[turn.line] = {}
        while wanted and last >= 0:
            share = min(wanted, left[last])
            if share:
                parts[last] = share
                left[last] -= share
                wanted -= share
            last -= 1
