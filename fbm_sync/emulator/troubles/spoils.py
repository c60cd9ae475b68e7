"""What a fault makes of an answer: made-up refusals, broken JSON, words nobody knows, fields left out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from fbm_sync.emulator.gate.exchange import Answer
from fbm_sync.emulator.shop import JsonObject

_CODES = {
    400: "InvalidInput",
    403: "Unauthorized",
    404: "NotFound",
    429: "QuotaExceeded",
    500: "InternalFailure",
    503: "ServiceUnavailable",
}
_TEXT = "Emulated fault."
_ELSEWHERE = "/maintenance.html"


def made_up_answer(status: int, body: str) -> Answer:
    """A refusal that no operation gave, in one of the bodies Amazon's gateways are seen to send."""
    if body == "html":
        page = f"<html><body><h1>{status} {_TEXT}</h1></body></html>"
        return Answer(status=status, body=page, media_type="text/html")
    if body == "empty":
        return Answer(status=status, body="", media_type="text/plain")
    bodies: dict[str, JsonObject] = {
        "message": {"message": _TEXT},
        "no_errors": {"errors": []},
        "errors": {"errors": [{"code": _CODES.get(status, "Fault"), "message": _TEXT, "details": ""}]},
    }
    return Answer(status=status, body=bodies[body])


def redirection() -> Answer:
    """A page that sends the client elsewhere on the same host, where nothing of use is found."""
    page = f'<html><body><p>Moved <a href="{_ELSEWHERE}">here</a>.</p></body></html>'
    return Answer(status=302, body=page, media_type="text/html", headers={"Location": _ELSEWHERE})


def cut_json(answer: Answer) -> None:
    """Break the JSON off in the middle; the length announced is that of the half."""
    text = answer.body if isinstance(answer.body, str | bytes) else json.dumps(answer.body)
    answer.body = text[: len(text) // 2]


def listed(answer: Answer) -> None:
    """Put the answer into a list, where an object is expected."""
    answer.body = [answer.body]


JSON_SPOILS: dict[str, Callable[[Answer], None]] = {"cut": cut_json, "list": listed}

NEW_WORD = "NOT_KNOWN_YET"
# Where Amazon's lists of words stand: closed ones, which it has extended before, and open ones.
_WORD_KEYS = frozenset(
    {
        "fulfillmentStatus",
        "fulfilledBy",
        "fulfillmentServiceLevel",
        "detailedStatus",
        "requester",
        "cancelledBy",
        "cancelReason",
        "conditionType",
        "conditionSubtype",
        "severity",
        "offerType",
    }
)
_WORD_LISTS = frozenset({"programs", "categories", "status"})


def with_new_words(document: Any, key: str = "") -> Any:
    """The document with a word nobody knows in every list of words."""
    if isinstance(document, dict):
        changed = {name: with_new_words(value, name) for name, value in document.items()}
        if key == "packageStatus":
            changed["status"] = NEW_WORD
        if "orderId" in changed and "orderItems" in changed:
            changed["programs"] = [*changed.get("programs", []), NEW_WORD]
        return changed
    if isinstance(document, list):
        words = [NEW_WORD] if key in _WORD_LISTS and key != "programs" else []
        return [with_new_words(one) for one in document] + words
    return NEW_WORD if key in _WORD_KEYS else document


# What Amazon's models promise of an order and of a listing, object by object; everything else may be missing.
_PROMISED: JsonObject = {
    "orderId": None,
    "createdTime": None,
    "lastUpdatedTime": None,
    "salesChannel": {"channelName": None},
    "orderItems": {"orderItemId": None, "quantityOrdered": None, "product": {}},
}
_PROMISED_LISTING: JsonObject = {"sku": None}


def only_promised(body: JsonObject) -> JsonObject:
    """The answer with no more of its orders or listings than Amazon's model requires."""
    spare: JsonObject = dict(body)
    if isinstance(body.get("orders"), list):
        spare["orders"] = _kept(body["orders"], _PROMISED)
    if isinstance(body.get("order"), dict):
        spare["order"] = _kept(body["order"], _PROMISED)
    if isinstance(body.get("items"), list):
        spare["items"] = _kept(body["items"], _PROMISED_LISTING)
    if "sku" in body and "submissionId" not in body:
        spare = _kept(body, _PROMISED_LISTING)
    return spare


def _kept(document: Any, promised: JsonObject | None) -> Any:
    if isinstance(document, list):
        return [_kept(one, promised) for one in document]
    if promised is None or not isinstance(document, dict):
        return document
    return {name: _kept(value, promised[name]) for name, value in document.items() if name in promised}
