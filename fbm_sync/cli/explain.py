"""`fbm-sync explain`: the chain of facts, gates, limits and rules behind a quantity, a date, a state."""

from datetime import datetime
from typing import Annotated

import typer

from fbm_sync.cli.explained_offers import explain_offer, said_of
from fbm_sync.cli.explained_orders import Terms, explain_order, explain_unjudged
from fbm_sync.cli.explanation import Explanation, Local
from fbm_sync.cli.screen import Screen
from fbm_sync.cli.session import Session, instant
from fbm_sync.cli.wording import readable
from fbm_sync.domain.order import OrderId, Sku
from fbm_sync.domain.risk import words_for
from fbm_sync.errors import ConfigError
from fbm_sync.flows.remedies import load_remedies
from fbm_sync.wiring import App


def register(command: typer.Typer) -> None:
    """Add the command."""
    command.command("explain")(explain)


def explain(
    context: typer.Context,
    subject: Annotated[str, typer.Argument(metavar="SKU|ORDER_ID", help="What to explain.")],
    at: Annotated[
        str | None, typer.Option(metavar="INSTANT|7d", help="As it was then; the records are kept a while.")
    ] = None,
) -> int:
    """Explain a SKU's offer or an order's state, in plain words; with --at, as it was then."""
    session: Session = context.obj
    with session.app() as app:
        then = instant(at, app.clock.now(), "--at")
        found = _offers(app, Sku(subject), then) or _orders(app, OrderId(subject), then)
        if not found:
            raise _unknown(app, subject, then)
    if session.screen.as_json:
        documents = [one.as_json() for one, _ in found]
        session.screen.document(documents[0] if len(documents) == 1 else documents)
    for one, local in found:
        _show(session.screen, one, local)
    return 0


def _local(app: App, account: str) -> Local:
    """Return how an account says an instant: by the clock that its orders are due by."""
    calendar = app.shop_terms.calendars.of(account)
    return lambda moment: words_for(moment, calendar)


def _offers(app: App, sku: Sku, at: datetime | None) -> list[tuple[Explanation, Local]]:
    """Explain a SKU's offers from the decisions alone: each carries its whole argument."""
    with app.ledger.transaction() as books:
        decisions = books.offers.decisions(skus=[sku], at=at)
        holds = () if at else books.offers.holds()
        dropped = {one.account: books.offers.dropped(one.account) for one in decisions} if at is None else {}
    found = []
    for one in decisions:
        local = _local(app, one.account)
        said = list(said_of(one, holds, dropped.get(one.account, {}), app.clock.now(), local))
        found.append((explain_offer(one, asked_at=at, said=said), local))
    return found


def _orders(app: App, order_id: OrderId, at: datetime | None) -> list[tuple[Explanation, Local]]:
    """Explain an order's state from its outlook alone, which tells the lots it waits for."""
    with app.ledger.transaction() as books:
        orders = books.orders.find([order_id])
        outlooks = {one.account: one for one in books.orders.outlooks(order_ids=[order_id], at=at)}
        now = app.clock.now()
        # What was open at a past moment is no longer known: that rests on all other orders.
        ways = {} if at else load_remedies(books, app.shop_terms, list(outlooks.values()), now)
    terms = Terms(
        late_limit=app.settings.alerts.late_probability,
        split_shipments=app.settings.orders.split_shipments,
        at=at or app.clock.now(),
        asked_at=at,
    )
    found = []
    for order in orders:
        outlook, local = outlooks.get(order.account), _local(app, order.account)
        if outlook is not None:
            open_ways = ways.get((order.account, order_id), ())
            found.append((explain_order(order, outlook, terms, local, open_ways), local))
        elif at is None:
            found.append((explain_unjudged(order, local), local))
    return found


def _unknown(app: App, subject: str, at: datetime | None) -> ConfigError:
    """Say why nothing can be explained: a wrong name, or a time of which nothing is kept."""
    with app.ledger.transaction() as books:
        known = books.offers.decisions(skus=[Sku(subject)]) or books.orders.find([OrderId(subject)])
    if at is None or not known:
        return ConfigError(
            [f"{subject}: neither a decided SKU nor a recorded order has this name"],
            next_step="Check the spelling, or read it from Amazon with 'fbm-sync sync'.",
        )
    days = app.settings.keep_days
    kept = f"The past is kept for {days} days ([store] keep_days)" if days else "The past is never forgotten"
    return ConfigError(
        [f"--at {at:%Y-%m-%d %H:%M}Z: nothing was decided of {subject} then that is still recorded"],
        next_step=f"{kept}; without --at the answer is the present one.",
    )


def _show(screen: Screen, one: Explanation, local: Local) -> None:
    screen.say(one.subject, style="bold")
    if one.asked_at is not None:
        screen.say(f"  As it was on {local(one.asked_at)}.")
    screen.say(f"  {readable(one.answer)}")
    for heading, lines in one.sections(local):
        if lines:
            screen.say()
            screen.say(heading, style="bold")
            for line in lines:
                screen.say(f"  {readable(line)}")
    if one.decided_at is not None:
        screen.say()
        run = f", run {one.run_id}" if one.run_id else ""
        screen.say(f"Decided {local(one.decided_at)}{run}.")
