"""An account's late budget: how many orders may go wrong, and what all its SKUs together put at risk.

Every SKU sold ahead uses the same few spare orders, so they are handed out in turn, and each turn sees
what the others have taken. Orders that hang on one lot are late together; different SKUs hang on
different lots, so chances are convolved SKU by SKU, never order by order.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import TypeVar

from fbm_sync.domain.arrivals import NEARLY, sure_units
from fbm_sync.domain.channel import ALL_OF_IT, Portion

LateOdds = Mapping[int, float]
"""The probability of each number of late orders."""

NONE_LATE: LateOdds = {0: 1.0}

_DEAREST = 2**40
_Claim = TypeVar("_Claim")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LateBudget:
    """What an account can still stand: spare orders, and the chances of using 0, 1, 2 … of them already.

    What is missing in `chances` to one is the chance that the account is over a limit of Amazon's.
    `at_stake` orders would be late if every lot were lost, however unlikely that is.
    """

    spare_orders: int
    chances: tuple[float, ...] = (1.0,)
    at_stake: int = 0

    def breach_chance(self, late: LateOdds) -> float:
        """Return the chance of using more than the spare orders once these come on top."""
        return self.breach_chances()(late)

    def breach_chances(self) -> Callable[[LateOdds], float]:
        """Return how to tell the chance of a breach, prepared for many questions."""
        sums, spare = list(accumulate(self.chances)), self.spare_orders
        last = len(sums) - 1

        def breach_chance(late: LateOdds) -> float:
            kept = sum(
                chance * sums[min(last, spare - orders)] for orders, chance in late.items() if orders <= spare
            )
            return max(0.0, 1.0 - kept)

        return breach_chance

    def after(self, *risks: LateOdds) -> "LateBudget":
        """Return what is left once these risks, independent of each other, have been taken."""
        chances = list(self.chances)
        for late in risks:
            if late.get(0, 0.0) >= 1.0:
                continue
            most = min(self.spare_orders, len(chances) - 1 + max(late))
            grown = [0.0] * (most + 1)
            for orders, chance in late.items():
                for used, likely in enumerate(chances[: max(0, most + 1 - orders)]):
                    grown[used + orders] += likely * chance
            chances = grown
        at_stake = self.at_stake + sum(max(late) for late in risks)
        return dataclasses.replace(self, chances=tuple(chances), at_stake=at_stake)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """What one account would lose if a SKU's inbound came too late.

    `odds` are the chances of inbound units by the promise, `taken` those of them that open orders of all
    accounts use already, `waiting` the open orders of this account among them.
    """

    odds: Mapping[int, float]
    taken: int = 0
    waiting: int = 0
    portion: Portion = ALL_OF_IT

    def late_odds(self, units: int) -> LateOdds:
        """Return the chances of late orders if so many units more are sold, each perhaps an order.

        What is there serves those who wait already; of the rest this account gets its part.
        """
        odds: dict[int, float] = {}
        for there, chance in self.odds.items():
            served = self.portion.of(there - self.taken)
            late = min(self.waiting, max(0, self.taken - there)) + max(0, units - served)
            odds[late] = odds.get(late, 0.0) + chance
        return odds

    def expected_late(self, units: int) -> float:
        """Return how many of so many units more are late on average."""
        return sum(
            chance * max(0, units - self.portion.of(there - self.taken))
            for there, chance in self.odds.items()
        )

    def sure_units(self, confidence: float) -> int:
        """Return the most units this account can sell more that come in time with this probability."""
        return self.portion.of(sure_units(self.odds, confidence) - self.taken)


def most_units(exposure: Exposure, budget: LateBudget, risk: float) -> int:
    """Return the most units that may be sold with a chance of at most `risk` to break a limit of Amazon's.

    With a risk of 0 the account stands the loss of every lot there is, whatever we think of its chances.
    With a risk of 1 nothing is forbidden; the answer is then every unit that could come and every spare
    order.
    """
    if risk == 0:
        return max(0, budget.spare_orders - budget.at_stake - max(exposure.late_odds(0)))
    breach_chance = budget.breach_chances()
    low, high = 0, max(exposure.odds) + budget.spare_orders
    while low < high:
        middle = (low + high + 1) // 2
        if breach_chance(exposure.late_odds(middle)) <= risk + NEARLY:
            low = middle
        else:
            high = middle - 1
    return low


def ration(
    claims: Sequence[_Claim],
    budget: LateBudget,
    waiting: Callable[[_Claim], LateOdds],
    decide: Callable[[_Claim, LateBudget], LateOdds],
) -> list[LateOdds]:
    """Let claims use a budget in turn; return what risk each has taken.

    Each decides on what is left when those before it have decided and those after it sell nothing more
    (`waiting` is the risk of their open orders). Halving the list keeps it quick: no claim's own open
    orders may be counted beside what it decides, for they hang on the same lots.
    """
    if not claims:
        return []
    if len(claims) == 1:
        return [decide(claims[0], budget)]
    first, second = claims[: len(claims) // 2], claims[len(claims) // 2 :]
    taken = ration(first, budget.after(*map(waiting, second)), waiting, decide)
    return [*taken, *ration(second, budget.after(*taken), waiting, decide)]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stake:
    """A SKU that would be sold ahead: what is at risk, how many units at most, what one earns and costs.

    Money is in minor units. `late_cost_minor` of `None` means that nobody has said what a late order
    costs: then the number of units does not follow the price of the budget.
    """

    exposure: Exposure
    units: int
    margin_minor: int
    late_cost_minor: int | None

    def units_at(self, price_minor: int) -> int:
        """Return how many units are worth selling when the budget has this price."""
        if self.late_cost_minor is None:
            return self.units
        needed = worthwhile_odds(self.margin_minor, self.late_cost_minor + price_minor)
        return min(self.units, self.exposure.sure_units(needed))

    @property
    def margin_per_late_order(self) -> float:
        """What the account earns for each late order it must expect; endless where it expects none."""
        late = self.exposure.expected_late(self.units)
        return self.margin_minor * self.units / late if late > NEARLY else float("inf")


def worthwhile_odds(margin_minor: int, late_cost_minor: int) -> float:
    """Return how sure a unit must be to be worth selling: c / (m + c), newsvendor on the supply side."""
    margin = max(0, margin_minor)
    return late_cost_minor / (margin + late_cost_minor) if margin + late_cost_minor else 1.0


def shadow_price(stakes: Sequence[Stake], late_orders: float) -> int:
    """Return the price of one late order, in minor units, at which an account keeps its late budget.

    `late_orders` is the budget: how many late orders may be expected. The price is one for all SKUs of the
    account, added to what each says that a late order costs it; so units go first that earn little
    for the risk they are. It is 0 while the budget is not scarce, and the lowest whole one that is enough
    otherwise, found by bisection: the expected number of late orders never rises with the price. Where no
    price is enough (SKUs without a cost of their own do not follow it) it is the dearest.
    """

    def enough(price: int) -> bool:
        expected = (stake.exposure.expected_late(stake.units_at(price)) for stake in stakes)
        return sum(expected) <= late_orders + NEARLY

    if enough(0):
        return 0
    low, high = 0, _DEAREST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
