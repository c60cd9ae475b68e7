"""The account's health as recorded: Amazon's word, our count, and what is told of it."""

import dataclasses
from datetime import timedelta
from decimal import Decimal

import pytest

from fbm_sync.domain.performance import (
    AccountStatus,
    MarketplacePerformance,
    ReportedMetric,
    SellerPerformance,
)
from fbm_sync.domain.standing import Basis, HealthTerms, Metric
from fbm_sync.flows.facts import REPORT_LIFE, load_facts, load_totals
from fbm_sync.flows.health import LOOK_EVERY, health_findings, health_of, look_at_health
from fbm_sync.ports import ToldStatus

from builders import ACCOUNT, NOW, a_good_past, a_shipped_order, an_order, in_days

PLACE = "ATVPDKIKX0DER"


def past(size=100):
    return [order for order in a_good_past(size) if order.account == ACCOUNT]


def a_metric(name="LSR", numerator=0, denominator=100, **changes):
    fields = {
        "verdict": "GOOD",
        "since": in_days(-30),
        "until": NOW,
        "rate": Decimal(numerator) / denominator,
        "target": Decimal("0.04"),
        "condition": "LESS_THAN",
        "numerator": numerator,
        "denominator": denominator,
    }
    return ReportedMetric(name=name, **(fields | changes))


def told_by_amazon(shop, *metrics, status=AccountStatus.NORMAL, at=None, status_text=""):
    place = MarketplacePerformance(marketplace=PLACE, status=status, metrics=metrics, status_text=status_text)
    with shop.ledger.transaction() as books:
        books.health.record_performance(
            SellerPerformance(account=ACCOUNT, marketplaces=(place,)), at or shop.clock.now()
        )


def recorded(shop, *orders):
    with shop.ledger.transaction() as books:
        books.orders.record([*orders])


def lines(shop):
    with shop.ledger.transaction() as books:
        found = health_of(books, shop.terms, ACCOUNT, shop.clock.now())
    return {(line.standing.metric.value, line.standing.window_days): line for line in found}


def kinds(shop):
    with shop.ledger.transaction() as books:
        return [(one.kind, one.subject) for one in health_findings(books, shop.terms, shop.clock.now())]


def test_every_measure_is_shown_even_of_an_empty_shop(shop):
    found = lines(shop)
    assert list(found) == [("LSR", 10), ("LSR", 30), ("CR", 7), ("OTDR", 14), ("VTR", 30)]
    assert {line.standing.rate for line in found.values()} == {None}
    assert kinds(shop) == []


def test_amazons_figure_stands_beside_ours_over_the_same_days(shop):
    late = a_shipped_order("late", ship_by_at=in_days(-20), shipped_at=in_days(-19))
    recorded(shop, *past(), late)
    told_by_amazon(shop, a_metric(numerator=1, denominator=101), a_metric("VTR"))
    found = lines(shop)
    assert found["LSR", 30].amazon.is_matched
    assert found["LSR", 10].amazon is None
    assert found["VTR", 30].amazon.recount == (0, 0)
    assert found["CR", 7].amazon is None


def test_a_moment_that_explains_the_difference_is_found(shop):
    # Due long ago, and left lately: by shipment it counts in Amazon's month, by ship-by it does not.
    dates = {"created_at": in_days(-42), "ship_by_at": in_days(-40), "shipped_at": in_days(-1)}
    recorded(shop, a_shipped_order("1", **dates))
    told_by_amazon(shop, a_metric(numerator=1, denominator=1))
    assert 'lsr_by = "shipped"' in lines(shop)["LSR", 30].note
    shop.terms = dataclasses.replace(shop.terms, health=HealthTerms(lsr_by=Basis.SHIPPED))
    assert lines(shop)["LSR", 30].note == ""


def test_a_figure_without_its_days_is_shown_and_not_compared(shop):
    told_by_amazon(shop, a_metric(since=None, until=None))
    assert lines(shop)["LSR", 30].amazon.recount is None


def test_open_orders_that_will_be_late_are_told_before_they_are(shop):
    shop.stock(CUP=0)
    shop.pull_supply()
    recorded(shop, *past(), *[an_order(f"{n}", sku="CUP", ship_by_at=in_days(2)) for n in range(6)])
    shop.plan()
    found = lines(shop)["LSR", 10]
    assert found.breach_probability == 1.0
    assert found.breach_ahead(0.05).days == 3
    assert ("metric_at_risk", "LSR 10 days") in kinds(shop)
    assert ("metric_at_risk", "CR 7 days") in kinds(shop), "nothing covers them"


def test_amazons_target_counts_for_the_room_that_is_left(shop):
    recorded(shop, *past())
    told_by_amazon(
        shop, a_metric("CR", target=Decimal("0.01")), a_metric("OTDR", 95, 100, target=Decimal("0.9"))
    )
    with shop.ledger.transaction() as books:
        room = load_totals(books, shop.terms, NOW).of(ACCOUNT).headroom
        assert load_facts(books, shop.terms, NOW).performance[ACCOUNT].read_at == NOW
    assert (room.late_orders, room.cancelled_orders, room.on_time_rate) == (3, 0, 0.95)


def test_a_report_that_is_too_old_says_nothing_about_now(shop):
    told_by_amazon(shop, a_metric(verdict="BAD"))
    assert kinds(shop) == [("metric_at_risk", "LSR 30 days")]
    shop.clock.advance(seconds=REPORT_LIFE.total_seconds())
    assert kinds(shop) == [("metric_at_risk", "LSR 30 days")]
    shop.clock.advance(seconds=1)
    assert kinds(shop) == []


# --- the account's status --------------------------------------------------------------------------


def announced(shop, status, at):
    with shop.ledger.transaction() as books:
        books.health.record_status(ACCOUNT, ToldStatus(status=status, told_at=at))


def test_the_last_word_on_the_account_counts_whoever_said_it(shop):
    told_by_amazon(shop, status=AccountStatus.AT_RISK)
    assert kinds(shop) == [("account_status", PLACE)]
    announced(shop, "NORMAL", in_days(-1))
    assert kinds(shop) == [("account_status", PLACE)], "older than the report"
    announced(shop, "NORMAL", NOW)
    assert kinds(shop) == []


@pytest.mark.parametrize(
    ("word", "said"),
    [("DEACTIVATED", "deactivated"), ("SUSPENDED", "deactivated"), ("NEW_WORD", "'NEW_WORD'")],
)
def test_an_announcement_is_told_without_any_report(shop, word, said):
    announced(shop, word, NOW)
    with shop.ledger.transaction() as books:
        (found,) = health_findings(books, shop.terms, NOW)
    assert said in found.text
    assert found.subject == ACCOUNT


# --- how often it is looked at ---------------------------------------------------------------------


def looked_at(shop):
    with shop.ledger.transaction() as books:
        look_at_health(books, shop.terms, shop.clock.now())
        return books.alerts.noted_at("health")


def test_health_is_looked_at_every_few_minutes_and_when_amazon_says_something(shop):
    first = looked_at(shop)
    shop.clock.advance(minutes=1)
    assert looked_at(shop) == first
    announced(shop, "AT_RISK", shop.clock.now())
    assert looked_at(shop) == shop.clock.now()
    shop.clock.advance(minutes=1)
    told_by_amazon(shop)
    assert looked_at(shop) == shop.clock.now()
    shop.clock.advance(seconds=LOOK_EVERY.total_seconds())
    assert looked_at(shop) == shop.clock.now()
    shop.clock.advance(seconds=-timedelta(days=1).total_seconds())
    assert looked_at(shop) == shop.clock.now(), "a clock that was set back"


def test_people_hear_of_a_broken_limit(shop):
    recorded(shop, a_shipped_order("1", ship_by_at=in_days(-2), shipped_at=in_days(-1)))
    shop.alert()
    assert ("opened", "us:metric_at_risk:LSR 10 days") in shop.phone.told


def test_what_amazon_says_is_taken_into_account_by_the_next_plan(shop):
    """A plan of what has changed must notice that the account's standing is another."""
    recorded(shop, *past())
    shop.decide(CUP=5)
    with shop.ledger.transaction() as books:
        before = books.plans.basis().shop
    shop.clock.advance(minutes=5)
    told_by_amazon(shop, a_metric(Metric.LSR, verdict="BAD"))
    shop.plan()
    with shop.ledger.transaction() as books:
        assert books.plans.basis().shop != before
