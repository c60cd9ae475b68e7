"""The seller's own words for gates, caps and everything else a decision is argued with."""

import dataclasses
import re
from collections.abc import Iterable


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """How a gate or cap is called, and what a seller can do about it."""

    label: str
    remedy: str


GATES = {
    "policy": Words(
        label="The SKU's policy allows selling ahead",
        remedy='set backorder = "backorder" in its policy, or give it another policy in catalog.csv',
    ),
    "firm_inbound": Words(
        label="Units are firmly on their way that no open order uses",
        remedy="enter a purchase order in inbound.csv with a date and a firm status, such as confirmed",
    ),
    "supplier_receipts": Words(
        label="Enough past deliveries of the supplier are known",
        remedy="add past deliveries to receipts.csv, or lower min_receipts",
    ),
    "slip_spread": Words(
        label="The supplier's delays are predictable (days between its usual and its worst one)",
        remedy="steadier deliveries, or a higher max_slip_spread_days",
    ),
    "supplier_on_time": Words(
        label="The supplier is mostly on time",
        remedy="later dates agreed with the supplier, or a lower min_supplier_on_time",
    ),
    "demand_variation": Words(
        label="The SKU sells steadily",
        remedy="steadier sales, or a higher max_demand_cv",
    ),
    "margin": Words(
        label="The margin is worth it",
        remedy="price and unit_cost in catalog.csv, a better margin, or a lower min_margin",
    ),
    "cancel_rate": Words(
        label="The SKU's orders are seldom cancelled",
        remedy="fewer cancellations, or a higher max_cancel_rate",
    ),
    "prime_template": Words(
        label="Ships by a Prime template, which cannot carry a later promise",
        remedy="another shipping template, then prime_template = no in catalog.csv",
    ),
    "category": Words(
        label="The category may be sold ahead",
        remedy="another category in catalog.csv, or a shorter list of excluded_categories",
    ),
    "promise_horizon": Words(
        label="The promise lies within the days that Amazon shows",
        remedy="an earlier date confirmed by the supplier",
    ),
    "headroom": Words(
        label="The account's late and cancelled orders are within Amazon's limits",
        remedy="time: the rates fall as orders ship on time",
    ),
    "on_time_delivery": Words(
        label="The account's deliveries are on time often enough for Amazon",
        remedy="time: the rate rises as parcels arrive on time",
    ),
    "reserved_elsewhere": Words(
        label="Stock is merely reserved for other channels",
        remedy="a smaller reserved_elsewhere in stock.csv",
    ),
}

CAPS = {
    "inbound_share": Words(
        label="share of what is firmly on its way", remedy="more inbound, or a higher inbound_share"
    ),
    "late_risk": Words(
        label="units that will almost surely be here in time",
        remedy="more or surer inbound, or a higher late_risk",
    ),
    "headroom": Words(
        label="late orders the account can still take",
        remedy="fewer late and cancelled orders in the account, or a higher account_risk",
    ),
    "max_listed": Words(
        label="most units listed at a time", remedy="a higher max_listed, in catalog.csv or the policy"
    ),
    "max_units": Words(label="most units sold ahead", remedy="a higher max_units"),
    "max_cash": Words(
        label="value of goods sold but not here", remedy="a higher max_cash, or price in catalog.csv"
    ),
    "profit": Words(
        label="units whose margin outweighs the risk of being late",
        remedy="surer inbound, a better margin, or a lower late_order_cost",
    ),
}

_MEANINGS = (
    # what to look for, the term as shown, what it means
    (r"ATP", "ATP", "units you may still promise: all supply, less what open orders need sooner or later"),
    (
        r"slack",
        "slack",
        "ship days between the day an order can leave and its last day; below zero it is late",
    ),
    (
        r"probability",
        "95% probability",
        "of twenty promises made like this, nineteen are kept; your policy's confidence sets the number",
    ),
    (r"[Gg]ates?", "gate", "a condition for selling ahead of stock; every one must be met"),
    (r"[Cc]aps?", "cap", "a limit on the units sold ahead of stock; the smallest one counts"),
    (r"[Ll]ots?|inbound [\w-]+/", "lot", "one expected delivery: PO-7/1 is line 1 of purchase order PO-7"),
    (
        r"sold ahead|[Ss]ell(?:ing)? ahead",
        "selling ahead",
        "taking orders for goods that are still on their way",
    ),
    (r"latency buffer", "latency buffer", "units kept back for orders placed before a change takes effect"),
    (r"restock date|back in stock", "restock date", "the day from which buyers are promised the goods"),
    (r"handling", "handling time", "ship days from an order to its parcel leaving"),
    (r"safety stock", "safety stock", "units you keep for yourself: never offered, but open orders may use"),
    (
        r"[Hh]eadroom|spare orders?",
        "headroom",
        "how many more late or cancelled orders the account can take before Amazon's limits",
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


def cap_label(name: str) -> str:
    """Return how a cap is called; one recorded by another version keeps its own name."""
    return CAPS[name].label if name in CAPS else name.replace("_", " ")


def remedy(words: dict[str, Words], name: str) -> str:
    """Return what a seller can do about a gate or cap, with a dash before it."""
    return f" – {words[name].remedy}" if name in words else ""
