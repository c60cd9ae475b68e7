"""What a patch does to a listing's fulfillment availability: replace swaps an entry, merge amends it."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from fbm_sync.emulator.gate.exchange import Refused
from fbm_sync.emulator.shop import JsonObject

PATH = "/attributes/fulfillment_availability"
ATTRIBUTE = "fulfillment_availability"
SELECTOR = "fulfillment_channel_code"
QUANTITY = "quantity"
LEAD_TIME = "lead_time_to_ship_max_days"
RESTOCK_DATE = "restock_date"
MAX_LEAD_TIME = 30
_KNOWN = {SELECTOR, QUANTITY, LEAD_TIME, RESTOCK_DATE, "marketplace_id"}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Patch:
    """One operation of a patch request, its structure already checked."""

    op: str
    path: str
    value: list[JsonObject] | None


@dataclass(frozen=True, slots=True)
class ChannelChange:
    """What will become live for one channel: only the named fields; None clears one; `removed` ends it."""

    channel: str
    fields: JsonObject
    removed: bool = False


@dataclass(slots=True)
class PatchOutcome:
    """The entries after the patch, what it changes on the live side, and why it may be invalid."""

    entries: list[JsonObject]
    changes: list[ChannelChange] = field(default_factory=list)
    issues: list[JsonObject] = field(default_factory=list)


def read_patches(body: Any) -> tuple[str, list[Patch]]:
    """The product type and operations of a patch body; one that cannot be parsed is refused outright."""
    if not isinstance(body, dict):
        raise bad_request("The request body is not a JSON object.")
    product_type, patches = body.get("productType"), body.get("patches")
    if not isinstance(product_type, str) or not product_type:
        raise bad_request("'productType' is required.")
    if not isinstance(patches, list) or not patches:
        raise bad_request("'patches' needs at least one operation.")
    return product_type, [_read_patch(patch) for patch in patches]


def _read_patch(patch: Any) -> Patch:
    if not isinstance(patch, dict):
        raise bad_request("A patch is not a JSON object.")
    op, path, value = patch.get("op"), patch.get("path"), patch.get("value")
    if op not in ("add", "replace", "merge", "delete"):
        raise bad_request(f"'{op}' is not a patch operation.")
    if not isinstance(path, str) or not re.fullmatch(r"/attributes/[^/]+", path):
        raise bad_request("'path' must name one top-level attribute.")
    if value is None and op != "delete":
        raise bad_request("'value' is required.")
    if value is not None and not (isinstance(value, list) and all(isinstance(v, dict) for v in value)):
        raise bad_request("'value' must be an array of objects.")
    if op == "merge" and not (value and all(_has_selector(entry) for entry in value)):
        raise Refused(400, "BAD_REQUEST", "Invalid parameters provided.", "A merge needs its selectors.")
    return Patch(op, path, value)


def bad_request(details: str) -> Refused:
    """A request Amazon's listings side cannot make sense of."""
    return Refused(400, "BAD_REQUEST", "Invalid input", details)


def apply_patches(
    entries: list[JsonObject], patches: list[Patch], *, marketplace_id: str, lead_time_alone: bool
) -> PatchOutcome:
    """Work out the submitted entries after all operations in turn; the entries given stay untouched.

    Amazon refuses a handling time that comes without a quantity, unless `lead_time_alone`. With any
    issue nothing of the whole request may be used.
    """
    outcome = PatchOutcome(copy.deepcopy(entries))
    for patch in patches:
        if patch.path != PATH:
            outcome.issues.append(issue(f"'{patch.path}' is not emulated.", patch.path.rpartition("/")[2]))
            continue
        values = patch.value or []
        outcome.issues += _value_issues(patch.op, values, lead_time_alone=lead_time_alone)
        if not outcome.issues:
            _apply(patch.op, patch.value, outcome, marketplace_id)
    return outcome


def _apply(op: str, value: list[JsonObject] | None, outcome: PatchOutcome, marketplace_id: str) -> None:
    by_channel = {entry[SELECTOR]: entry for entry in outcome.entries}
    if op == "delete":
        for channel in [entry[SELECTOR] for entry in value] if value else list(by_channel):
            if by_channel.pop(channel, None) is not None:
                outcome.changes.append(ChannelChange(channel, {}, removed=True))
        outcome.entries = list(by_channel.values())
        return
    for entry in value or []:
        channel = entry[SELECTOR]
        named = {name: entry[name] for name in (QUANTITY, LEAD_TIME, RESTOCK_DATE) if name in entry}
        if op == "merge":
            kept, live = by_channel.get(channel, {}), named
        else:
            kept, live = {}, {QUANTITY: 0, LEAD_TIME: None, RESTOCK_DATE: None} | named
        by_channel[channel] = kept | {SELECTOR: channel} | named | {"marketplace_id": marketplace_id}
        outcome.changes.append(ChannelChange(channel, live))
    outcome.entries = list(by_channel.values())


def _has_selector(entry: JsonObject) -> bool:
    return isinstance(entry.get(SELECTOR), str) and bool(entry[SELECTOR])


def _value_issues(op: str, values: list[JsonObject], *, lead_time_alone: bool) -> list[JsonObject]:
    issues = []
    channels = [entry.get(SELECTOR) for entry in values]
    if len(set(map(str, channels))) < len(channels):
        issues.append(issue(f"'{SELECTOR}' names a channel twice.", ATTRIBUTE))
    for entry in values:
        if not _has_selector(entry):
            issues.append(issue(f"'{SELECTOR}' is required but not supplied.", SELECTOR, missing=True))
        if op == "delete":
            continue
        issues += _field_issues(entry)
        if LEAD_TIME in entry and QUANTITY not in entry and not lead_time_alone:
            message = f"'{QUANTITY}' is required with '{LEAD_TIME}' but not supplied."
            issues.append(issue(message, QUANTITY, missing=True))
    return issues


def _field_issues(entry: JsonObject) -> list[JsonObject]:
    issues = [issue(f"'{name}' is not allowed here.", name) for name in entry if name not in _KNOWN]
    if QUANTITY in entry and not _is_whole(entry[QUANTITY]):
        issues.append(issue(f"'{QUANTITY}' must be a whole number of at least 0.", QUANTITY))
    if LEAD_TIME in entry and not (_is_whole(entry[LEAD_TIME]) and entry[LEAD_TIME] <= MAX_LEAD_TIME):
        message = f"'{LEAD_TIME}' must be a whole number from 0 to {MAX_LEAD_TIME}."
        issues.append(issue(message, LEAD_TIME))
    if RESTOCK_DATE in entry and not _is_day(entry[RESTOCK_DATE]):
        issues.append(issue(f"'{RESTOCK_DATE}' must be a date, YYYY-MM-DD.", RESTOCK_DATE))
    return issues


def _is_whole(value: object) -> bool:
    return type(value) is int and value >= 0


def _is_day(value: object) -> bool:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def issue(message: str, attribute: str, *, missing: bool = False) -> JsonObject:
    """One validation error in Amazon's shape; clients should not build on the code."""
    return {
        "code": "90220" if missing else "90000900",
        "message": message,
        "severity": "ERROR",
        "attributeNames": [ATTRIBUTE] if attribute in _KNOWN else [attribute],
        "categories": ["MISSING_ATTRIBUTE" if missing else "INVALID_ATTRIBUTE"],
    }
