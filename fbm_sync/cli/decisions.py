"""How a decided offer is shown: in words, and in the documented shape."""

from typing import Any

from fbm_sync.domain.decision import OfferDecision
from fbm_sync.domain.listing import Offer, OfferChange, describe


def offer_words(offer: Offer | None) -> str:
    """Say an offer in words; a dash for none."""
    return "–" if offer is None else describe(offer)


def decision_json(one: OfferDecision) -> dict[str, Any]:
    """Return a decision in the documented shape."""
    return {
        "account": one.account,
        "sku": one.sku,
        "mode": one.mode.value,
        "desired": offer_json(one.desired),
        "observed": offer_json(one.observed),
        "change": change_json(one.change),
        "atp_today": one.atp_today,
        "cap": {"binding": one.cap.binding, "limits": dict(one.cap.limits)} if one.cap else None,
        "gates": [
            {"name": gate.name, "passed": gate.passed, "value": gate.value, "limit": gate.limit}
            for gate in one.gates
        ],
        "reasons": list(one.reasons),
    }


def offer_json(offer: Offer | None) -> dict[str, Any] | None:
    """Return an offer's three numbers."""
    if offer is None:
        return None
    return {"quantity": offer.quantity, "handling_days": offer.handling_days, "restock_on": offer.restock_on}


def change_json(change: OfferChange | None) -> dict[str, Any] | None:
    """Return only the fields that change, each as [before, after]."""
    if change is None:
        return None
    before, after = offer_json(change.before) or {}, offer_json(change.after) or {}
    return {name: [before[name], after[name]] for name in after if before[name] != after[name]}
