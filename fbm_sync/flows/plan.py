"""Plan: decide every offer and judge every order from what the ledger knows, and record why."""

import dataclasses
from collections.abc import Sequence

from fbm_sync.domain.offer import OfferDecision
from fbm_sync.domain.order import Sku
from fbm_sync.domain.plan import ShopPlan, ShopTerms, plan_shop
from fbm_sync.flows.facts import load_facts
from fbm_sync.ports import Clock, Ledger


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PlanReport:
    """How many SKUs were decided, how many offers should change, and every decision."""

    skus: int = 0
    changed: int = 0
    decisions: tuple[OfferDecision, ...] = ()


def plan(
    ledger: Ledger, clock: Clock, terms: ShopTerms, *, run_id: str, skus: Sequence[Sku] = ()
) -> PlanReport:
    """Plan the whole shop and record every decision with its reasons; `skus` narrows the report only.

    The whole shop is always planned: a SKU's answer depends on orders and accounts that others share.
    """
    now = clock.now()
    with ledger.transaction() as books:
        facts = load_facts(books, terms, now)
    decided = plan_shop(facts, terms, now=now, run_id=run_id)
    with ledger.transaction() as books:
        books.offers.record_decisions(decided.decisions)
        books.orders.record_outlooks(decided.orders.outlooks, now)
        for account in terms.accounts:
            books.runs.succeeded("plan", account, run_id, now)
    return _report(decided, skus)


def _report(decided: ShopPlan, skus: Sequence[Sku]) -> PlanReport:
    wanted = set(skus)
    shown = tuple(one for one in decided.decisions if not wanted or one.sku in wanted)
    return PlanReport(
        skus=len(decided.decisions),
        changed=sum(one.change is not None for one in decided.decisions),
        decisions=shown,
    )
