"""What a JSON_LISTINGS_FEED does: its messages change listings as patches do, and a report says so.

What can be tied to a message is that message's issue and spoils nothing else; what cannot (unreadable
JSON, a foreign seller, an id used twice) ends the whole feed. So does one negative quantity anywhere,
as sellers report of the real thing: nothing is applied then, not even the messages before it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fbm_sync.emulator.gate.exchange import Refused
from fbm_sync.emulator.jobs.job import DONE, FATAL
from fbm_sync.emulator.listings.catalogue import Catalogue, Listing
from fbm_sync.emulator.listings.patches import ATTRIBUTE, PATH, QUANTITY, SELECTOR, read_patches
from fbm_sync.emulator.listings.shapes import DATA_SETS, listing_json
from fbm_sync.emulator.shop import JsonObject, ShopRules

VERSION = "2.0"
API_VERSION = "2021-08-01"
MAX_MESSAGES = 25_000
MAX_MESSAGE_ID = 2_147_483_647
REQUIREMENTS = ("LISTING", "LISTING_PRODUCT_ONLY", "LISTING_OFFER_ONLY")
_NEEDED = {
    "UPDATE": ("productType", "attributes"),
    "PARTIAL_UPDATE": ("productType", "attributes"),
    "PATCH": ("productType", "patches"),
    "DELETE": (),
}
_FORBIDDEN = {
    "UPDATE": ("patches",),
    "PARTIAL_UPDATE": ("requirements", "patches"),
    "PATCH": ("requirements", "attributes"),
    "DELETE": ("productType", "requirements", "attributes", "patches"),
}


@dataclass(frozen=True, slots=True)
class FeedOutcome:
    """How a feed ended and the processing report that goes with it."""

    status: str
    report: JsonObject


class _Unusable(Exception):
    """The feed as a whole cannot be used."""

    def __init__(self, *issues: JsonObject, messages: int = 0) -> None:
        super().__init__()
        self.issues = list(issues)
        self.messages = messages


def failed_feed(feed_id: str, seller_id: str, *issues: JsonObject, messages: int = 0) -> FeedOutcome:
    """A feed of which nothing was applied, and why."""
    header = {"sellerId": seller_id, "version": VERSION, "feedId": feed_id}
    return FeedOutcome(FATAL, _report(header, list(issues), messages, accepted=0))


def feed_issue(message: str, *, severity: str = "ERROR", **where: Any) -> JsonObject:
    """One entry of a processing report; without a messageId it concerns the whole feed."""
    return where | {"severity": severity, "message": message}


class ListingsFeedProcessor:
    """Carries out listings feeds on the catalogue, message by message in the order given."""

    def __init__(self, rules: ShopRules, catalogue: Catalogue) -> None:
        self._rules = rules
        self._catalogue = catalogue

    def process(self, feed_id: str, content: bytes | None, now: datetime) -> FeedOutcome:
        """Apply a whole feed, or nothing of it when it cannot be used."""
        try:
            header, messages = _read_feed(content, self._rules.seller_id)
            _check_messages(messages)
        except _Unusable as error:
            return failed_feed(feed_id, self._rules.seller_id, *error.issues, messages=error.messages)
        issues: list[JsonObject] = []
        accepted: list[JsonObject] = []
        for message in messages:
            found = [_placed(issue, message) for issue in self._carry_out(message, now)]
            issues += found
            if not any(issue["severity"] == "ERROR" for issue in found):
                accepted.append(message)
        asked = header.get("report")
        report = _report(
            {"sellerId": self._rules.seller_id, "version": VERSION, "feedId": feed_id}
            | ({"report": asked} if asked else {}),
            issues,
            len(messages),
            accepted=len(accepted),
        )
        if asked:
            self._add_items(report, accepted, asked["includedData"])
        return FeedOutcome(DONE, report)

    def _carry_out(self, message: JsonObject, now: datetime) -> list[JsonObject]:
        """Apply one message and answer its issues; with an error among them it changed nothing."""
        problems = [feed_issue(text) for text in _shape_problems(message)]
        if problems:
            return problems
        sku, operation = message["sku"], message["operationType"]
        listing = self._catalogue.listings.get(sku)
        if listing is None:
            return [feed_issue(f"SKU '{sku}' not found in marketplace {self._rules.marketplace_id}.")]
        if operation == "DELETE":
            self._catalogue.withdraw(listing, now)
            return []
        patches, warnings = _as_patches(message, listing)
        if not patches:
            return warnings
        try:
            product_type, operations = read_patches(
                {"productType": message["productType"], "patches": patches}
            )
        except Refused as refusal:
            return [feed_issue(f"{refusal.error['message']}: {refusal.error['details']}")]
        answer = self._catalogue.submit(listing, product_type, operations, now, preview=False)
        return [*answer["issues"], *warnings]

    def _add_items(self, report: JsonObject, accepted: list[JsonObject], included: list[str]) -> None:
        skus = dict.fromkeys(one["sku"] for one in accepted if one["operationType"] != "DELETE")
        listings = [self._catalogue.listings[sku] for sku in skus]
        severities = [issue.get("severity") for listing in listings for issue in listing.issues]
        report["summary"]["itemSummary"] = {
            "items": len(listings),
            "errors": severities.count("ERROR"),
            "warnings": severities.count("WARNING"),
        }
        report["items"] = [listing_json(one, included, self._rules.marketplace_id) for one in listings]


def _report(header: JsonObject, issues: list[JsonObject], messages: int, *, accepted: int) -> JsonObject:
    severities = [issue["severity"] for issue in issues]
    return {
        "header": header,
        "issues": issues,
        "summary": {
            "errors": severities.count("ERROR"),
            "warnings": severities.count("WARNING"),
            "messagesProcessed": messages,
            "messagesAccepted": accepted,
            "messagesInvalid": messages - accepted,
        },
    }


def _placed(issue: JsonObject, message: JsonObject) -> JsonObject:
    """An issue of a message or of the listing behind it, as the processing report prints it."""
    where: JsonObject = {"messageId": message["messageId"]}
    if isinstance(message.get("sku"), str) and message["sku"]:
        where["sku"] = message["sku"]
    if "code" in issue:
        where["code"] = issue["code"]
    if issue.get("attributeNames"):
        where["attributeName"] = issue["attributeNames"][0]
    return feed_issue(issue["message"], severity=issue["severity"], **where)


def _read_feed(content: bytes | None, seller_id: str) -> tuple[JsonObject, list[Any]]:
    if content is None:
        raise _Unusable(feed_issue("The feed document was never uploaded."))
    try:
        document = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        raise _Unusable(feed_issue("The feed document is not JSON in UTF-8.")) from None
    header = document.get("header") if isinstance(document, dict) else None
    if not isinstance(header, dict):
        raise _Unusable(feed_issue("'header' is required."))
    problems = list(_header_problems(header, seller_id))
    messages = document.get("messages")
    if not isinstance(messages, list) or not 1 <= len(messages) <= MAX_MESSAGES:
        problems.append(f"'messages' must hold from 1 to {MAX_MESSAGES} messages.")
    if problems:
        raise _Unusable(*map(feed_issue, problems))
    return header, messages


def _header_problems(header: JsonObject, seller_id: str) -> Iterator[str]:
    if header.get("sellerId") != seller_id:
        yield "'header.sellerId' is not the seller who submitted the feed."
    if header.get("version") != VERSION:
        yield f"'header.version' must be \"{VERSION}\"."
    if not isinstance(header.get("issueLocale", ""), str):
        yield "'header.issueLocale' must be a text."
    if "report" not in header:
        return
    report = header["report"] if isinstance(header["report"], dict) else {}
    included = report.get("includedData")
    known = isinstance(included, list) and bool(included) and all(name in DATA_SETS for name in included)
    if not known or report.get("apiVersion") != API_VERSION:
        yield "'header.report' needs 'includedData' with known data sets and 'apiVersion'."


def _check_messages(messages: list[Any]) -> None:
    """End the feed when its messages cannot be told apart, or when a quantity is negative."""
    ids: set[int] = set()
    problems = []
    for message in messages:
        message_id = message.get("messageId") if isinstance(message, dict) else None
        if type(message_id) is not int or not 1 <= message_id <= MAX_MESSAGE_ID:
            problems.append(feed_issue(f"A message has no valid 'messageId': {message_id!r:.40}."))
        elif message_id in ids:
            problems.append(feed_issue(f"'messageId' {message_id} is used more than once."))
        else:
            ids.add(message_id)
    if not problems:
        text = f"'{QUANTITY}' is negative; the whole feed is refused."
        problems = [
            _placed(feed_issue(text) | {"attributeNames": [ATTRIBUTE]}, message)
            for message in messages
            if any(quantity < 0 for quantity in _quantities(message))
        ]
    if problems:
        raise _Unusable(*problems, messages=len(messages))


def _quantities(message: JsonObject) -> Iterator[int]:
    attributes, patches = message.get("attributes"), message.get("patches")
    values = [attributes.get(ATTRIBUTE)] if isinstance(attributes, dict) else []
    values += [
        patch.get("value")
        for patch in (patches if isinstance(patches, list) else [])
        if isinstance(patch, dict) and patch.get("path") == PATH
    ]
    for entries in values:
        for entry in entries if isinstance(entries, list) else []:
            quantity = entry.get(QUANTITY) if isinstance(entry, dict) else None
            if type(quantity) is int:
                yield quantity


def _shape_problems(message: JsonObject) -> Iterator[str]:
    if not isinstance(message.get("sku"), str) or not message["sku"]:
        yield "'sku' is required."
    operation = message.get("operationType")
    if not isinstance(operation, str) or operation not in _NEEDED:
        yield f"'operationType' must be one of {', '.join(_NEEDED)}."
        return
    for name in _NEEDED[operation]:
        kind = {"attributes": dict, "patches": list}.get(name, str)
        if not isinstance(message.get(name), kind) or not message[name]:
            yield f"'{name}' is required for {operation}."
    for name in _FORBIDDEN[operation]:
        if name in message:
            yield f"'{name}' does not go with {operation}."
    if operation == "UPDATE" and message.get("requirements", "LISTING") not in REQUIREMENTS:
        yield f"'requirements' must be one of {', '.join(REQUIREMENTS)}."


def _as_patches(message: JsonObject, listing: Listing) -> tuple[list[Any], list[JsonObject]]:
    """The same as patch operations, and what the emulator leaves as it was.

    PARTIAL_UPDATE replaces what it names. UPDATE replaces the listing: channels it does not name end.
    Product facts are no matter of the emulator, so those of an UPDATE are passed over with a warning.
    """
    if message["operationType"] == "PATCH":
        return message["patches"], []
    attributes = message["attributes"]
    if message["operationType"] == "PARTIAL_UPDATE":
        return [_replacement(name, value) for name, value in attributes.items()], []
    warnings = [
        feed_issue(f"'{name}' is left as it is.", severity="WARNING") | {"attributeNames": [name]}
        for name in attributes
        if name != ATTRIBUTE
    ]
    if message.get("requirements") == "LISTING_PRODUCT_ONLY":
        return [], warnings
    entries = attributes.get(ATTRIBUTE)
    known = entries if isinstance(entries, list) else []
    named = [entry.get(SELECTOR) for entry in known if isinstance(entry, dict)]
    ended = [{SELECTOR: one[SELECTOR]} for one in listing.submitted if one[SELECTOR] not in named]
    patches: list[JsonObject] = [{"op": "delete", "path": PATH, "value": ended}] if ended else []
    if ATTRIBUTE in attributes:
        patches.append(_replacement(ATTRIBUTE, entries))
    return patches, warnings


def _replacement(name: str, value: Any) -> JsonObject:
    return {"op": "replace", "path": f"/attributes/{name}", "value": value}
