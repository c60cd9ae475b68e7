"""Amazon's verdict on the seller: the account health report, and what its JSON means.

Here: the pure translation. Amazon's schema and Amazon's own example spell some names differently, so both
are read. Nothing is computed or judged: rates, targets and verdicts are Amazon's. Not here: how the report is
come by (`reports`), or what follows from it.
"""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from fbm_sync.adapters.spapi.reading import MOST_UNITS, NotUnderstood, instant, section, sections, text
from fbm_sync.domain.performance import (
    AccountStatus,
    MarketplacePerformance,
    ReportedMetric,
    SellerPerformance,
)

_ACCOUNT_STATUSES = {
    "NORMAL": AccountStatus.NORMAL,
    "AT_RISK": AccountStatus.AT_RISK,
    "DEACTIVATED": AccountStatus.DEACTIVATED,
    "SUSPENDED": AccountStatus.DEACTIVATED,
}
_CANCELLATIONS = ("CR", "cancellationCount", "orderCount")
# Our name, what is counted, and out of how many.
_RATES = {
    "lateShipmentRate": ("LSR", "lateShipmentCount", "orderCount"),
    "preFulfillmentCancellationRate": _CANCELLATIONS,
    "prefulfillmentCancelRate": _CANCELLATIONS,
    "validTrackingRate": ("VTR", "validTrackingCount", "shipmentCount"),
    "onTimeDeliveryRate": ("OTDR", "onTimeDeliveryCount", "shipmentCountWithValidTracking"),
    "unitOnTimeDeliveryRate": ("unitOnTimeDeliveryRate", "unitOnTimeDeliveryCount", "totalUnitCount"),
    "invoiceDefectRate": ("invoiceDefectRate", "invoiceDefect", "orderCount"),
}
_DEFECTS = "orderDefectRate"
_DEFECT_NAMES = {"mfn": "ODR", "afn": "ODR afn"}
_DEFECT_FIELDS = ("orderWithDefects", "orderCount")
_NESTED = frozenset({"orderWithDefects", "invoiceDefect"})
_OTHER_SPELLINGS = {"documentRequest": "documentRequests"}
_NO_METRICS = frozenset({"marketplaceId", "accountHealthRating", "warningStates", "warningState"})


def read_performance(content: str, account: str) -> SellerPerformance:
    """Return what Amazon thinks of the seller. Raises `NotUnderstood` for anything but such a report.

    A measure we do not know is kept by Amazon's name, and one without its figures without them.
    """
    try:
        report = json.loads(content, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError):
        raise NotUnderstood("the report is not JSON") from None
    if not isinstance(report, dict):
        raise NotUnderstood("the report is not a JSON object")
    missing = [
        name for name in ("accountStatuses", "performanceMetrics") if not isinstance(report.get(name), list)
    ]
    if missing:
        raise NotUnderstood(f"the report has no {' and no '.join(missing)}")
    statuses = _by_marketplace(report, "accountStatuses")
    metrics = _by_marketplace(report, "performanceMetrics")
    return SellerPerformance(
        account=account,
        marketplaces=tuple(
            _marketplace(name, text(statuses.get(name, {}), "status"), metrics.get(name, {}))
            for name in dict.fromkeys([*statuses, *metrics])
        ),
    )


def _by_marketplace(report: Mapping[str, Any], name: str) -> Mapping[str, Mapping[str, Any]]:
    return {
        marketplace: entry
        for entry in sections(report, name)
        if (marketplace := text(entry, "marketplaceId")) is not None
    }


def _marketplace(name: str, status: str | None, figures: Mapping[str, Any]) -> MarketplacePerformance:
    known = _ACCOUNT_STATUSES.get(status or "", AccountStatus.UNKNOWN)
    rating = section(figures, "accountHealthRating")
    states = sections(figures, "warningStates") + sections(figures, "warningState")
    return MarketplacePerformance(
        marketplace=name,
        status=known,
        status_text=(status or "") if known is AccountStatus.UNKNOWN else "",
        metrics=tuple(_metrics(figures)),
        warnings=tuple(
            kind for one in states if text(one, "status") == "BAD" and (kind := text(one, "warningType"))
        ),
        rating=text(rating, "accountHealthRatingStatus") or text(rating, "ahrStatus"),
    )


def _metrics(figures: Mapping[str, Any]) -> Iterator[ReportedMetric]:
    for key, value in figures.items():
        if key in _NO_METRICS or not isinstance(value, dict):
            continue
        if key == _DEFECTS:
            for side, name in _DEFECT_NAMES.items():
                if isinstance(value.get(side), dict):
                    yield _metric(name, value[side], *_DEFECT_FIELDS)
        elif key in _RATES:
            name, part, whole = _RATES[key]
            yield _metric(name, value, part, whole)
        else:
            yield _metric(_OTHER_SPELLINGS.get(key, key), value, "defectsCount", None)


def _metric(name: str, json: Mapping[str, Any], part: str, whole: str | None) -> ReportedMetric:
    window = section(json, "reportingDateRange")
    return ReportedMetric(
        name=name,
        verdict=text(json, "status"),
        since=instant(window, "reportingDateFrom"),
        until=instant(window, "reportingDateTo"),
        rate=_number(json, "rate"),
        target=_number(json, "targetValue"),
        condition=text(json, "targetCondition"),
        # Of several kinds of defects together, the number is one level deeper.
        numerator=_count(section(json, part), "count") if part in _NESTED else _count(json, part),
        denominator=None if whole is None else _count(json, whole),
    )


def _number(json: Mapping[str, Any], name: str) -> Decimal | None:
    value = json.get(name)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return Decimal(value)


def _count(json: Mapping[str, Any], name: str) -> int | None:
    value = _number(json, name)
    if value is None or not 0 <= value <= MOST_UNITS or value != value.to_integral_value():
        return None
    return int(value)
