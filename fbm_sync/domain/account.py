"""All offers of one account, decided together: what one SKU puts at risk is not there for another.

The account has few spare late orders. Those that hang on its open orders are set aside first; the SKUs to
be sold ahead then use the rest in turn, the strictest policy first, then those that earn most for each
late order they risk, ties by SKU.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from fbm_sync.domain.allocation import CoverSource
from fbm_sync.domain.budget import LateBudget, LateOdds, ration, shadow_price
from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.offer import OfferDecision, OfferFacts, settle_offer, would_sell_ahead
from fbm_sync.domain.order import Sku
from fbm_sync.domain.risk import OrderOutlook


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OpenRisk:
    """So many open orders that wait for one SKU's inbound, and the chance that they are late together."""

    orders: int = 0
    chance: float = 0.0

    @property
    def late_odds(self) -> LateOdds:
        """All of them are late, or none is: they hang on the same lots."""
        return {0: 1 - self.chance, self.orders: self.chance} if self.orders else {0: 1.0}

    def joined_by(self, chance: float) -> "OpenRisk":
        """Return the risk with one order more; the worst chance of any counts for all."""
        return OpenRisk(orders=self.orders + 1, chance=max(self.chance, chance))


NO_RISK = OpenRisk()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OpenRisks:
    """What an account's open orders put at risk, by SKU.

    `waiting` will be in time unless inbound is later than expected: new orders would hang on the same
    lots. `doubtful` are at risk or lost already, whatever is sold now.
    """

    waiting: Mapping[Sku, OpenRisk]
    doubtful: Mapping[Sku, OpenRisk]

    def waiting_orders(self, sku: Sku) -> int:
        """Return how many orders wait for inbound of a SKU without being at risk."""
        return self.waiting.get(sku, NO_RISK).orders


def open_risks(outlooks: Iterable[OrderOutlook], account: str, now: datetime, late_limit: float) -> OpenRisks:
    """Sum up what an account's open orders put at risk, each counted once.

    Orders past their ship-by are late already and stand in the account's headroom; those without a
    deadline cannot be late.
    """
    waiting: dict[Sku, OpenRisk] = {}
    doubtful: dict[Sku, OpenRisk] = {}
    for outlook in outlooks:
        chance, ship_by_at = outlook.late_probability, outlook.ship_by_at
        if outlook.account != account or chance is None or ship_by_at is None or ship_by_at < now:
            continue
        if chance == 0 and outlook.blamed_lot is None:
            continue  # it is on the shelf
        group, sku = doubtful if chance >= late_limit else waiting, _waits_for(outlook)
        group[sku] = group.get(sku, NO_RISK).joined_by(chance)
    return OpenRisks(waiting=waiting, doubtful=doubtful)


def _waits_for(outlook: OrderOutlook) -> Sku:
    """Return the SKU whose supply decides when the order can leave."""
    deciding = (
        item.sku
        for item in outlook.items
        for part in item.cover
        if part.source is CoverSource.SHORTAGE or (part.lot is not None and part.lot == outlook.blamed_lot)
    )
    return next(deciding, outlook.items[0].sku)


def decide_account(
    offers: Sequence[OfferFacts],
    risks: OpenRisks,
    calendar: ShipCalendar,
    *,
    now: datetime,
    run_id: str,
) -> tuple[OfferDecision, ...]:
    """Decide every offer of one account, so that all of them together keep it within its late budget."""
    return _Account(offers, risks, calendar, now, run_id).decide()


class _Account:
    """One account's offers while they are being decided."""

    def __init__(
        self,
        offers: Sequence[OfferFacts],
        risks: OpenRisks,
        calendar: ShipCalendar,
        now: datetime,
        run_id: str,
    ) -> None:
        self.offers = {facts.sku: facts for facts in offers}
        self.risks, self.calendar, self.now, self.run_id = risks, calendar, now, run_id
        self.spare_orders = min((facts.ahead.headroom.orders for facts in offers), default=0)
        answers = ((facts.sku, would_sell_ahead(facts, calendar, now)) for facts in offers)
        self.stakes = {sku: stake for sku, stake in answers if stake is not None}
        self.price_minor = self._price()

    def decide(self) -> tuple[OfferDecision, ...]:
        """Let the SKUs with a stake use the budget in turn, then decide the others on what remains."""
        decided: dict[Sku, OfferDecision] = {}

        def settle(sku: Sku, budget: LateBudget) -> LateOdds:
            decided[sku], taken = self._settle(sku, budget)
            return taken or self._waiting(sku)

        budget = self._budget()
        remaining = budget.after(*ration(sorted(self.stakes, key=self._rank), budget, self._waiting, settle))
        for sku in self.offers.keys() - decided.keys():
            decided[sku], _ = self._settle(sku, remaining)
        return tuple(decided[sku] for sku in sorted(decided))

    def _price(self) -> int:
        """Price the late budget: the spare orders, and the accepted chance of one beyond them."""
        risk = max((self.offers[sku].policy.account_risk for sku in self.stakes), default=0.0)
        return shadow_price(tuple(self.stakes.values()), self.spare_orders + risk)

    def _budget(self) -> LateBudget:
        """Return what is left of the spare orders once the risk of open orders is set aside.

        Those that wait for a SKU with a stake are left to it: they hang on the same lots.
        """
        settled = [risk for _, risk in sorted(self.risks.doubtful.items())]
        settled += [risk for sku, risk in sorted(self.risks.waiting.items()) if sku not in self.stakes]
        return LateBudget(spare_orders=self.spare_orders).after(*(risk.late_odds for risk in settled))

    def _rank(self, sku: Sku) -> tuple[float, float, Sku]:
        return (self.offers[sku].policy.account_risk, -self.stakes[sku].margin_per_late_order, sku)

    def _waiting(self, sku: Sku) -> LateOdds:
        """Return what a SKU's open orders alone put at risk."""
        return self.stakes[sku].exposure.late_odds(0)

    def _settle(self, sku: Sku, budget: LateBudget) -> tuple[OfferDecision, LateOdds | None]:
        """Decide one offer on what is left of the budget; with it what that puts at risk, if anything."""
        facts = self.offers[sku]
        ahead = dataclasses.replace(facts.ahead, budget=budget, budget_price_minor=self.price_minor)
        facts = dataclasses.replace(facts, ahead=ahead)
        return settle_offer(facts, self.calendar, now=self.now, run_id=self.run_id)
