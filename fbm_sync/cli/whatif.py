"""`fbm-sync plan --what-if`: what a slip, a surge or another rule would change; nothing is written."""

from collections.abc import Mapping, Sequence
from typing import Any

from fbm_sync.cli.decisions import offer_json, offer_words
from fbm_sync.cli.screen import Screen
from fbm_sync.cli.session import Session
from fbm_sync.cli.wording import plainly, readable
from fbm_sync.domain.calendar import ShipCalendars
from fbm_sync.domain.decision import OfferDecision
from fbm_sync.domain.policy import BackorderPolicy
from fbm_sync.domain.risk import OrderOutlook, words_for
from fbm_sync.domain.supposition import FORMS, Parsed, PolicyChange, parse, suppose
from fbm_sync.domain.whatif import Difference, Room, what_if
from fbm_sync.errors import ConfigError
from fbm_sync.flows.facts import load_facts
from fbm_sync.settings import load_policies
from fbm_sync.wiring import App

_METRICS = {"LSR": "late (LSR)", "CR": "cancelled (CR)"}
_NEXT = f"Suppositions look like: {'; '.join(FORMS.values())}."


def show(session: Session, texts: Sequence[str], skus: Sequence[str]) -> int:
    """Plan the shop without and with what is supposed, and show the difference; `skus` narrows the offers."""
    with session.app() as app:
        difference = _difference(app, texts)
        calendars = app.shop_terms.calendars
    offers = [(old, new) for old, new in difference.offers if not skus or new.sku in skus]
    if session.screen.as_json:
        session.screen.document(_as_json(texts, difference, offers))
    else:
        _tell(session.screen, difference, offers, calendars)
    return 0


def _difference(app: App, texts: Sequence[str]) -> Difference:
    now, parsed = app.clock.now(), parse(texts)
    policies, faults = _policies(app, parsed)
    with app.ledger.transaction() as books:
        facts = load_facts(books, app.shop_terms, now)
    supposed = suppose(facts, app.shop_terms, parsed.suppositions, now=now, policies=policies)
    if problems := [*parsed.faults, *faults, *supposed.faults]:
        raise ConfigError(problems, next_step=_NEXT)
    return what_if(facts, app.shop_terms, supposed, now=now, run_id="what-if")


def _policies(app: App, parsed: Parsed) -> tuple[Mapping[str, BackorderPolicy] | None, list[str]]:
    """Return all policies as supposed, `None` where none is touched; the settings say what is allowed."""
    wanted = [(one, one.change) for one in parsed.suppositions if isinstance(one.change, PolicyChange)]
    if not wanted:
        return None, []
    changes = [(change.policy, change.key, change.value) for _, change in wanted]
    try:
        return load_policies(app.settings.path, changes), []
    except ConfigError as error:
        problems = list(error.problems)
    for one, change in wanted:
        place = f"policy.{change.policy}"
        problems = [
            one.fault(problem) if problem.startswith((f"{place}.{change.key}:", f"{place}:")) else problem
            for problem in problems
        ]
    return None, problems


# --- what a program reads --------------------------------------------------------------------------


def _as_json(
    texts: Sequence[str], difference: Difference, offers: Sequence[tuple[OfferDecision, OfferDecision]]
) -> dict[str, Any]:
    return {
        "supposed": list(texts),
        "offers": [
            {
                "account": new.account,
                "sku": new.sku,
                "before": _decision_json(old),
                "after": _decision_json(new),
            }
            for old, new in offers
        ],
        "newly_late": [_outlook_json(one) for one in difference.newly_late],
        "no_longer_late": [_outlook_json(one) for one in difference.no_longer_late],
        "shortages": [
            {
                "account": one.account,
                "sku": one.sku,
                "before": one.before,
                "after": one.after,
                "orders": list(one.orders),
            }
            for one in difference.shortages
        ],
        "headroom": [
            {"account": account, "metric": metric, "before": before, "after": after}
            for account, metric, before, after in _rooms(difference.rooms)
        ],
    }


def _decision_json(one: OfferDecision) -> dict[str, Any]:
    return {"mode": one.mode.value, "desired": offer_json(one.desired), "reasons": list(one.reasons)}


def _outlook_json(one: OrderOutlook) -> dict[str, Any]:
    return {
        "account": one.account,
        "order_id": one.order_id,
        "ship_by_at": one.ship_by_at,
        "promise_on": one.promise_on,
        "slack_days": one.slack_days,
        "late_probability": one.late_probability,
        "state": one.state.value,
        "reason": one.reason,
    }


def _rooms(rooms: Mapping[str, tuple[Room, Room]]) -> list[tuple[str, str, int, int]]:
    """Return account, metric and the room in it, without and with what is supposed."""
    return [
        row
        for account, (before, after) in rooms.items()
        for row in (
            (account, "LSR", before.late_orders, after.late_orders),
            (account, "CR", before.cancelled_orders, after.cancelled_orders),
        )
    ]


# --- what a person reads ---------------------------------------------------------------------------


_Table = tuple[str, Sequence[str], Sequence[Sequence[object]]]


def _tell(
    screen: Screen,
    difference: Difference,
    offers: Sequence[tuple[OfferDecision, OfferDecision]],
    calendars: ShipCalendars,
) -> None:
    screen.say(f"{_summary(difference, offers)} Nothing was written and Amazon was not asked.", style="bold")
    for title, columns, rows in (_offer_table(offers), *_late_tables(difference, calendars)):
        if rows:
            screen.say()
            screen.table(title, columns, rows)
    screen.say()
    if difference.newly_late or difference.no_longer_late:
        screen.say("Late: the day it can leave, as sure as its policy asks, lies after Amazon's ship-by.")
    screen.say("Room: so many more orders may go wrong; below 0 the account is over the limit by so many.")


def _offer_table(offers: Sequence[tuple[OfferDecision, OfferDecision]]) -> _Table:
    rows = [
        (new.account, new.sku, _words(old), _words(new), readable(plainly(" ".join(new.reasons[:1]))))
        for old, new in offers
    ]
    return "Offers that would change", ("account", "SKU", "as it is", "supposed", "why then"), rows


def _late_tables(difference: Difference, calendars: ShipCalendars) -> Sequence[_Table]:
    """Say which orders would be late or late no more, what would be short, what room would be left."""
    order = ("order", "ship by", "can leave", "ship days late", "waits for")
    short = ("account", "SKU", "as it is", "supposed", "orders short then")
    shortages = [
        (one.account, one.sku, one.before, one.after, ", ".join(one.orders)) for one in difference.shortages
    ]
    rooms = [
        (account, _METRICS[metric], before, after)
        for account, metric, before, after in _rooms(difference.rooms)
    ]
    return (
        ("Orders that would become late", order, _order_rows(difference.newly_late, calendars)),
        ("Orders that would not be late any more", order, _order_rows(difference.no_longer_late, calendars)),
        ("Units that nothing covers", short, shortages),
        ("Room before Amazon's limits", ("account", "orders", "as it is", "supposed"), rooms),
    )


def _summary(difference: Difference, offers: Sequence[object]) -> str:
    """Say in one sentence what would differ."""
    late, saved = len(difference.newly_late), len(difference.no_longer_late)
    return (
        f"{_count(len(offers), 'offer')} would change, {_count(late, 'order')} would become late, "
        f"{saved} would no longer be late."
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _order_rows(outlooks: Sequence[OrderOutlook], calendars: ShipCalendars) -> list[tuple[object, ...]]:
    return [
        (
            one.order_id,
            words_for(one.ship_by_at, calendars.of(one.account)) if one.ship_by_at else None,
            readable(str(one.promise_on)) if one.promise_on else "no day is known",
            None if one.slack_days is None else max(0, -one.slack_days),
            one.blamed_lot or ("nothing: it is on the shelf" if one.promise_on else "units nobody has"),
        )
        for one in outlooks
    ]


def _words(one: OfferDecision) -> str:
    return f"{one.mode.value.replace('_', ' ')}: {readable(offer_words(one.desired))}"
