"""Why an order stands as it does, in a seller's words."""

import dataclasses
from datetime import datetime

from fbm_sync.cli.explanation import Explanation, Local
from fbm_sync.cli.orders import why_not_judged
from fbm_sync.domain.allocation import CoverSource
from fbm_sync.domain.awaited import describe_lot
from fbm_sync.domain.decision import Fact
from fbm_sync.domain.explain import Turn, TurnKind, turns_of_order
from fbm_sync.domain.listing import count_units
from fbm_sync.domain.order import Order
from fbm_sync.domain.risk import OrderOutlook, OrderState, span_words

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
_HOPEFUL = (OrderState.ON_TRACK, OrderState.DUE_SOON)
_JUDGED_BY_CHANCE = (*_HOPEFUL, OrderState.AT_RISK)
_NOT_TO_SHIP = (OrderState.CANCEL_REQUESTED, OrderState.PENDING_STUCK)
_THREATENED = (OrderState.AT_RISK, OrderState.LATE_CERTAIN)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What an explanation of orders goes by.

    `late_limit` is the chance of being late from which one is at risk; `split_shipments` tells whether its
    lines may leave one by one. `at` is the moment of the explanation, `asked_at` the same where it is past.
    """

    late_limit: float
    split_shipments: bool
    at: datetime
    asked_at: datetime | None = None


def explain_unjudged(order: Order, local: Local) -> Explanation:
    """Explain why an order is not judged at all."""
    return Explanation(
        subject=_order_subject(order),
        answer=why_not_judged(order),
        facts=[
            Fact(name="status at Amazon", value=order.status_text or order.status, as_of=order.updated_at),
            _ordered(order),
            Fact(name="ship-by (Amazon's)", value=local(order.ship_by_at) if order.ship_by_at else "unknown"),
        ],
        rules=["Only open orders that you ship yourself are judged."],
    )


def explain_order(order: Order, outlook: OrderOutlook, terms: Terms, local: Local) -> Explanation:
    """Explain an order's state from what was recorded when it was judged."""
    past = terms.asked_at is not None
    facts = [_ordered(order), Fact(name="ship-by (Amazon's)", value=_deadline(outlook, terms.at, local))]
    if not past:
        status = order.status_text or order.status
        facts.insert(0, Fact(name="status at Amazon", value=status, as_of=order.updated_at))
    pending = not past and order.is_pending
    turns = turns_of_order(outlook, pending=pending)
    return Explanation(
        subject=_order_subject(order),
        answer=_answer(outlook, pending=pending),
        why=[outlook.reason, *_overtaking(outlook)],
        action=outlook.action,
        facts=[*facts, *_cover_facts(outlook)],
        rules=_rules(outlook, terms),
        rejected=_rejected(outlook, terms),
        would_change=[(turn, _order_turn(turn, local)) for turn in turns],
        asked_at=terms.asked_at,
        decided_at=outlook.judged_at,
    )


def _order_subject(order: Order) -> str:
    return f"Order {order.order_id} (account {order.account})"


def _ordered(order: Order) -> Fact:
    units = count_units(sum(item.ordered_units for item in order.items))
    return Fact(name="ordered", value=units, as_of=order.created_at)


def _deadline(outlook: OrderOutlook, at: datetime, local: Local) -> str:
    """Say Amazon's ship-by, and how much time is left or how long ago it was."""
    if outlook.ship_by_at is None:
        return "unknown"
    span = span_words(abs(outlook.ship_by_at - at))
    return f"{local(outlook.ship_by_at)} ({f'{span} ago' if at > outlook.ship_by_at else f'in {span}'})"


def _answer(outlook: OrderOutlook, *, pending: bool) -> str:
    """Say in one sentence how the order stands."""
    if outlook.state in _NOT_TO_SHIP:
        return f"{_STATES[outlook.state]}: it must not ship."
    standing = "Waiting for its payment" if pending else _STATES[outlook.state]
    return f"{standing}: {_promise(outlook)}"


def _promise(outlook: OrderOutlook) -> str:
    """Say when the order can leave, how that compares with its ship-by, and how sure it is."""
    if outlook.promise_on is None:
        return "nothing you have or expect covers all of it."
    when = "can be promised for" if outlook.awaits else "can leave on"
    text = f"it {when} {outlook.promise_on}"
    if outlook.slack_days is not None:
        text += f", {_slack_words(outlook.slack_days)}"
    if outlook.late_probability is not None and outlook.state in _HOPEFUL:
        text += f"; the chance of being late is {outlook.late_probability:.0%}"
    return f"{text}."


def _overtaking(outlook: OrderOutlook) -> list[str]:
    """Say how much of the hope rests on other lots that may come first."""
    pooled, alone = outlook.late_probability, outlook.late_alone_probability
    if pooled is None or alone is None or f"{pooled:.0%}" == f"{alone:.0%}":
        return []
    return [f"If only the lot assigned to it could serve it, the chance of being late would be {alone:.0%}."]


def _rules(outlook: OrderOutlook, terms: Terms) -> list[str]:
    rules = [_BY_LINE if terms.split_shipments else _COMPLETE]
    if _sources(outlook) != {CoverSource.ON_HAND}:
        rules.append(_ALLOCATION)
    if outlook.state in _JUDGED_BY_CHANCE:
        rules.append(
            f"From a {terms.late_limit:.0%} chance of missing ship-by on, an order counts as at risk."
        )
    return rules


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
                facts.append(Fact(name=name, value=_uncovered(item.sku)))
            elif part.lot in lots:
                facts.append(Fact(name=name, value=f"from lot {part.lot}: {describe_lot(lots[part.lot])}"))
            else:
                facts.append(Fact(name=name, value=f"from lot {part.lot}, ready to ship {part.ready_on}"))
    return facts


def _uncovered(sku: str) -> str:
    return (
        "covered by nothing on the shelf and no purchase order that is believed "
        f"(fbm-sync explain {sku} names those)"
    )


def _rejected(outlook: OrderOutlook, terms: Terms) -> list[str]:
    """Say which other ways there were to serve the order, and why they were not taken."""
    sources, rejected = _sources(outlook), []
    if CoverSource.ON_HAND in sources and len(sources) > 1 and not terms.split_shipments:
        rejected.append(
            "Sending what is on the shelf first: orders leave complete ([orders] split_shipments is false)."
        )
    if sources & {CoverSource.LOT, CoverSource.SHORTAGE}:
        rejected.append(
            "Taking units from the shelf that other orders use: those come first by the rule, or more orders "
            "would be late in all."
        )
    if outlook.state in _THREATENED and outlook.promise_on is not None:
        rejected.append(
            "Cancelling it now: that counts in the cancellation rate (CR) at once, and it may still be saved."
        )
    return rejected


def _sources(outlook: OrderOutlook) -> set[CoverSource]:
    return {part.source for item in outlook.items for part in item.cover}


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
            end = f" Otherwise Amazon cancels it{by}." if by else ""
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
