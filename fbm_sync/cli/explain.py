"""`fbm-sync explain`: the chain of facts, gates, limits and rules behind a quantity, a date, a state."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from fbm_sync.cli.screen import Screen
from fbm_sync.cli.session import Session
from fbm_sync.domain.allocation import CoverSource
from fbm_sync.domain.leadtime import ExpectedLot
from fbm_sync.domain.listing import describe
from fbm_sync.domain.offer import Fact, OfferDecision
from fbm_sync.domain.order import Order, OrderId, Sku
from fbm_sync.domain.plan import assess_orders
from fbm_sync.domain.risk import OrderOutlook
from fbm_sync.errors import ConfigError
from fbm_sync.flows.facts import load_facts
from fbm_sync.wiring import App


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why something is as it is: the decision, the facts with their time, the rules, what lost."""

    subject: str
    decision: str
    facts: Sequence[Fact]
    rules: Sequence[str]
    rejected: Sequence[str]
    decided_at: datetime | None
    run_id: str | None


def register(command: typer.Typer) -> None:
    """Add the command."""
    command.command("explain")(explain)


def explain(
    context: typer.Context,
    subject: Annotated[str, typer.Argument(metavar="SKU|ORDER_ID", help="What to explain.")],
) -> int:
    """Explain a SKU's offer or an order's state, in plain words."""
    session: Session = context.obj
    with session.app() as app:
        found = _offers(app, Sku(subject)) or _orders(app, OrderId(subject))
    if not found:
        raise ConfigError(
            [f"{subject}: neither a decided SKU nor a recorded order has this name"],
            next_step="Check the spelling, or read it from Amazon with 'fbm-sync sync'.",
        )
    if session.screen.as_json:
        documents = [_as_json(one) for one in found]
        session.screen.document(documents[0] if len(documents) == 1 else documents)
    for one in found:
        _show(session.screen, one)
    return 0


def _as_json(one: Explanation) -> dict[str, Any]:
    return {field.name: getattr(one, field.name) for field in dataclasses.fields(one)}


def _show(screen: Screen, one: Explanation) -> None:
    screen.say(one.subject, style="bold")
    screen.say(f"  {one.decision}")
    screen.say()
    screen.say("What it rests on", style="bold")
    for fact in one.facts:
        as_of = f"  (as of {fact.as_of:%Y-%m-%d %H:%M}Z)" if fact.as_of else ""
        screen.say(f"  {fact.name}: {fact.value}{as_of}")
    for heading, lines in (("The rule", one.rules), ("What was rejected, and why", one.rejected)):
        if lines:
            screen.say()
            screen.say(heading, style="bold")
            for line in lines:
                screen.say(f"  {line}")
    if one.decided_at is not None:
        screen.say()
        screen.say(
            f"Decided {one.decided_at:%Y-%m-%d %H:%M}Z" + (f", run {one.run_id}" if one.run_id else "")
        )


# --- offers ------------------------------------------------------------------------------------------


def _offers(app: App, sku: Sku) -> list[Explanation]:
    with app.ledger.transaction() as books:
        decisions = books.offers.decisions(skus=[sku])
    return [_offer_explanation(one) for one in decisions]


def _offer_explanation(one: OfferDecision) -> Explanation:
    wanted = "left as it is" if one.desired is None else describe(one.desired)
    gates = [
        Fact(
            name=f"gate {gate.name}",
            value=f"{'passed' if gate.passed else 'FAILED'}: {gate.value} ({gate.limit})",
        )
        for gate in one.gates
    ]
    caps = (
        [Fact(name=f"cap {name}", value=f"{units} units") for name, units in sorted(one.cap.limits.items())]
        if one.cap
        else []
    )
    binding = [f"The cap that binds is {one.cap.binding}: {one.cap.units} units."] if one.cap else []
    return Explanation(
        subject=f"SKU {one.sku} (account {one.account})",
        decision=f"{one.mode.value.replace('_', ' ')}: {wanted}. {' '.join(one.reasons)}",
        facts=[*one.facts, Fact(name="free to promise today", value=f"{one.atp_today} units"), *gates, *caps],
        rules=[*one.rules, *binding],
        rejected=one.rejected,
        decided_at=one.decided_at,
        run_id=one.run_id,
    )


# --- orders ------------------------------------------------------------------------------------------


def _orders(app: App, order_id: OrderId) -> list[Explanation]:
    now = app.clock.now()
    with app.ledger.transaction() as books:
        orders = books.orders.find([order_id])
        outlooks = {one.account: one for one in books.orders.outlooks() if one.order_id == order_id}
        facts = load_facts(books, app.shop_terms, now) if outlooks else None
    lots: dict[str, ExpectedLot] = {}
    if facts is not None:
        views = assess_orders(facts, app.shop_terms, now).inbound.values()
        lots = {lot.lot_id: lot for view in views for lot in view.expected}
    return [_order_explanation(order, outlooks.get(order.account), lots) for order in orders]


def _order_explanation(
    order: Order, outlook: OrderOutlook | None, lots: dict[str, ExpectedLot]
) -> Explanation:
    facts = [
        Fact(name="status at Amazon", value=order.status_text or order.status.value, as_of=order.updated_at),
        Fact(
            name="ordered",
            value=f"{sum(item.ordered_units for item in order.items)} units",
            as_of=order.created_at,
        ),
        Fact(
            name="ship-by (Amazon's)",
            value=f"{order.ship_by_at:%Y-%m-%d %H:%M}Z" if order.ship_by_at else "unknown",
        ),
    ]
    if outlook is None:
        return Explanation(
            subject=f"Order {order.order_id} (account {order.account})",
            decision="Nothing of it has to leave your warehouse.",
            facts=facts,
            rules=["Only open orders that you ship yourself are judged."],
            rejected=[],
            decided_at=None,
            run_id=None,
        )
    facts.extend(_cover_facts(outlook, lots))
    promise = f"It can leave on {outlook.promise_on}." if outlook.promise_on else "No known supply covers it."
    slack = "" if outlook.slack_days is None else f" Slack: {outlook.slack_days} ship days."
    late = (
        "" if outlook.late_probability is None else f" Chance of being late: {outlook.late_probability:.0%}."
    )
    return Explanation(
        subject=f"Order {order.order_id} (account {order.account})",
        decision=f"{outlook.state.value.replace('_', ' ')}: {outlook.reason} {promise}{slack}{late}",
        facts=facts,
        rules=[
            "An order ships complete, so it is as late as its latest unit.",
            "Stock goes to orders in picking, then to expedited ones, then by ship-by; lots follow by date.",
            f"Next step: {outlook.action}" if outlook.action else "Nothing needs to be done.",
        ],
        rejected=[],
        decided_at=outlook.judged_at,
        run_id=None,
    )


def _cover_facts(outlook: OrderOutlook, lots: dict[str, ExpectedLot]) -> list[Fact]:
    """Say for each item where its units come from, and for each lot why that day is expected."""
    facts = []
    for item in outlook.items:
        for part in item.cover:
            name = f"{part.units} of {item.sku}"
            if part.source is CoverSource.ON_HAND:
                facts.append(Fact(name=name, value="on the shelf"))
            elif part.source is CoverSource.SHORTAGE:
                facts.append(Fact(name=name, value="covered by no stock and no believed inbound"))
            else:
                facts.append(Fact(name=name, value=_lot_words(part.lot or "", lots.get(part.lot or ""))))
    return facts


def _lot_words(name: str, lot: ExpectedLot | None) -> str:
    if lot is None:
        return f"from {name}, which is no longer believed"
    forecast = lot.forecast
    dated = (
        f"confirmed for {lot.lot.promised_on}" if lot.lot.promised_on else f"ordered on {lot.lot.ordered_on}"
    )
    return (
        f"from {name} of {lot.lot.supplier or 'an unnamed supplier'}, {dated}; here by {forecast.arrives_by} "
        f"with {forecast.confidence:.0%} probability ({forecast.method.value}, {forecast.receipts} of them), "
        f"ready to ship {lot.ready_on}"
    )
