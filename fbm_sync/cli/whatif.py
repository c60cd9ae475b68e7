"""`fbm-sync plan --what-if`: what a slip, a surge or another rule would change; nothing is written."""

from collections.abc import Mapping, Sequence
from typing import Any

from fbm_sync.cli.decisions import offer_json, offer_words
from fbm_sync.cli.screen import Screen
from fbm_sync.cli.session import Session
from fbm_sync.domain.offer import OfferDecision
from fbm_sync.domain.policy import BackorderPolicy
from fbm_sync.domain.risk import OrderOutlook
from fbm_sync.domain.supposition import FORMS, Parsed, PolicyChange, parse, suppose
from fbm_sync.domain.whatif import Difference, Room, what_if
from fbm_sync.errors import ConfigError
from fbm_sync.flows.facts import load_facts
from fbm_sync.settings import load_policies
from fbm_sync.wiring import App

_NEXT = f"Suppositions look like: {'; '.join(FORMS.values())}."


def show(session: Session, texts: Sequence[str], skus: Sequence[str]) -> int:
    """Plan the shop without and with what is supposed, and show the difference; `skus` narrows the offers."""
    with session.app() as app:
        difference = _difference(app, texts)
    offers = [(old, new) for old, new in difference.offers if not skus or new.sku in skus]
    if session.screen.as_json:
        session.screen.document(_as_json(texts, difference, offers))
    else:
        _tell(session.screen, difference, offers)
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


def _tell(
    screen: Screen, difference: Difference, offers: Sequence[tuple[OfferDecision, OfferDecision]]
) -> None:
    changes = [
        (new.account, new.sku, _words(old), _words(new), new.reasons[0] if new.reasons else "")
        for old, new in offers
    ]
    shortages = [
        (one.account, one.sku, one.before, one.after, ", ".join(one.orders)) for one in difference.shortages
    ]
    order = ("order", "ship by", "can leave", "why then")
    tables: list[tuple[str, Sequence[str], Sequence[Sequence[object]]]] = [
        ("Offers that would change", ("account", "SKU", "as it is", "supposed", "why then"), changes),
        ("Orders that would become late", order, _order_rows(difference.newly_late)),
        ("Orders that would not be late any more", order, _order_rows(difference.no_longer_late)),
        (
            "Units that nothing covers",
            ("account", "SKU", "as it is", "supposed", "orders short then"),
            shortages,
        ),
        (
            "Room in Amazon's limits",
            ("account", "metric", "as it is", "supposed"),
            _rooms(difference.rooms),
        ),
    ]
    for title, columns, rows in tables:
        if rows:
            screen.table(title, columns, rows)
    counted = (
        f"{len(offers)} offers would change, {len(difference.newly_late)} orders become late, "
        f"{len(difference.no_longer_late)} no longer."
    )
    screen.say(f"{counted} Late: the day it can leave, as sure as the policy asks, lies after ship-by.")
    screen.say(
        "Room: how many more late (LSR) and cancelled (CR) orders the account can take; below 0 it is over."
    )
    screen.say("Nothing was written and Amazon was not asked.")


def _order_rows(outlooks: Sequence[OrderOutlook]) -> list[tuple[object, ...]]:
    return [(one.order_id, one.ship_by_at, one.promise_on, one.reason) for one in outlooks]


def _words(one: OfferDecision) -> str:
    return f"{one.mode.value.replace('_', ' ')}: {offer_words(one.desired)}"
