"""Why an order stands as it does, in a seller's words."""

import dataclasses
from datetime import datetime

from fbm_sync.cli.explanation import Explanation, Local
from fbm_sync.domain.allocation import CoverSource
from fbm_sync.domain.awaited import describe_lot
from fbm_sync.domain.explain import Turn, TurnKind, turns_of_order
from fbm_sync.domain.listing import count_units
from fbm_sync.domain.offer import Fact
from fbm_sync.domain.order import Order
from fbm_sync.domain.risk import OrderOutlook, OrderState

_STATES = {
    OrderState.ON_TRACK: "On track",
    OrderState.DUE_SOON: "Due soon",
    OrderState.AT_RISK: "At risk of being late",
    OrderState.LATE_CERTAIN: "Certain to be late",
    OrderState.OVERDUE: "Overdue",
    OrderState.AUTO_CANCEL_SOON: "Soon cancelled by Amazon",
    OrderState.CANCEL_REQUESTED: "To be cancelled",
    OrderState.UNKNOWN_DEADLINE: "Without a known deadline",
    OrderState.PENDING_STUCK: "Stuck with its payment pending",
}
_COMPLETE = "An order leaves complete, so it is as late as its latest unit."
_BY_LINE = "Each line of an order leaves as soon as it is complete; the order is as late as its latest line."
_ALLOCATION = (
    "Units go first to orders in picking, then to expedited ones, and among the others so that as few orders "
    "as possible are late; what is on the shelf is used before lots, lots by their date."
)
_THREATENED = (OrderState.AT_RISK, OrderState.LATE_CERTAIN)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The seller's rules that orders are judged by: from which chance on one is at risk, may lines split."""

    late_limit: float
    split_shipments: bool


def explain_unjudged(order: Order, local: Local) -> Explanation:
    """Explain why an order is not judged at all."""
    return Explanation(
        subject=_order_subject(order),
        decision="Nothing of it has to leave your warehouse.",
        facts=[
            Fact(name="status at Amazon", value=order.status_text or order.status, as_of=order.updated_at),
            _ordered(order),
            Fact(name="ship-by (Amazon's)", value=local(order.ship_by_at) if order.ship_by_at else "unknown"),
        ],
        rules=["Only open orders that you ship yourself are judged."],
    )


def explain_order(
    order: Order, outlook: OrderOutlook, *, asked_at: datetime | None, terms: Terms, local: Local
) -> Explanation:
    """Explain an order's state from what was recorded when it was judged."""
    pending = asked_at is None and order.is_pending
    deadline = local(outlook.ship_by_at) if outlook.ship_by_at else "unknown"
    facts = [_ordered(order), Fact(name="ship-by (Amazon's)", value=deadline)]
    if asked_at is None:
        status = order.status_text or order.status
        facts.insert(0, Fact(name="status at Amazon", value=status, as_of=order.updated_at))
    facts.extend(_cover_facts(outlook))
    step = f"Next step: {outlook.action}" if outlook.action else "Nothing needs to be done but to ship it."
    return Explanation(
        subject=_order_subject(order),
        decision=f"{_STATES[outlook.state]}: {outlook.reason} {_promise(outlook)}",
        facts=facts,
        rules=[
            _BY_LINE if terms.split_shipments else _COMPLETE,
            _ALLOCATION,
            f"From a {terms.late_limit:.0%} chance of missing ship-by on, an order counts as at risk.",
            step,
        ],
        rejected=_rejected(outlook, terms),
        would_change=[(turn, _order_turn(turn, local)) for turn in turns_of_order(outlook, pending=pending)],
        asked_at=asked_at,
        decided_at=outlook.judged_at,
    )


def _order_subject(order: Order) -> str:
    return f"Order {order.order_id} (account {order.account})"


def _ordered(order: Order) -> Fact:
    units = count_units(sum(item.ordered_units for item in order.items))
    return Fact(name="ordered", value=units, as_of=order.created_at)


def _promise(outlook: OrderOutlook) -> str:
    """Say when the order can leave, how that compares with its ship-by, and how sure it is."""
    if outlook.promise_on is None:
        return "Nothing you have or expect covers all of it."
    text = f"It can leave on {outlook.promise_on}"
    slack = outlook.slack_days
    if slack is not None:
        text += f", {_slack_words(slack)}"
    if outlook.late_probability is not None:
        text += f"; the chance of being late is {outlook.late_probability:.0%}"
    return f"{text}."


def _slack_words(slack: int) -> str:
    if slack == 0:
        return "the last day that is in time (slack 0)"
    days = f"{abs(slack)} ship day{'' if abs(slack) == 1 else 's'}"
    return f"{days} too late (slack −{-slack})" if slack < 0 else f"with {days} to spare (slack {slack})"


def _cover_facts(outlook: OrderOutlook) -> list[Fact]:
    """Say for each item where its units come from, and for each lot why that day is expected."""
    lots = {lot.lot: lot for lot in outlook.awaits}
    facts = []
    for item in outlook.items:
        for part in item.cover:
            name = f"{part.units} of {item.sku}"
            if part.source is CoverSource.ON_HAND:
                facts.append(Fact(name=name, value="on the shelf"))
            elif part.source is CoverSource.SHORTAGE:
                facts.append(Fact(name=name, value="covered by no stock and no believed inbound"))
            elif part.lot in lots:
                facts.append(Fact(name=name, value=f"from lot {part.lot}: {describe_lot(lots[part.lot])}"))
            else:
                facts.append(Fact(name=name, value=f"from lot {part.lot}, ready to ship {part.ready_on}"))
    return facts


def _rejected(outlook: OrderOutlook, terms: Terms) -> list[str]:
    """Say which other ways there were to serve the order, and why they were not taken."""
    sources = {part.source for item in outlook.items for part in item.cover}
    rejected = []
    if CoverSource.ON_HAND in sources and len(sources) > 1 and not terms.split_shipments:
        rejected.append(
            "Sending what is on the shelf first: orders leave complete ([orders] split_shipments is false)."
        )
    if sources & {CoverSource.LOT, CoverSource.SHORTAGE}:
        rejected.append(
            "Taking units from the shelf that other orders use: those come first by the rule, or more orders "
            "would be late in all."
        )
    if outlook.state in _THREATENED:
        rejected.append(
            "Cancelling it now: that counts in the cancellation rate (CR) at once, and it may still be saved."
        )
    return rejected


def _order_turn(turn: Turn, local: Local) -> str:
    by = f" by {local(turn.at)}" if turn.at else ""
    match turn.kind:
        case TurnKind.BUYER:
            return "The buyer taking the wish to cancel back."
        case TurnKind.PAYMENT:
            return "The payment going through: then it must ship; or failing: then its units are free again."
        case TurnKind.DEADLINE:
            return "Amazon stating a ship-by: then it can be judged."
        case TurnKind.STOCK:
            units = count_units(turn.units)
            return f"{units} of {turn.name} more, counted or on a firm purchase order, to ship{by}."
        case TurnKind.SHIPMENT if turn.kept:
            return f"Only time: it must leave, and the shipment be confirmed,{by or ' soon'}."
        case TurnKind.SHIPMENT:
            end = f" Without that Amazon cancels it{by}." if by else ""
            return f"Confirming its shipment.{end}"
    return _arrival_turn(turn)


def _arrival_turn(turn: Turn) -> str:
    """Say by which day a lot must be here for the order to leave in time."""
    if turn.on is None and turn.kept:
        return f"Lot {turn.name} coming on another day than {turn.now}."
    if turn.on is None:
        return f"No day is early enough for lot {turn.name} any more: only units from elsewhere would help."
    if turn.kept:
        return (
            f"Lot {turn.name} coming later than {turn.on}: until then the order can leave in time (it is "
            f"expected by {turn.now}). See what three days more would do: "
            f"fbm-sync plan --what-if 'po:{turn.name} +3d'"
        )
    together = "" if turn.alone else ", together with what else is missing"
    return (
        f"Lot {turn.name} being here by {turn.on}{together}: then the order leaves in time (it is expected "
        f"by {turn.now})."
    )
