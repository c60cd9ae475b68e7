"""May a SKU be sold ahead of its stock? Every condition, with the value found and the limit it had to meet.

All gates are always judged and reported, also when an earlier one has failed: a seller who fixes one
thing wants to know what else stands in the way.
"""

from datetime import date

from fbm_sync.domain.policy import HORIZON_DAYS, BackorderKind, BackorderPolicy, Gate, SellAheadFacts
from fbm_sync.domain.restock_proof import DENIED_DAYS

_FEW_ORDERS = 10


def judge_gates(policy: BackorderPolicy, facts: SellAheadFacts, promise_on: date | None) -> tuple[Gate, ...]:
    """Judge every condition for selling a SKU ahead with this promise, none because of another's outcome."""
    return (
        _kind_gate(policy, facts),
        _inbound_gate(facts),
        *_reliability_gates(policy, facts),
        *_sales_gates(policy, facts),
        _listing_gate(facts),
        _category_gate(policy, facts),
        _horizon_gate(facts, promise_on),
        _restock_gate(facts),
        _headroom_gate(facts),
        _on_time_gate(facts),
        _reserved_gate(facts),
    )


def _kind_gate(policy: BackorderPolicy, facts: SellAheadFacts) -> Gate:
    released = facts.entry.release_on
    if policy.backorder is BackorderKind.PREORDER:
        ahead = released is not None and released > facts.today
        value = f"preorder, release {released or 'unknown'}"
        return Gate(name="policy", passed=ahead, value=value, limit="a release date in the future")
    passed = policy.backorder is BackorderKind.BACKORDER
    return Gate(name="policy", passed=passed, value=policy.backorder.value, limit="backorder or preorder")


def _inbound_gate(facts: SellAheadFacts) -> Gate:
    spare = sum(max(0, facts.spare_units(lot)) for lot in facts.inbound.expected)
    return Gate(name="firm_inbound", passed=spare > 0, value=f"{spare} units to spare", limit="at least 1")


def _reliability_gates(policy: BackorderPolicy, facts: SellAheadFacts) -> tuple[Gate, ...]:
    """Judge the supplier by its own past: enough of it, not too erratic, mostly on time."""
    count = len(facts.supplier.slips)
    spread, on_time = facts.supplier.slip_spread_days, facts.supplier.on_time_share
    return (
        Gate(
            name="supplier_receipts",
            passed=count >= policy.min_receipts,
            value=f"{count} receipts of {facts.supplier_name or 'an unnamed supplier'}",
            limit=f"at least {policy.min_receipts}",
        ),
        Gate(
            name="slip_spread",
            passed=policy.max_slip_spread_days == 0 or (spread or 0) <= policy.max_slip_spread_days,
            value="unknown" if spread is None else f"{spread} days",
            limit=_at_most(policy.max_slip_spread_days, "days"),
        ),
        Gate(
            name="supplier_on_time",
            passed=policy.min_supplier_on_time == 0 or (on_time or 0.0) >= policy.min_supplier_on_time,
            value="unknown" if on_time is None else f"{on_time:.0%}",
            limit=f"at least {policy.min_supplier_on_time:.0%}",
        ),
    )


def _sales_gates(policy: BackorderPolicy, facts: SellAheadFacts) -> tuple[Gate, ...]:
    """Judge the SKU by its own sales: steady enough, worth it, not cancelled too often."""
    demand, margin = facts.demand, facts.margin
    known = demand.orders >= _FEW_ORDERS  # a slow seller's first sale is no sign of volatile demand
    variation = demand.variation if known else None
    cancel_rate = demand.cancelled_orders / demand.orders if known else None
    too_few = f"fewer than {_FEW_ORDERS} orders"
    return (
        Gate(
            name="demand_variation",
            passed=policy.max_demand_cv == 0 or (variation or 0.0) <= policy.max_demand_cv,
            value=too_few if variation is None else f"{variation:.1f}",
            limit=_at_most(policy.max_demand_cv, "(standard deviation over mean, by day)"),
        ),
        Gate(
            name="margin",
            passed=policy.min_margin == 0 or (margin is not None and margin >= policy.min_margin),
            value="unknown" if margin is None else f"{margin:.0%}",
            limit=f"at least {policy.min_margin:.0%}",
        ),
        Gate(
            name="cancel_rate",
            passed=policy.max_cancel_rate == 0 or (cancel_rate or 0.0) <= policy.max_cancel_rate,
            value=too_few if cancel_rate is None else f"{cancel_rate:.1%}",
            limit="off" if policy.max_cancel_rate == 0 else f"at most {policy.max_cancel_rate:.1%}",
        ),
    )


def _listing_gate(facts: SellAheadFacts) -> Gate:
    prime = facts.entry.prime_template
    return Gate(name="prime_template", passed=not prime, value="yes" if prime else "no", limit="no")


def _category_gate(policy: BackorderPolicy, facts: SellAheadFacts) -> Gate:
    category = (facts.entry.category or "").strip().lower()
    excluded = ", ".join(sorted(policy.excluded_categories)) or "nothing"
    passed = category not in policy.excluded_categories
    return Gate(name="category", passed=passed, value=category or "unknown", limit=f"not in {excluded}")


def _horizon_gate(facts: SellAheadFacts, promise_on: date | None) -> Gate:
    if promise_on is None:
        return Gate(
            name="promise_horizon", passed=False, value="no date", limit=f"within {HORIZON_DAYS} days"
        )
    days = (promise_on - facts.today).days
    value = f"{promise_on} ({days} days)"
    return Gate(
        name="promise_horizon", passed=days <= HORIZON_DAYS, value=value, limit=f"within {HORIZON_DAYS} days"
    )


def _restock_gate(facts: SellAheadFacts) -> Gate:
    """Sell nothing by a date that Amazon has just ignored: such an order is late before it is read."""
    known, value = facts.restock, "no order yet"
    if not facts.by_restock_date:
        value = "not used: handling time carries the promise"
    elif known is not None and known.denies(facts.today):
        value = f"order {known.order_id} is due before it"
    elif known is not None and known.proves(facts.today):
        value = f"order {known.order_id} shows it"
    return Gate(
        name="restock_date",
        passed=not (facts.by_restock_date and known is not None and known.denies(facts.today)),
        value=value,
        limit=f"used by Amazon, as far as orders of the last {DENIED_DAYS} days show",
    )


def _headroom_gate(facts: SellAheadFacts) -> Gate:
    """Close once a limit is reached; how many spare orders there are is for the caps to weigh.

    Their number stands there alone: it moves with every order, and a refusal does not depend on it.
    """
    breached = facts.headroom.breached
    return Gate(
        name="headroom",
        passed=not breached,
        value=" and ".join(breached) + " over the limit" if breached else "inside both",
        limit="LSR and CR inside Amazon's limits",
    )


def _on_time_gate(facts: SellAheadFacts) -> Gate:
    """Judge deliveries by Amazon's own figure; what carriers did is not in our records."""
    rate, target = facts.headroom.on_time_rate, facts.headroom.on_time_target
    return Gate(
        name="on_time_delivery",
        passed=rate is None or rate >= target,
        value="not stated by Amazon" if rate is None else f"{rate:.1%}",
        limit=f"OTDR at least {target:.0%}",
    )


def _reserved_gate(facts: SellAheadFacts) -> Gate:
    value = "all stock reserved elsewhere" if facts.merely_reserved else "no"
    return Gate(
        name="reserved_elsewhere",
        passed=not facts.merely_reserved,
        value=value,
        limit="stock really used up, not merely reserved",
    )


def _at_most(limit: float, unit: str) -> str:
    return f"at most {limit:g} {unit}" if limit else "off"
