"""`fbm-sync orders`: every open order with its promise, its slack and its chance of being late."""

from typing import Annotated, Any

import typer

from fbm_sync.cli.session import Session
from fbm_sync.domain.order import Fulfiller, Order, OrderId
from fbm_sync.domain.risk import WORRYING, OrderOutlook
from fbm_sync.errors import ConfigError


def register(command: typer.Typer) -> None:
    """Add the command."""
    command.command("orders")(orders)


def orders(
    context: typer.Context,
    at_risk: Annotated[bool, typer.Option("--at-risk", help="Only orders that are not on track.")] = False,
    order: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Only this order; may repeat.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Also orders that are shipped, cancelled or Amazon's.")
    ] = False,
) -> int:
    """Show open orders as last judged: promise, slack, P(late), state, reason, and what covers them."""
    session: Session = context.obj
    wanted = [OrderId(one) for one in order or ()]
    with session.app() as app, app.ledger.transaction() as books:
        outlooks = {(one.account, one.order_id): one for one in books.orders.outlooks()}
        if wanted:
            known = books.orders.find(wanted)
        elif every:
            known = books.orders.every()
        else:
            known = books.orders.holding_units(app.clock.now())
    missing = sorted(set(wanted) - {one.order_id for one in known})
    if missing:
        problems = [f"--order {one}: no such order is recorded" for one in missing]
        raise ConfigError(problems, next_step="Read it from Amazon with 'fbm-sync sync --order ID'.")
    rows = [(one, outlooks.get((one.account, one.order_id))) for one in known]
    if at_risk:
        rows = [(one, outlook) for one, outlook in rows if outlook is not None and outlook.state in WORRYING]
    rows.sort(
        key=lambda row: (row[0].ship_by_at is None, row[0].ship_by_at or row[0].created_at, row[0].order_id)
    )
    _show(session, rows)
    return 0


def _show(session: Session, rows: list[tuple[Order, OrderOutlook | None]]) -> None:
    screen = session.screen
    if screen.as_json:
        screen.document([order_json(order, outlook) for order, outlook in rows])
        return
    table = [
        (
            order.order_id,
            _status(order),
            order.ship_by_at,
            outlook.promise_on if outlook else None,
            outlook.slack_days if outlook else None,
            _percent(outlook),
            outlook.state.value if outlook else None,
            outlook.reason if outlook else why_not_judged(order),
        )
        for order, outlook in rows
    ]
    columns = ("order", "status", "ship by", "promise", "slack", "P(late)", "state", "why")
    screen.table("Orders", columns, table)
    screen.say(f"{len(rows)} orders. Slack is in ship days, negative when late.")


def _status(order: Order) -> str:
    return order.status_text or order.status.value


def _percent(outlook: OrderOutlook | None) -> str | None:
    if outlook is None or outlook.late_probability is None:
        return None
    return f"{outlook.late_probability:.0%}"


def why_not_judged(order: Order) -> str:
    """Say why an order has no outlook."""
    if order.fulfilled_by is Fulfiller.AMAZON:
        return "Amazon ships it; it is no demand on your stock."
    if order.is_open:
        return "Not judged yet: run 'fbm-sync plan'."
    if order.units_kept_until is not None:
        return f"Its payment failed; its units were kept until {order.units_kept_until:%Y-%m-%d %H:%M}Z."
    return "Nothing of it is left to ship."


def order_json(order: Order, outlook: OrderOutlook | None) -> dict[str, Any]:
    """Return an order in the documented shape."""
    covers = {item.order_item_id: item.cover for item in outlook.items} if outlook else {}
    return {
        "order_id": order.order_id,
        "account": order.account,
        "status": _status(order),
        "fulfilled_by": order.fulfilled_by.value,
        "ship_by_at": order.ship_by_at,
        "promise_on": outlook.promise_on if outlook else None,
        "slack_days": outlook.slack_days if outlook else None,
        "late_probability": outlook.late_probability if outlook else None,
        "state": outlook.state.value if outlook else None,
        "stage": outlook.stage if outlook else None,
        "reason": outlook.reason if outlook else why_not_judged(order),
        "auto_cancel_at": outlook.auto_cancel_at if outlook else None,
        "items": [
            {
                "order_item_id": item.order_item_id,
                "sku": item.sku,
                "open_units": item.open_units,
                "cover": [
                    {
                        "source": part.source.value,
                        "lot": part.lot,
                        "units": part.units,
                        "ready_on": part.ready_on,
                    }
                    for part in covers.get(item.order_item_id, ())
                ],
            }
            for item in order.items
        ],
        "action": outlook.action if outlook else None,
    }
