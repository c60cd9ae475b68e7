"""The account's health: what is recorded of it, measured, compared with Amazon's word and projected."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from fbm_sync.domain.alert import Finding
from fbm_sync.domain.health import targets_of, worst_stated
from fbm_sync.domain.health_finding import metric_findings, status_finding
from fbm_sync.domain.health_line import AmazonFigure, HealthLine, window_of
from fbm_sync.domain.performance import AccountStatus, SellerPerformance
from fbm_sync.domain.projection import Outset, days_ahead, project
from fbm_sync.domain.shop import ShopTerms
from fbm_sync.domain.standing import (
    LSR_30,
    WINDOWS,
    Basis,
    HealthTerms,
    Metric,
    Span,
    Tally,
    Window,
)
from fbm_sync.flows.facts import load_performance
from fbm_sync.ports import Books

SOURCE = "health"
"""Under this name findings about the account's health are noted."""

LOOK_EVERY = timedelta(minutes=15)
"""A projection takes a while with many open orders; between two of them the former findings stand."""

_PROJECTED = (Metric.LSR, Metric.CR, Metric.OTDR)
_BY_BASIS = (Metric.LSR, Metric.CR)
_WORDS = {"SUSPENDED": AccountStatus.DEACTIVATED}


def look_at_health(books: Books, terms: ShopTerms, now: datetime) -> None:
    """Note what is wrong with the health of the accounts, unless that was done a moment ago.

    News from Amazon are reason enough to look again.
    """
    noted_at = books.alerts.noted_at(SOURCE)
    if noted_at is not None and noted_at <= now < noted_at + LOOK_EVERY:
        heard = (_heard_at(books, account) for account in terms.accounts)
        if all(at is None or at <= noted_at for at in heard):
            return
    books.alerts.note(SOURCE, health_findings(books, terms, now), now)


def health_findings(books: Books, terms: ShopTerms, now: datetime) -> list[Finding]:
    """Return all that is wrong with the health of the accounts."""
    found: list[Finding] = []
    known = {finding.key for finding in books.alerts.noted()}
    for account in terms.accounts:
        lines = health_of(books, terms, account, now)
        calendar = terms.calendars.of(account)
        found += metric_findings(lines, calendar, now, terms.health.breach_probability, known)
        found += _status_findings(books, account, now)
    return found


def health_of(books: Books, terms: ShopTerms, account: str, now: datetime) -> tuple[HealthLine, ...]:
    """Return every measure of an account: ours, Amazon's, and where it is going."""
    reported = load_performance(books, account, now)
    targets, figures = targets_of(reported), _figures(books, terms, reported, now)
    spans = {window: [window.span(now), *_spans_ahead(window, now)] for window in WINDOWS}
    asked = [span for some in spans.values() for span in some] + _past_spans(now)
    counted = dict(zip(asked, books.orders.tallies(account, asked, now, terms.health), strict=True))
    open_orders = books.orders.open_orders(account)
    pace = books.orders.pace(account, now)
    lines = []
    for window in WINDOWS:
        target = targets.get(window.metric)
        now_counted, *ahead = (counted[span] for span in spans[window])
        projection = None
        if window.metric in _PROJECTED:
            past = counted[_past_span(window.metric, now)]
            outset = Outset(open_orders=open_orders, pace=pace, past=past)
            projection = project(window, ahead, outset, now, terms.health, target)
        lines.append(
            HealthLine(
                account=account,
                standing=window.standing(now_counted, target),
                amazon=figures.get(window),
                projection=projection,
            )
        )
    return tuple(lines)


def _spans_ahead(window: Window, now: datetime) -> list[Span]:
    return [window.span(now, ahead_days=days) for days in days_ahead(window)]


def _past_span(metric: Metric, now: datetime) -> Span:
    """Return the span from which it is learned how often an order goes wrong: a month."""
    return Span(metric, now - timedelta(days=LSR_30.days), now)


def _past_spans(now: datetime) -> list[Span]:
    return [_past_span(metric, now) for metric in _PROJECTED]


def _figures(
    books: Books, terms: ShopTerms, reported: SellerPerformance | None, now: datetime
) -> Mapping[Window, AmazonFigure]:
    """Return Amazon's figures by the window they belong to, each with our count over the same days."""
    figures: dict[Window, AmazonFigure] = {}
    for metric in Metric:
        worst = worst_stated(reported, metric)
        if reported is None or reported.read_at is None or worst is None:
            continue
        place, told = worst
        recount: Tally | None = None
        by_basis: Mapping[Basis, Tally] = {}
        if told.since is not None and told.until is not None:
            span = Span(metric, told.since, told.until, place.marketplace)
            (recount,) = books.orders.tallies(reported.account, [span], now, terms.health)
            if metric in _BY_BASIS and recount != (told.numerator, told.denominator):
                by_basis = _recounts(books, reported.account, span, now)
        figures[window_of(told, metric)] = AmazonFigure(
            told=told,
            marketplace=place.marketplace,
            as_of=reported.read_at,
            recount=recount,
            by_basis=by_basis,
        )
    return figures


def _recounts(books: Books, account: str, span: Span, now: datetime) -> Mapping[Basis, Tally]:
    """Return what counting by each moment of an order gives over the same days."""
    return {
        basis: books.orders.tallies(account, [span], now, HealthTerms(lsr_by=basis, cr_by=basis))[0]
        for basis in Basis
    }


def _heard_at(books: Books, account: str) -> datetime | None:
    """Return when Amazon's word on an account was last heard."""
    told, reported = books.health.status(account), books.health.performance(account)
    moments = (told.told_at if told else None, reported.read_at if reported else None)
    return max((at for at in moments if at is not None), default=None)


def _status_findings(books: Books, account: str, now: datetime) -> list[Finding]:
    """Return what Amazon thinks of the account, by what it said last: its report, or its announcement."""
    told, reported = books.health.status(account), load_performance(books, account, now)
    read_at = reported.read_at if reported else None
    if told is not None and (read_at is None or told.told_at >= read_at):
        status = _WORDS.get(told.status) or _status_of(told.status)
        one = status_finding(account, status, told.status, told.told_at, account)
        return [one] if one is not None else []
    found = [
        status_finding(account, place.status, place.status_text, read_at, place.marketplace)
        for place in (reported.marketplaces if reported else ())
        if read_at is not None
    ]
    return [one for one in found if one is not None]


def _status_of(word: str) -> AccountStatus:
    return AccountStatus(word) if word in set(AccountStatus) else AccountStatus.UNKNOWN
