"""All offers of one account that hang on inbound, decided together: they share its late budget.

The account has few spare late orders. Those that hang on its open orders are set aside first; the SKUs to
be sold ahead then use the rest in turn, the strictest policy first, then those that earn most for each
late order they risk, ties by SKU.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import date

from fbm_sync.domain.budget import LateBudget, LateOdds, ration, shadow_price
from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.decision import Verdict
from fbm_sync.domain.offer import OfferFacts, settle_offer, would_sell_ahead
from fbm_sync.domain.open_risk import OpenRisks
from fbm_sync.domain.order import Sku


def decide_account(
    offers: Iterable[OfferFacts], risks: OpenRisks, calendar: ShipCalendar, today: date
) -> Mapping[Sku, Verdict]:
    """Decide every offer that hangs on inbound, so that together they keep the account within its budget."""
    return _Account(offers, risks, calendar, today).decide()


class _Account:
    """One account's offers while they are being decided."""

    def __init__(
        self, offers: Iterable[OfferFacts], risks: OpenRisks, calendar: ShipCalendar, today: date
    ) -> None:
        self.offers = {facts.sku: facts for facts in sorted(offers, key=lambda facts: facts.sku)}
        self.risks, self.calendar, self.today = risks, calendar, today
        self.spare_orders = min((facts.ahead.headroom.orders for facts in self.offers.values()), default=0)
        answers = ((sku, would_sell_ahead(facts, calendar)) for sku, facts in self.offers.items())
        self.stakes = {sku: stake for sku, stake in answers if stake is not None}
        self.price_minor = self._price()

    def decide(self) -> Mapping[Sku, Verdict]:
        """Let the SKUs with a stake use the budget in turn, then decide the others on what remains."""
        decided: dict[Sku, Verdict] = {}

        def settle(sku: Sku, budget: LateBudget) -> LateOdds:
            decided[sku], taken = self._settle(sku, budget)
            return taken or self._waiting(sku)

        budget = self._budget()
        remaining = budget.after(*ration(sorted(self.stakes, key=self._rank), budget, self._waiting, settle))
        for sku in self.offers:
            if sku not in decided:
                decided[sku], _ = self._settle(sku, remaining)
        return decided

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

    def _settle(self, sku: Sku, budget: LateBudget) -> tuple[Verdict, LateOdds | None]:
        """Decide one offer on what is left of the budget; with it what that puts at risk, if anything."""
        facts = self.offers[sku]
        ahead = dataclasses.replace(facts.ahead, budget=budget, budget_price_minor=self.price_minor)
        return settle_offer(dataclasses.replace(facts, ahead=ahead), self.calendar, self.today)
