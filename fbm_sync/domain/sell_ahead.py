"""Selling ahead of stock, decided: whether, up to how many units, and promised for which day."""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import dropwhile, takewhile

from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.caps import cap_units, expose
from fbm_sync.domain.gates import judge_gates
from fbm_sync.domain.policy import HORIZON_DAYS, BackorderKind, BackorderPolicy, SellAhead, SellAheadFacts


def decide_sell_ahead(
    policy: BackorderPolicy,
    facts: SellAheadFacts,
    calendar: ShipCalendar,
    *,
    shown: date | None = None,
) -> SellAhead:
    """Decide whether a SKU without stock may be sold, until how many units, promised for when.

    The promise is the first day on which the caps leave the account a unit, looking from the day on which
    the first lot with units to spare is ready at the policy's confidence: when that lot is as good as sold,
    or not sure enough, a later day carries the promise. `shown` is a promise already told to buyers, which
    is kept while the caps leave a unit for it. Without such a day the first one says what is missing.
    """
    answers = (_answer(policy, facts, day, calendar) for day in _promise_days(policy, facts, calendar, shown))
    first = next(answers, None)
    if first is None:
        return SellAhead(accepted=False, gates=judge_gates(policy, facts, None))
    # No later day opens a gate, and what is far away is worth no search.
    if not first.accepted and all(gate.passed for gate in first.gates):
        return next((answer for answer in answers if answer.accepted), first)
    return first


def first_spare_day(policy: BackorderPolicy, facts: SellAheadFacts, calendar: ShipCalendar) -> date | None:
    """Return the first ship day on which inbound has units no open order uses; `None` without any."""
    return next(_promise_days(policy, facts, calendar, None), None)


def _answer(
    policy: BackorderPolicy, facts: SellAheadFacts, promise_on: date, calendar: ShipCalendar
) -> SellAhead:
    gates = judge_gates(policy, facts, promise_on)
    exposure = expose(facts, promise_on, calendar)
    cap = cap_units(policy, facts, promise_on, exposure)
    return SellAhead(
        accepted=cap.units > 0 and all(gate.passed for gate in gates),
        gates=gates,
        promise_on=promise_on,
        cap=cap,
        exposure=exposure,
    )


def _promise_days(
    policy: BackorderPolicy, facts: SellAheadFacts, calendar: ShipCalendar, shown: date | None
) -> Iterator[date]:
    """Yield the ship days that may carry the promise, from the first lot with units to spare on.

    Those are the days on which a lot is ready at the policy's confidence, and up to Amazon's horizon the
    days on which a lot grows surer still. A preorder never ships before its release date.
    """
    lots = list(dropwhile(lambda lot: facts.spare_units(lot) <= 0, facts.inbound.expected))
    if not lots:
        return
    earliest = facts.today + timedelta(days=1)
    if policy.backorder is BackorderKind.PREORDER and facts.entry.release_on is not None:
        earliest = max(earliest, facts.entry.release_on)
    ready = {calendar.ship_day_on_or_after(max(lot.ready_on, earliest)) for lot in lots}
    first = min(ready) if shown is None else shown
    yield first
    wall = facts.today + timedelta(days=HORIZON_DAYS)
    surer = {
        calendar.add_ship_days(max(day, earliest), lot.receiving_days)
        for lot in facts.inbound.expected
        for day, _ in takewhile(lambda step: step[0] <= wall, lot.forecast.steps)
    }
    yield from sorted(day for day in ready | {day for day in surer if day <= wall} if day > first)
