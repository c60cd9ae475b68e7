"""The seller's own words for gates, caps and everything else a decision is argued with."""

import dataclasses
import re
from collections.abc import Iterable
from datetime import date


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """How a gate or cap is called, and what a seller can do about it."""

    label: str
    remedy: str


GATES = {
    "policy": Words(
        label="what its policy allows",
        remedy='set backorder = "backorder" in its policy, or give it another policy in catalog.csv',
    ),
    "firm_inbound": Words(
        label="units firmly on their way that no open order uses",
        remedy="enter a purchase order in inbound.csv with a date and a firm status, such as confirmed",
    ),
    "supplier_receipts": Words(
        label="past deliveries known of its supplier",
        remedy="add past deliveries to receipts.csv, or lower min_receipts",
    ),
    "slip_spread": Words(
        label="how unpredictable its supplier is (days between the usual and a bad delay)",
        remedy="steadier deliveries, or a higher max_slip_spread_days",
    ),
    "supplier_on_time": Words(
        label="its supplier's deliveries that came on time",
        remedy="later dates agreed with the supplier, or a lower min_supplier_on_time",
    ),
    "demand_variation": Words(
        label="how far its daily sales swing around their average",
        remedy="steadier sales, or a higher max_demand_cv",
    ),
    "margin": Words(
        label="its margin, as a share of the price",
        remedy="price and unit_cost in catalog.csv, a better margin, or a lower min_margin",
    ),
    "cancel_rate": Words(
        label="its orders that were cancelled",
        remedy="fewer cancellations, or a higher max_cancel_rate",
    ),
    "prime_template": Words(
        label="a Prime template, which cannot carry a later promise",
        remedy="another shipping template, then prime_template = no in catalog.csv",
    ),
    "category": Words(
        label="its category",
        remedy="another category in catalog.csv, or a shorter list of excluded_categories",
    ),
    "promise_horizon": Words(
        label="the day that could be promised",
        remedy="an earlier date confirmed by the supplier",
    ),
    "restock_date": Words(
        label="the restock date, as Amazon uses it",
        remedy="the listing saved by hand in Seller Central; after a week it is tried again",
    ),
    "headroom": Words(
        label="the account's late and cancelled orders",
        remedy="time: the rates fall as orders ship on time",
    ),
    "on_time_delivery": Words(
        label="the account's deliveries on time, by Amazon's own figure",
        remedy="time: the rate rises as parcels arrive on time",
    ),
    "reserved_elsewhere": Words(
        label="stock on the shelf that is merely reserved for other channels",
        remedy="a smaller reserved_elsewhere in stock.csv",
    ),
}

CAPS = {
    "inbound_share": Words(label="share of inbound", remedy="more inbound, or a higher inbound_share"),
    "late_risk": Words(label="sure enough in time", remedy="more or surer inbound, or a higher late_risk"),
    "headroom": Words(
        label="the account's room",
        remedy="fewer late and cancelled orders in the account, or a higher account_risk",
    ),
    "max_listed": Words(
        label="size of a listing", remedy="a higher max_listed, in catalog.csv or the policy"
    ),
    "unproven_units": Words(
        label="the restock date is not proven yet",
        remedy="one order that is due by the restock date, or a higher unproven_units",
    ),
    "max_units": Words(label="most units ahead", remedy="a higher max_units"),
    "max_cash": Words(
        label="money taken for goods not here", remedy="a higher max_cash, or price in catalog.csv"
    ),
    "profit": Words(
        label="worth the risk", remedy="surer inbound, a better margin, or a lower late_order_cost"
    ),
}

_MEANINGS = (
    # what to look for, the term as shown, what it means
    (r"ATP", "ATP", "available to promise: all supply, less what open orders need sooner or later"),
    (
        r"slack",
        "slack",
        "ship days between the day an order can leave and its last day in time; below zero it is late",
    ),
    (
        r"probability",
        "probability",
        "at 95%, nineteen of twenty promises made like this are kept; your policy's confidence sets it",
    ),
    (
        r"weigh like",
        "weigh like",
        "older deliveries count less (half_life_receipts in the policy), so they are worth fewer of today's",
    ),
    (r"[Ll]ots?\b|inbound [\w-]+/", "lot", "one expected delivery: PO-7/1 is line 1 of purchase order PO-7"),
    (r"restock date", "restock date", "the day from which buyers are told the goods are back in stock"),
    (r"handling", "handling", "ship days from an order to its parcel leaving"),
    (r"safety stock", "safety stock", "units you keep for yourself: never offered, but open orders may use"),
    (
        r"spare orders?",
        "spare order",
        "one more late or cancelled order that the account can take before Amazon's limits",
    ),
    (
        r"LSR",
        "LSR",
        "late shipment rate: orders confirmed after their ship-by; Amazon's limit is 4 % over ten days",
    ),
    (
        r"\bCR\b",
        "CR",
        "cancellation rate: orders you cancelled before shipping; Amazon's limit is 2.5 % over seven days",
    ),
    (r"OTDR", "OTDR", "on-time delivery rate: parcels that arrived by the day buyers were promised"),
    (r"[Ss]hip-by", "ship-by", "the last moment at which Amazon counts the shipment as on time"),
    (r"[Ss]hip days?", "ship day", "a day on which your parcels leave"),
)


def meanings(texts: Iterable[str]) -> dict[str, str]:
    """Return what the special words in some texts mean, in a fixed order; only those that occur."""
    text = "\n".join(texts)
    return {term: meaning for pattern, term, meaning in _MEANINGS if re.search(pattern, text)}


def gate_label(name: str) -> str:
    """Return how a gate is called; one recorded by another version keeps its own name."""
    return GATES[name].label if name in GATES else name.replace("_", " ")


def gate_title(name: str) -> str:
    """Return how a gate is called at the beginning of a line."""
    label = gate_label(name)
    return label[:1].upper() + label[1:]


def cap_label(name: str) -> str:
    """Return how a cap is called; one recorded by another version keeps its own name."""
    return CAPS[name].label if name in CAPS else name.replace("_", " ")


def remedy(words: dict[str, Words], name: str) -> str:
    """Return what a seller can do about a gate or cap, with a dash before it."""
    return f" – {words[name].remedy}" if name in words else ""


# --- what is recorded in the program's words, said in the seller's ---------------------------------

_PLAIN = (
    ("ATP today", "units free to promise today"),
    ("latency buffer", "units kept back for orders already under way"),
    ("every gate passed", "every condition is met"),
    ("the smallest cap", "the smallest limit"),
    ("(standard deviation over mean, by day)", "times that average"),
    ("LSR and CR inside Amazon's limits", "inside Amazon's limits"),
    ("OTDR at least", "at least"),
)
_CAP_NAMED = re.compile(rf"\b(The limit that binds is|the cap) ({'|'.join(CAPS)})\b")
_GATE_NAMED = re.compile(rf"(: |, because of )({'|'.join(GATES)}): ")
# Not where it is part of a name, an instant or something to copy into a command.
_DAY = re.compile(r"((?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) )?(?<![\w:/'-])(\d{4}-\d\d-\d\d)(?![\w/-]|:\d)")
_MANY = re.compile(r"\b\d{5,}(?= units?\b)")


_OFF = ("off", "at least 0", "at least 0%")


def needed(limit: str) -> str:
    """Say what a gate asks for."""
    return "nothing, it is switched off" if limit in _OFF else plainly(limit)


def plainly(text: str) -> str:
    """Say a recorded sentence without the program's own terms and names of gates and caps."""
    for term, words in _PLAIN:
        text = text.replace(term, words)
    text = _CAP_NAMED.sub(_plain_cap, text)
    return _GATE_NAMED.sub(lambda found: f" because of {gate_label(found[2])}: ", text)


def _plain_cap(found: re.Match[str]) -> str:
    which = "The smallest limit is" if found[1].startswith("The") else "the limit"
    return f"{which} '{cap_label(found[2])}'"


def readable(text: str) -> str:
    """Give each day its weekday and large numbers of units their commas."""
    return _MANY.sub(lambda found: f"{int(found[0]):,}", _DAY.sub(_with_weekday, text))


def _with_weekday(found: re.Match[str]) -> str:
    try:
        return f"{date.fromisoformat(found[2]):%a} {found[2]}"
    except ValueError:  # it only looks like a day
        return found[0]
