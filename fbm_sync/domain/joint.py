"""How many orders go wrong together: exact chances of every number, for many orders and many lots.

Orders that wait for the same lot are late together: one draw of its arrival decides for all of them, so
at least k are late with the k-th largest chance. Lots are independent of each other, so their laws are
convolved. Only what is below a cap is told apart: the cap is where Amazon's limit is broken anyway.
"""

import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

_NOTHING = 1e-18
"""Chances below it are dropped at both ends; of ten thousand orders that is less than one in 10^14."""

_FEW = 24
"""From more chances than that on, one long multiplication is faster than many short ones."""

_ONE = 2.0**62
_LOW, _HIGH = 2.0**-124, 2.0**-60


class Law(NamedTuple):
    """The chances of `least`, `least + 1` … bad ones; what is missing to one is at or above the cap."""

    least: int
    chances: Sequence[float]

    def below(self, count: int) -> float:
        """Return the chance of fewer than so many."""
        return math.fsum(self.chances[: max(0, count - self.least)])


NONE_BAD = Law(0, (1.0,))


def late_together(orders: Iterable[tuple[float, int]], cap: int) -> Law:
    """Return the law of orders that one draw decides, each with its chance and what it counts for."""
    chances: dict[int, float] = {0: 1.0}
    count = 0
    for chance, weight in sorted(orders, reverse=True):
        before = count
        count += weight
        chances[before] -= chance
        chances[count] = chance
    known = [max(0.0, chances.get(number, 0.0)) for number in range(min(cap, count + 1))]
    return _trimmed(0, known)


def together(one: Law, other: Law, cap: int) -> Law:
    """Return the law of two independent groups."""
    few, many = sorted((one.chances, other.chances), key=len)
    least = one.least + other.least
    length = min(len(few) + len(many) - 1, max(0, cap - least))
    multiplied = _products_by_one_product if len(few) > _FEW else _products
    return _trimmed(least, multiplied(few[:length], many[:length])[:length])


def _products(few: Sequence[float], many: Sequence[float]) -> list[float]:
    """Return the chance of every sum of two independent numbers."""
    sums = [0.0] * max(0, len(few) + len(many) - 1)
    for place, chance in enumerate(few):
        if chance:
            part = sums[place : place + len(many)]
            sums[place : place + len(many)] = [
                known + chance * more for known, more in zip(part, many, strict=True)
            ]
    return sums


def _products_by_one_product(few: Sequence[float], many: Sequence[float]) -> list[float]:
    """Return the same by one multiplication of two very long whole numbers, many times as fast.

    Each chance takes 128 bits of such a number, as a whole multiple of 2^-62: what is lost is far below
    `_NOTHING` times the number of chances.
    """
    length = len(few) + len(many) - 1
    product = _joined_up(few) * _joined_up(many)
    words = struct.unpack(f"<{2 * length}Q", product.to_bytes(16 * length, "little"))
    return [high * _HIGH + low * _LOW for low, high in zip(words[::2], words[1::2], strict=True)]


def _joined_up(chances: Sequence[float]) -> int:
    words = [0] * (2 * len(chances))
    words[::2] = [int(chance * _ONE) for chance in chances]
    return int.from_bytes(struct.pack(f"<{len(words)}Q", *words), "little")


def _trimmed(least: int, chances: Sequence[float]) -> Law:
    first, last = 0, len(chances)
    while first < last and chances[first] < _NOTHING:
        first += 1
    while last > first and chances[last - 1] < _NOTHING:
        last -= 1
    return Law(least + first, chances[first:last])


class Joined:
    """The law of many independent groups, kept ready while some of them change.

    A tree of pairs: a change works its way up, everything beside it stays.
    """

    def __init__(self, groups: int, cap: int) -> None:
        self._cap = cap
        size = 1
        while size < groups:
            size *= 2
        self._size = size
        self._laws: list[Law] = [NONE_BAD] * (2 * size)

    @property
    def law(self) -> Law:
        """The law of all groups together."""
        return self._laws[1]

    def change(self, laws: Mapping[int, Law]) -> None:
        """Replace the laws of some groups, given by number."""
        places = {self._size + number for number in laws}
        for number, law in laws.items():
            self._laws[self._size + number] = law
        while places := {place // 2 for place in places if place > 1}:
            for place in places:
                left, right = self._laws[2 * place], self._laws[2 * place + 1]
                if left is NONE_BAD or right is NONE_BAD:
                    self._laws[place] = right if left is NONE_BAD else left
                else:
                    self._laws[place] = together(left, right, self._cap)


def chances_at_most(trials: int, bad: int, good: int, below: int) -> Sequence[float]:
    """Return the chances of at most 0, 1 … bad ones of so many new ones, for every number `below` a limit.

    How often one goes bad is learned from as many bad and good ones before (beta-binomial with Jeffreys'
    half of each): the fewer there were, the less sure it is.
    """
    alpha, beta = bad + 0.5, good + 0.5
    whole = math.lgamma(alpha) + math.lgamma(beta) - math.lgamma(alpha + beta)

    def chance(count: int) -> float:
        if count > trials:
            return 0.0
        ways = math.lgamma(trials + 1) - math.lgamma(count + 1) - math.lgamma(trials - count + 1)
        drawn = math.lgamma(alpha + count) + math.lgamma(beta + trials - count)
        return math.exp(ways + drawn - math.lgamma(alpha + beta + trials) - whole)

    if trials == 0:
        return [1.0] * below
    return [min(1.0, total) for total in accumulate(map(chance, range(below)))]


def chance_of_at_least(count: int, law: Law, new_at_most: Sequence[float]) -> float:
    """Return the chance of at least so many from these groups and the new ones together."""
    if count <= 0:
        return 1.0
    kept = math.fsum(
        chance * new_at_most[count - 1 - number]
        for number, chance in enumerate(law.chances, start=law.least)
        if number < count
    )
    return min(1.0, max(0.0, 1.0 - kept))
