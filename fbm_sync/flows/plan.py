"""Plan: decide every offer and judge every order from what the ledger knows, and record why.

Only what has changed is decided anew, and comes out as if the whole shop had been. All facts are read at
one moment, some listings at a time, while others may write; what they write is news for the next plan.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from fbm_sync.domain.decision import OfferDecision
from fbm_sync.domain.order import Sku
from fbm_sync.domain.plan import Planning
from fbm_sync.domain.risk import OrderOutlook
from fbm_sync.domain.shop import ShopTerms
from fbm_sync.flows.facts import load_listings, load_orders, load_totals, with_risks
from fbm_sync.flows.scope import Scope, digest_of_account, has_other_room, scope_of
from fbm_sync.ports import Books, Clock, Ledger, PlanBasis, Progress, unwatched

_LISTINGS_AT_A_TIME = 5_000
_DECISIONS_AT_A_TIME = 25_000
_TRIES = 3


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PlanReport:
    """How many listings are decided: in all, anew, with a change to make, with nothing to be decided."""

    skus: int = 0
    anew: int = 0
    changed: int = 0
    untouched: int = 0


def plan(
    ledger: Ledger,
    clock: Clock,
    terms: ShopTerms,
    *,
    run_id: str,
    whole: bool = False,
    progress: Progress = unwatched,
) -> PlanReport:
    """Plan what has changed, or the `whole` shop, and record every decision with its reasons."""
    for _ in range(_TRIES - 1):
        planned = _decide(ledger, clock.now(), terms, run_id, progress, whole=whole)
        if _record(ledger, planned, terms, run_id):
            break
    else:
        # Somebody else plans at the same time, again and again: what they record is as good as ours.
        planned = _decide(ledger, clock.now(), terms, run_id, progress, whole=whole)
        _record(ledger, planned, terms, run_id)
    with ledger.snapshot() as books:
        census = books.offers.census()
    return PlanReport(
        skus=census.listings,
        anew=len(planned.decisions),
        changed=census.changes,
        untouched=census.untouched,
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Planned:
    """A plan that is not recorded yet."""

    scope: Scope
    basis: PlanBasis
    decisions: list[OfferDecision]
    outlooks: tuple[OrderOutlook, ...]


def _decide(
    ledger: Ledger, now: datetime, terms: ShopTerms, run_id: str, progress: Progress, *, whole: bool
) -> _Planned:
    """Decide all that has to be; what shares an account's late budget is decided together, or not at all."""
    with ledger.snapshot() as books:
        totals = load_totals(books, terms, now)
        scope = scope_of(books, terms, totals, now, whole=whole)
        moved = {
            account
            for account in terms.accounts
            if has_other_room(scope.last, account, totals.of(account).headroom)
        }
        if scope.last and scope.is_empty and not moved:
            basis = dataclasses.replace(scope.last, planned_at=now)
            return _Planned(scope=scope, basis=basis, decisions=[], outlooks=())
        sharing = {account: books.offers.sharing_budget(account) for account in terms.accounts}
        if missing := _missing(scope, sharing, moved):
            scope = scope.widened(missing, books, now)
        while True:
            around = with_risks(totals, books, terms, now, without=scope.skus or ())
            if scope.skus is None:
                around = totals
            facts = load_orders(books, terms, now, scope.skus)
            planning = Planning(facts, terms, around, now=now, run_id=run_id)
            digests = {
                account: digest_of_account(totals.of(account).headroom, planning.open_risks(account))
                for account in terms.accounts
            }
            moved = _moved(scope, digests, sharing)
            decisions: list[OfferDecision] = []
            if not _missing(scope, sharing, moved):
                decisions = list(_decisions(planning, books, terms, now, scope, progress))
                moved |= {one.account for one in decisions if one.verdict.shares_budget}
            missing = _missing(scope, sharing, moved)
            if not missing:
                break
            scope = scope.widened(missing, books, now)
    return _Planned(
        scope=scope,
        basis=PlanBasis(planned_at=now, shop=scope.shop, accounts=digests),
        decisions=decisions,
        outlooks=planning.orders.outlooks,
    )


def _moved(scope: Scope, digests: Mapping[str, str], sharing: Mapping[str, frozenset[Sku]]) -> set[str]:
    """Return the accounts whose late budget is not what it was, or may be used otherwise."""
    before = scope.last.accounts if scope.last else {}
    return {
        account
        for account, digest in digests.items()
        if before.get(account) != digest or (scope.skus and sharing[account] & scope.skus)
    }


def _missing(scope: Scope, sharing: Mapping[str, frozenset[Sku]], accounts: Iterable[str]) -> frozenset[Sku]:
    """Return the SKUs that share the budgets of these accounts and are not in the scope."""
    if scope.skus is None:
        return frozenset()
    return frozenset[Sku]().union(*(sharing[account] for account in accounts)) - scope.skus


def _decisions(
    planning: Planning, books: Books, terms: ShopTerms, now: datetime, scope: Scope, progress: Progress
) -> Iterator[OfferDecision]:
    skus = books.offers.listed() if scope.skus is None else tuple(sorted(scope.skus))
    for start in range(0, len(skus), _LISTINGS_AT_A_TIME):
        some = skus[start : start + _LISTINGS_AT_A_TIME]
        yield from planning.decide(load_listings(books, terms, now, some))
        progress("plan", start + len(some), len(skus))
    yield from planning.decide_the_rest()


def _record(ledger: Ledger, planned: _Planned, terms: ShopTerms, run_id: str) -> bool:
    """Record a plan; false when another one was recorded since the facts of this one were read."""
    scope, now = planned.scope, planned.basis.planned_at
    for some in _in_turns(planned.decisions):
        with ledger.transaction() as books:
            if books.plans.basis() != scope.last:
                return False
            books.offers.record_decisions(some)
    with ledger.transaction() as books:
        if books.plans.basis() != scope.last:
            return False
        if not scope.is_empty:
            books.orders.record_outlooks(planned.outlooks, now, scope.skus)
        books.plans.settle(scope.news, planned.basis)
        for account in terms.accounts:
            books.runs.succeeded("plan", account, run_id, now)
    return True


def _in_turns(decisions: Sequence[OfferDecision]) -> Iterator[Sequence[OfferDecision]]:
    for start in range(0, len(decisions), _DECISIONS_AT_A_TIME):
        yield decisions[start : start + _DECISIONS_AT_A_TIME]
