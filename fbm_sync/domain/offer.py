"""Which offer a buyer should see: quantity, handling time, restock date, and the whole argument for it.

A listing has one quantity and one promise for every unit, so a SKU is either sold from stock with
its normal handling time, or sold ahead with a later promise, or not sold: never a mixture.
"""

import dataclasses
import enum
from datetime import date, datetime

from fbm_sync.domain.awaited import AwaitedLot, await_lot, describe_lot
from fbm_sync.domain.budget import LateOdds, Stake
from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.decision import Fact, OfferDecision, Verdict, Worry
from fbm_sync.domain.latency import latency_buffer
from fbm_sync.domain.listing import ListingMode, ObservedOffer, Offer, count_units, describe
from fbm_sync.domain.order import Sku
from fbm_sync.domain.policy import (
    HORIZON_DAYS,
    BackorderKind,
    BackorderPolicy,
    Lever,
    SellAhead,
    SellAheadFacts,
)
from fbm_sync.domain.promise import AvailableToPromise, keep_promise
from fbm_sync.domain.sell_ahead import decide_sell_ahead, first_spare_day
from fbm_sync.domain.worry import worries_of

STALE_RULE = "Stale supply may lower a quantity, never raise it."

_PLENTY = 5
"""From so many units on, one unit more is not worth a write."""

_ON_HAND, _SHOWN = "on hand, sellable", "shown by Amazon"


class AutomatedHandling(enum.StrEnum):
    """Whether Amazon sets the account's handling times itself and overrides what we write."""

    ON = "on"
    OFF = "off"
    UNKNOWN = "unknown"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OfferFacts:
    """Everything one SKU's offer is decided from.

    `on_hand` is sellable units (may be negative), `None` when the seller's records do not know the
    SKU. `atp` has safety stock already withheld; the account's portion of it stands in `ahead`. `lag_days` is
    the time from a buyer's order to our reaction, in days. `stale` says why the supply is too old to
    raise anything, `None` when it is fresh. `shelf_units` are those on hand that open orders use.
    """

    observed: ObservedOffer
    on_hand: int | None
    counted_at: datetime | None
    demand_units: int
    safety_stock: int
    atp: AvailableToPromise
    policy: BackorderPolicy
    ahead: SellAheadFacts
    automated_handling: AutomatedHandling = AutomatedHandling.UNKNOWN
    lag_days: float = 0.0
    stale: str | None = None
    shelf_units: int = 0

    @property
    def sku(self) -> Sku:
        """The SKU that is listed."""
        return self.observed.sku


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A decision in the making: the mode, the offer, and the argument so far."""

    mode: ListingMode
    offer: Offer | None
    reasons: tuple[str, ...]
    rules: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()
    ahead: SellAhead | None = None


def decided(
    observed: ObservedOffer, verdict: Verdict, *, counted_at: datetime | None, now: datetime, run_id: str
) -> OfferDecision:
    """Return a verdict as the decision about one listing at a moment."""
    times = {_ON_HAND: counted_at, _SHOWN: observed.observed_at}
    return OfferDecision(
        account=observed.account,
        sku=observed.sku,
        verdict=verdict,
        decided_at=now,
        run_id=run_id,
        as_of=tuple([times.get(fact.name) for fact in verdict.facts]),
    )


def settle_offer(facts: OfferFacts, calendar: ShipCalendar, today: date) -> tuple[Verdict, LateOdds | None]:
    """Decide the offer of one SKU and say what it puts at risk, `None` unless it is sold ahead.

    The mode follows from the stock: ATP today sells from stock, none of it may sell ahead where the
    policy allows, otherwise the SKU is sold out. Stale supply may lower a quantity, never raise it.
    """
    available = _available(facts, today)
    draft = _untouchable(facts) or _from_stock(facts, available) or _ahead_of_stock(facts, calendar, today)
    draft = _without_stale_raise(facts, draft)
    verdict = Verdict(
        mode=draft.mode,
        desired=draft.offer,
        observed=facts.observed.offer,
        product_type=facts.observed.product_type,
        atp_today=available,
        cap=draft.ahead.cap if draft.ahead else None,
        gates=draft.ahead.gates if draft.ahead else (),
        facts=_argued_facts(facts),
        rules=draft.rules,
        rejected=draft.rejected,
        reasons=draft.reasons,
        next_lot=_next_lot(facts),
        missing_units=_missing_units(facts, draft, today),
        worries=_worries(facts, today),
    )
    return verdict, _risk_of(draft)


def _risk_of(draft: _Draft) -> LateOdds | None:
    """Return the chances of late orders that come with the units sold ahead."""
    if draft.offer is None or draft.ahead is None or draft.ahead.exposure is None or not draft.ahead.accepted:
        return None
    return draft.ahead.exposure.late_odds(draft.offer.quantity)


def _worries(facts: OfferFacts, today: date) -> tuple[Worry, ...]:
    """Say what is wrong with the SKU's stock and inbound; nothing of a listing that is not ours to decide."""
    if facts.on_hand is None or facts.observed.other_channels or facts.ahead.entry.locked:
        return ()
    observed, available = facts.observed.offer, max(0, facts.atp.units_on(today))
    offered = max(0, observed.quantity - available) if _is_sold_ahead(facts, observed) else 0
    return worries_of(
        on_hand=max(0, facts.on_hand),
        safety_stock=facts.safety_stock,
        shelf_units=facts.shelf_units,
        taken=facts.ahead.taken_units,
        offered=offered,
        expected=sum(lot.units for lot in facts.ahead.inbound.expected),
    )


def _next_lot(facts: OfferFacts) -> AwaitedLot | None:
    spare = (lot for lot in facts.ahead.inbound.expected if facts.ahead.spare_units(lot) > 0)
    return next((await_lot(lot) for lot in spare), None)


def _missing_units(facts: OfferFacts, draft: _Draft, today: date) -> int | None:
    """Return how many more units on the shelf would let it sell from stock."""
    least = _least_available(facts)
    wanted = None if least is None else facts.ahead.portion.least_for(least)
    if draft.offer is None or draft.mode is ListingMode.IN_STOCK or wanted is None:
        return None
    return wanted - facts.atp.units_on(today) + facts.atp.short_units


def _available(facts: OfferFacts, today: date) -> int:
    """Return what the account may promise from stock today: its portion of the pool's ATP."""
    return facts.ahead.portion.of(facts.atp.units_on(today))


def hangs_on_inbound(facts: OfferFacts, today: date) -> bool:
    """Tell whether a listing can only sell ahead of inbound that is there to be sold, if its policy lets it.

    Only these share the account's late budget: all others are decided by themselves.
    """
    if facts.policy.backorder is BackorderKind.NEVER or not facts.ahead.inbound.expected:
        return False
    if _untouchable(facts) is not None:
        return False
    least = _least_available(facts)
    return least is None or _available(facts, today) < least


def would_sell_ahead(facts: OfferFacts, calendar: ShipCalendar) -> Stake | None:
    """Say what selling a listing ahead that hangs on inbound is worth and puts at risk; `None`: not sold.

    What is shown now plays no part, so that the answer is the same once it has taken effect.
    """
    answer = decide_sell_ahead(facts.policy, facts.ahead, calendar)
    if not answer.accepted or answer.cap is None or answer.exposure is None:
        return None
    return Stake(
        exposure=answer.exposure,
        units=answer.cap.units,
        margin_minor=facts.ahead.margin_minor,
        late_cost_minor=facts.policy.late_order_cost_minor,
    )


def _untouchable(facts: OfferFacts) -> _Draft | None:
    """Leave a listing alone that is not ours to decide on, and say why."""
    if facts.ahead.entry.locked:
        why = "It is locked in the catalogue (catalog.csv), so the listing is never changed."
    elif facts.on_hand is None:
        why = "The stock list does not know this SKU, so nothing is decided about it."
    elif facts.observed.other_channels:
        channels = ", ".join(facts.observed.other_channels)
        why = f"It also sells through {channels}; listings with another channel are never touched."
    else:
        return None
    mode = ListingMode.IN_STOCK if facts.observed.offer.quantity > 0 else ListingMode.SOLD_OUT
    return _Draft(
        mode=mode, offer=None, reasons=(why,), rules=("Only what the seller's records know is changed.",)
    )


def _from_stock(facts: OfferFacts, available: int) -> _Draft | None:
    """Offer stock on hand with the normal handling time, less a buffer for orders already under way."""
    observed, least = facts.observed.offer, _least_available(facts)
    if least is None or available < least:
        return None
    buffer, listed = _buffer(facts), _most_listed(facts)
    quantity = min(listed, available - buffer)
    reasons = [f"{available} units can be promised today, so it sells from stock."]
    if buffer:
        kept = "1 of them is" if buffer == 1 else f"{buffer} of them are"
        reasons.append(f"{kept} kept back for orders placed before a change takes effect.")
    if listed < available - buffer:
        reasons.append(f"No more than {listed} units are listed at a time.")
    if observed.restock_on is not None:
        reasons.append(f"The restock date {observed.restock_on} is removed: the stock is here.")
    if _is_selling(facts) and quantity - 1 == observed.quantity >= _PLENTY:
        # Rates are measured anew each turn, and a buffer that follows them would move the listing to
        # and fro by a unit, a write each time.
        quantity = observed.quantity
        reasons.append("It shows one unit less than it could, which is left as it is.")
    return _Draft(
        mode=ListingMode.IN_STOCK,
        offer=Offer(quantity=quantity, handling_days=_normal_handling(facts)),
        reasons=tuple(reasons),
        rules=("In stock: quantity = ATP today − latency buffer, normal handling time, no restock date.",),
        rejected=(
            "Selling ahead of inbound: there is stock to sell first, and one listing has one promise.",
        ),
    )


def _least_available(facts: OfferFacts) -> int | None:
    """Return from how many units that can be promised on it sells from stock; `None` where none may show."""
    least = 1 + _buffer(facts)
    if not _is_selling(facts):
        least = max(least, facts.policy.reopen_units)
    return least if _most_listed(facts) > 0 else None


def _buffer(facts: OfferFacts) -> int:
    return latency_buffer(facts.ahead.demand.units_per_day * facts.lag_days, facts.policy.latency_risk)


def _most_listed(facts: OfferFacts) -> int:
    listed = facts.ahead.entry.max_listed
    return facts.policy.max_listed if listed is None else listed


def _is_selling(facts: OfferFacts) -> bool:
    """Tell whether the listing sells from stock now."""
    observed = facts.observed.offer
    return observed.quantity > 0 and not _is_sold_ahead(facts, observed)


def _is_sold_ahead(facts: OfferFacts, observed: Offer) -> bool:
    """Tell whether an offer carries a later promise, by its restock date or its handling time."""
    if observed.restock_on is not None:
        return True
    return _lever(facts)[0] is Lever.HANDLING_TIME and (observed.handling_days or 0) > _shelf_handling(facts)


def _normal_handling(facts: OfferFacts) -> int | None:
    """Return the handling time for goods on the shelf.

    An account default that nobody has overridden stays; so does everything where Amazon sets
    handling times itself, because it would ignore ours.
    """
    observed = facts.observed.offer.handling_days
    if observed is None or facts.automated_handling is AutomatedHandling.ON:
        return observed
    return _shelf_handling(facts)


def _shelf_handling(facts: OfferFacts) -> int:
    entry = facts.ahead.entry
    return facts.policy.handling_days if entry.handling_days is None else entry.handling_days


def _ahead_of_stock(facts: OfferFacts, calendar: ShipCalendar, today: date) -> _Draft:
    """Sell inbound units with a later promise where every gate passes; otherwise close the listing."""
    shown = _promise_shown(facts, calendar, today)
    ahead = decide_sell_ahead(facts.policy, facts.ahead, calendar, shown=shown)
    lever, lever_note = _lever(facts)
    if not ahead.accepted or ahead.cap is None or ahead.promise_on is None:
        return _sold_out(facts, ahead)
    units = ahead.cap.units
    preorder = facts.policy.backorder is BackorderKind.PREORDER
    offer = _offer_with(lever, units, ahead.promise_on, facts, calendar, today)
    reasons = [
        f"Nothing on the shelf is free to sell; inbound covers {units} more units by {ahead.promise_on}.",
        f"The limit that binds is {ahead.cap.binding} ({ahead.cap.units} units).",
    ]
    if shown is not None and shown == ahead.promise_on:
        reasons.append(f"The promise {shown} that buyers already see can be kept, so it stays.")
    if lever_note:
        reasons.append(lever_note)
    return _Draft(
        mode=ListingMode.PREORDER if preorder else ListingMode.BACKORDER,
        offer=offer,
        reasons=tuple(reasons),
        rules=(
            "Sold ahead: every gate passed; quantity = the smallest cap.",
            f"The promise is kept with {facts.policy.confidence:.0%} probability and told through the "
            + lever.value.replace("_", " ")
            + ".",
        ),
        rejected=("Sold out: refusing orders that inbound covers would lose them.",),
        ahead=ahead,
    )


def _promise_shown(facts: OfferFacts, calendar: ShipCalendar, today: date) -> date | None:
    """Return the promise buyers see now, if it is one and can still be kept.

    A handling time makes a new promise with every order, so there is none to keep.
    """
    observed = facts.observed.offer
    if observed.restock_on is None or observed.quantity == 0:
        return None
    if _lever(facts)[0] is Lever.HANDLING_TIME:
        return None
    feasible = first_spare_day(facts.policy, facts.ahead, calendar)
    if feasible is None or keep_promise(observed.restock_on, feasible, today) != observed.restock_on:
        return None
    return observed.restock_on


def goes_by_restock_date(policy: BackorderPolicy, automated_handling: AutomatedHandling) -> bool:
    """Tell whether a restock date carries a later promise: handling time may only where Amazon keeps ours."""
    return policy.lever is Lever.RESTOCK_DATE or automated_handling is not AutomatedHandling.OFF


def _lever(facts: OfferFacts) -> tuple[Lever, str]:
    """Choose how to tell Amazon the later date; never a lever that Amazon would override."""
    if not goes_by_restock_date(facts.policy, facts.automated_handling):
        return Lever.HANDLING_TIME, ""
    if facts.policy.lever is Lever.RESTOCK_DATE:
        return Lever.RESTOCK_DATE, ""
    note = (
        "Handling time cannot carry the promise unless automated handling time is off; the restock date does."
    )
    return Lever.RESTOCK_DATE, note


def _offer_with(
    lever: Lever, units: int, promise_on: date, facts: OfferFacts, calendar: ShipCalendar, today: date
) -> Offer:
    if lever is Lever.RESTOCK_DATE:
        return Offer(quantity=units, handling_days=_normal_handling(facts), restock_on=promise_on)
    # Never as short as for goods on the shelf: the next look would take it for a listing in stock.
    days = max(calendar.ship_days_between(today, promise_on), _shelf_handling(facts) + 1)
    return Offer(quantity=units, handling_days=min(days, HORIZON_DAYS))


def _sold_out(facts: OfferFacts, ahead: SellAhead) -> _Draft:
    """Close the listing; handling time and restock date stay, they mean nothing at quantity 0."""
    observed = facts.observed.offer
    failed = [f"{gate.name}: {gate.value} (needs {gate.limit})" for gate in ahead.gates if not gate.passed]
    rejected = [f"Selling ahead of inbound, because of {reason}." for reason in failed]
    if not failed and ahead.cap is not None:
        failed = [f"the cap {ahead.cap.binding} leaves no unit"]
        rejected = [f"Selling ahead of inbound: {failed[0]}."]
    return _Draft(
        mode=ListingMode.SOLD_OUT,
        offer=Offer(
            quantity=0,
            handling_days=observed.handling_days,
            restock_on=observed.restock_on,
        ),
        reasons=(f"Nothing is free to sell from stock, and it may not be sold ahead: {failed[0]}.",),
        rules=("Sold out: quantity 0 until stock is counted or selling ahead becomes possible.",),
        rejected=tuple(rejected),
        ahead=ahead,
    )


def _without_stale_raise(facts: OfferFacts, draft: _Draft) -> _Draft:
    """Keep the live quantity where the supply is too old to trust for raising it."""
    observed = facts.observed.offer
    if facts.stale is None or draft.offer is None or draft.offer.quantity <= observed.quantity:
        return draft
    return dataclasses.replace(
        draft,
        offer=observed,
        reasons=(*draft.reasons, f"The offer is left as it is: {facts.stale}"),
        rules=(*draft.rules, STALE_RULE),
    )


def _argued_facts(facts: OfferFacts) -> tuple[Fact, ...]:
    """List the facts the decision rests on; `decided` adds the time at which each was true."""
    listed = [
        Fact(name=_ON_HAND, value=count_units(facts.on_hand)),
        Fact(name="safety stock withheld", value=count_units(facts.safety_stock)),
        Fact(name="held by open orders", value=count_units(facts.demand_units)),
        Fact(name=_SHOWN, value=describe(facts.observed.offer)),
        Fact(name="policy", value=f"{facts.policy.name} (sell ahead: {facts.policy.backorder.value})"),
    ]
    listed.extend(
        Fact(name=f"inbound {lot.lot_id}", value=describe_lot(await_lot(lot)))
        for lot in facts.ahead.inbound.expected
    )
    listed.extend(
        Fact(name=f"inbound {lot.lot.lot_id}", value=f"{lot.lot.open_units} units, not counted: {lot.why}")
        for lot in facts.ahead.inbound.doubtful
    )
    return tuple(listed)
