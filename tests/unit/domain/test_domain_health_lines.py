"""What people get to see and to hear of the account's health."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from fbm_sync.domain.alert import Severity
from fbm_sync.domain.health_finding import metric_findings, status_finding, target_words
from fbm_sync.domain.health_line import AmazonFigure, HealthLine, explain_difference, window_of
from fbm_sync.domain.performance import AccountStatus, ReportedMetric
from fbm_sync.domain.projection import DayAhead, Projection
from fbm_sync.domain.standing import (
    CR_7,
    LSR_10,
    LSR_30,
    OTDR_14,
    VTR_30,
    Basis,
    Metric,
    Rule,
    Tally,
    Target,
)

from builders import NOW, a_calendar, in_days, on_day

CALENDAR = a_calendar()


def figure(numerator=3, denominator=210, *, ours=None, days=30, **changes):
    told = ReportedMetric(
        name=changes.pop("name", "LSR"),
        verdict=changes.pop("verdict", "GOOD"),
        since=in_days(-days),
        until=NOW,
        rate=Decimal(numerator) / denominator if denominator else None,
        numerator=numerator,
        denominator=denominator,
    )
    return AmazonFigure(told=told, marketplace="M", as_of=NOW, recount=ours and Tally(*ours), **changes)


def ahead(*days):
    return Projection(
        ahead=tuple(
            DayAhead(days=number, chance=chance, headroom=0, anyway=anyway)
            for number, (chance, anyway) in enumerate(days, start=1)
        )
    )


def a_line(window=LSR_10, numerator=1, denominator=100, **changes):
    fields = {"account": "us", "standing": window.standing(Tally(numerator, denominator))}
    return HealthLine(**(fields | changes))


def findings(*lines, limit=0.05, known=()):
    return metric_findings(lines, CALENDAR, NOW, limit, known)


# --- ours and Amazon's -----------------------------------------------------------------------------


def test_where_both_count_the_same_there_is_nothing_to_explain():
    same = figure(3, 210, ours=(3, 210))
    assert same.is_matched
    assert explain_difference(Metric.LSR, same) == ""
    assert a_line(amazon=same).note == ""


def test_a_difference_is_told_with_both_counts():
    other = figure(3, 210, ours=(2, 208))
    assert other.is_matched is False
    assert a_line(amazon=other).note == (
        "Amazon counts 3 of 210 orders late, we count 2 of 208 over the same days; Amazon's figure is the "
        "one that counts."
    )


def test_a_difference_that_another_moment_explains_says_what_to_set():
    other = figure(
        3, 210, ours=(2, 208), by_basis={Basis.SHIP_BY: Tally(2, 208), Basis.SHIPPED: Tally(3, 210)}
    )
    assert explain_difference(Metric.LSR, other).endswith(
        'over the same days: counted by lsr_by = "shipped" they are the same, so set it so.'
    )


def test_amazon_counting_parcels_where_we_count_units_is_no_riddle():
    other = figure(9, 10, ours=(18, 20), name="OTDR")
    assert explain_difference(Metric.OTDR, other) == (
        "Amazon counts 9 of 10 units in time, we count 18 of 20 over the same days: Amazon counts parcels "
        "here, we count units."
    )
    by_unit = figure(9, 10, ours=(18, 20), name="unitOnTimeDeliveryRate")
    assert explain_difference(Metric.OTDR, by_unit).endswith("Amazon's figure is the one that counts.")


def test_what_cannot_be_compared_is_not():
    bare = replace(figure(), told=ReportedMetric(name="LSR", verdict="GOOD"))
    assert (bare.is_matched, figure().is_matched) == (None, None)
    assert explain_difference(Metric.LSR, bare) == explain_difference(Metric.LSR, figure()) == ""


def test_our_deliveries_on_time_are_called_an_estimate():
    assert "estimate" in a_line(OTDR_14, 9, 10).note


@pytest.mark.parametrize(
    ("days", "window"), [(30, LSR_30), (10, LSR_10), (10.01, LSR_10), (21, LSR_30), (None, LSR_30)]
)
def test_amazons_figure_stands_beside_our_window_of_the_same_length(days, window):
    told = ReportedMetric(name="LSR", verdict="GOOD", since=days and in_days(-days), until=days and NOW)
    assert window_of(told, Metric.LSR) is window


def test_a_breach_is_certain_once_it_is_there_and_dated_today():
    broken = a_line(LSR_10, 4, 100, projection=ahead((0.2, 0.0)))
    assert (broken.breach_probability, broken.breach_on(0.05, CALENDAR, NOW)) == (1.0, on_day(0))
    coming = a_line(projection=ahead((0.01, 0.0), (0.2, 0.0), (0.1, 0.0)))
    assert (coming.breach_probability, coming.breach_on(0.05, CALENDAR, NOW)) == (0.2, on_day(2))
    assert coming.breach_on(0.3, CALENDAR, NOW) is None
    assert a_line(VTR_30, 99, 100).breach_probability is None
    assert a_line(VTR_30, 99, 100).breach_on(0.05, CALENDAR, NOW) is None


# --- what people hear ------------------------------------------------------------------------------


def test_what_people_know_of_is_over_only_once_the_chance_has_halved():
    calmer, calm = (a_line(projection=ahead((chance, 0.0))) for chance in (0.03, 0.02))
    (told,) = findings(a_line(projection=ahead((0.06, 0.0))))
    assert findings(calmer) == []
    assert [one.key for one in findings(calmer, known={told.key})] == [told.key]
    assert findings(calm, known={told.key}) == []


def test_nothing_is_said_of_a_healthy_account():
    assert findings(a_line(projection=ahead((0.01, 0.0))), a_line(VTR_30, 99, 100)) == []


def test_a_broken_limit_is_critical_and_told_with_its_counts():
    (found,) = findings(a_line(CR_7, 3, 100))
    assert (found.kind, found.subject, found.severity) == ("metric_at_risk", "CR 7 days", Severity.CRITICAL)
    assert found.text == (
        "The cancellation rate of 7 days is 3.0% (3 of 100 orders); Amazon asks for less than 2.5%."
    )
    assert found.action.startswith("Cancel nothing more")


def test_amazons_word_is_enough_whatever_we_measured():
    (found,) = findings(a_line(LSR_30, 0, 0, amazon=figure(5, 100, verdict="BAD")))
    assert found.severity is Severity.CRITICAL
    assert found.text == (
        "The late shipment rate of 30 days is not known to us yet; Amazon asks for less than 4%. "
        "Amazon's own figure is 5.0% (5 of 100) and called bad."
    )
    bare = AmazonFigure(told=ReportedMetric(name="VTR", verdict="BAD"), marketplace="M", as_of=NOW)
    (found,) = findings(a_line(VTR_30, 0, 0, amazon=bare))
    assert "Amazon's own figure is unknown and called bad." in found.text


def test_a_likely_breach_is_told_with_its_day_and_the_room_left():
    (found,) = findings(a_line(projection=ahead((0.02, 0.0), (0.06, 0.0), (0.5, 0.01))))
    assert found.severity is Severity.WARNING
    assert found.text == (
        "The late shipment rate of 10 days is 1.0% (1 of 100 orders); Amazon asks for less than 4%. "
        "It misses that on 2026-03-04 with a chance of 6% (at worst 50%); room is left for 2 more."
    )


@pytest.mark.parametrize(
    ("chance", "anyway", "told"),
    [(0.2, 0.0, True), (0.2, 0.18, False), (0.3, 0.2, True), (0.6, 0.6, True), (0.5, 0.5, False)],
    ids=["open orders", "orders to come", "both", "more likely than not", "even"],
)
def test_orders_that_are_still_to_come_are_no_news_unless_they_break_it_likelier_than_not(
    chance, anyway, told
):
    assert bool(findings(a_line(projection=ahead((chance, anyway))))) is told


def test_the_longer_window_of_late_shipments_goes_with_the_shorter():
    short, long, other = findings(a_line(LSR_10, 9), a_line(LSR_30, 9), a_line(LSR_30, 9, account="de"))
    assert (short.bundle, long.bundle, other.bundle) == ("", short.key, "")


@pytest.mark.parametrize(
    ("rule", "words"),
    [(Rule.BELOW, "less than 2.5%"), (Rule.AT_LEAST, "at least 2.5%"), (Rule.ABOVE, "more than 2.5%")],
)
def test_a_target_is_said_in_words(rule, words):
    assert target_words(Target(part=25, whole=1000, rule=rule)) == words


@pytest.mark.parametrize(
    ("status", "word", "severity", "said"),
    [
        (AccountStatus.AT_RISK, "", Severity.WARNING, "at risk of deactivation"),
        (AccountStatus.DEACTIVATED, "", Severity.CRITICAL, "has deactivated"),
        (AccountStatus.UNKNOWN, "ODD", Severity.WARNING, "'ODD'"),
    ],
)
def test_amazons_doubts_about_the_account_are_told(status, word, severity, said):
    found = status_finding("us", status, word, NOW + timedelta(hours=1), "ATVPDKIKX0DER")
    assert (found.kind, found.subject, found.severity) == ("account_status", "ATVPDKIKX0DER", severity)
    assert said in found.text


@pytest.mark.parametrize("status", [AccountStatus.NORMAL, AccountStatus.UNKNOWN])
def test_an_account_in_good_standing_is_no_news(status):
    assert status_finding("us", status, "", NOW, "us") is None
