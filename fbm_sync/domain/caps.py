"""How many units may be sold ahead by a promise: every limit with its rule, and the one that binds.

Limits on supply are the pool's, of which the account gets its portion; `headroom` and `max_listed` are
the account's own. More inbound or more headroom never lowers a limit; more certainty asked for, a dearer
late budget or more units sold already never raises one.
"""

from datetime import date

from fbm_sync.domain.arrivals import NEARLY, WHOLE, arrival_odds
from fbm_sync.domain.budget import Exposure, LateBudget, most_units, worthwhile_odds
from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.policy import BackorderKind, BackorderPolicy, Cap, Limit, SellAheadFacts


def expose(facts: SellAheadFacts, promise_on: date, calendar: ShipCalendar) -> Exposure:
    """Return what hangs on inbound that should be ready by a promise."""
    return Exposure(
        odds=arrival_odds(facts.inbound.expected, promise_on, calendar, facts.received),
        taken=facts.taken_units,
        waiting=facts.waiting_orders,
        portion=facts.portion,
    )


def cap_units(policy: BackorderPolicy, facts: SellAheadFacts, promise_on: date, exposure: Exposure) -> Cap:
    """Return the smallest of the limits in force, none below zero; ties go to the first by name."""
    details = (
        _inbound_limit(policy, facts, promise_on),
        _chance_limit(policy, promise_on, exposure),
        _headroom_limit(policy, facts, exposure),
        _cash_limit(policy, facts),
        _profit_limit(policy, facts, exposure),
        _fixed_limit(policy, facts),
        _unproven_limit(policy, facts),
        _listed_limit(policy, facts),
    )
    limits = {limit.name: limit.units for limit in details if limit.units is not None}
    binding = min(limits, key=lambda name: (limits[name], name))
    return Cap(units=limits[binding], binding=binding, limits=limits, details=details)


def _inbound_limit(policy: BackorderPolicy, facts: SellAheadFacts, promise_on: date) -> Limit:
    """Count the share of what should be ready by the promise, short deliveries and no-shows included."""
    expected = sum(
        lot.units * facts.received.get(lot.lot.supplier, WHOLE).mean_share
        for lot in facts.inbound.expected
        if lot.ready_on <= promise_on
    )
    units = int(policy.inbound_share * expected + NEARLY) - facts.taken_units
    return Limit(
        name="inbound_share",
        units=facts.portion.of(units),
        rule=f"{policy.inbound_share:.0%} of {expected:.0f} units expected by {promise_on}"
        + _less_taken(facts),
    )


def _chance_limit(policy: BackorderPolicy, promise_on: date, exposure: Exposure) -> Limit:
    return Limit(
        name="late_risk",
        units=exposure.sure_units(1 - policy.late_risk),
        rule=f"units here by {promise_on} with a chance of at least {1 - policy.late_risk:.0%}",
    )


def _headroom_limit(policy: BackorderPolicy, facts: SellAheadFacts, exposure: Exposure) -> Limit:
    """Keep the account inside Amazon's limits; what is never sold ahead has no part in that."""
    if policy.backorder is BackorderKind.NEVER:
        return Limit(name="headroom", units=None, rule="not weighed for what is never sold ahead")
    budget = facts.budget or LateBudget(spare_orders=facts.headroom.orders)
    spare = "1 spare order" if budget.spare_orders == 1 else f"{budget.spare_orders} spare orders"
    return Limit(
        name="headroom",
        units=most_units(exposure, budget, policy.account_risk),
        rule=f"a chance of at most {policy.account_risk:.0%} that late orders of the account's SKUs together "
        f"use more than its {spare}",
    )


def _cash_limit(policy: BackorderPolicy, facts: SellAheadFacts) -> Limit:
    """Bound what buyers have paid for goods that are not here; a SKU without a price cannot be bounded."""
    if policy.max_cash_minor is None:
        return Limit(name="max_cash", units=None, rule="off")
    price = facts.price_minor
    units = policy.max_cash_minor // price - facts.taken_units if price else 0
    rule = f"open backorders worth at most {_money(policy.max_cash_minor)}, at {_money(price)} each"
    return Limit(
        name="max_cash",
        units=facts.portion.of(units),
        rule=rule + _less_taken(facts) if price else f"{rule}: the price is unknown",
    )


def _profit_limit(policy: BackorderPolicy, facts: SellAheadFacts, exposure: Exposure) -> Limit:
    """Sell a unit only while its margin outweighs the chance of what a late order costs."""
    if policy.late_order_cost_minor is None:
        return Limit(name="profit", units=None, rule="off")
    cost, price = policy.late_order_cost_minor, facts.budget_price_minor
    needed = worthwhile_odds(facts.margin_minor, cost + price)
    scarce = f" and {_money(price)} of the account's late budget" if price else ""
    return Limit(
        name="profit",
        units=exposure.sure_units(needed),
        rule=f"units here in time with a chance of at least {needed:.0%}: one earns "
        f"{_money(facts.margin_minor)}, a late order costs {_money(cost)}{scarce}",
    )


def _fixed_limit(policy: BackorderPolicy, facts: SellAheadFacts) -> Limit:
    if policy.max_units is None:
        return Limit(name="max_units", units=None, rule="off")
    return Limit(
        name="max_units",
        units=facts.portion.of(policy.max_units - facts.taken_units),
        rule=f"at most {policy.max_units} units of the SKU sold ahead" + _less_taken(facts),
    )


def _unproven_limit(policy: BackorderPolicy, facts: SellAheadFacts) -> Limit:
    """Sell few units by a restock date until an order shows that buyers are told it."""
    if policy.unproven_units == 0 or not facts.by_restock_date:
        return Limit(name="unproven_units", units=None, rule="off")
    if facts.restock is not None and facts.restock.proves(facts.today):
        rule = f"not weighed: order {facts.restock.order_id} shows the restock date"
        return Limit(name="unproven_units", units=None, rule=rule)
    return Limit(
        name="unproven_units",
        units=policy.unproven_units - facts.waiting_orders,
        rule=f"at most {policy.unproven_units} until an order shows that Amazon uses the restock date"
        + (f", less {facts.waiting_orders} waiting" if facts.waiting_orders else ""),
    )


def _listed_limit(policy: BackorderPolicy, facts: SellAheadFacts) -> Limit:
    listed = policy.max_listed if facts.entry.max_listed is None else facts.entry.max_listed
    return Limit(name="max_listed", units=listed, rule=f"at most {listed} units listed at a time")


def _less_taken(facts: SellAheadFacts) -> str:
    return f", less {facts.taken_units} that open orders use" if facts.taken_units else ""


def _money(minor: int) -> str:
    return f"{minor / 100:.2f}"
