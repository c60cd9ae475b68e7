"""Why a SKU is offered as it is, in a seller's words."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from fbm_sync.cli.explanation import Explanation, Local
from fbm_sync.cli.wording import CAPS, GATES, cap_label, gate_title, needed, plainly, remedy
from fbm_sync.domain.decision import Fact, OfferDecision
from fbm_sync.domain.explain import Turn, TurnKind, turns_of_offer
from fbm_sync.domain.hold import DroppedChange, Hold
from fbm_sync.domain.listing import ListingMode, count_units, describe
from fbm_sync.domain.order import Sku

_MODES = {
    ListingMode.IN_STOCK: "Sold from stock",
    ListingMode.BACKORDER: "Sold ahead of stock, as a backorder (buyers order goods that are on their way)",
    ListingMode.PREORDER: "Sold ahead of stock, as a preorder (buyers order goods before the first arrive)",
    ListingMode.SOLD_OUT: "Not on sale",
}


def explain_offer(one: OfferDecision, asked_at: datetime | None, said: Sequence[str] = ()) -> Explanation:
    """Explain a SKU's offer from the record of its decision, and what people `said` of it."""
    return Explanation(
        subject=f"SKU {one.sku} (account {one.account})",
        answer=f"{_MODES[one.mode]}: {_offer_words(one)}",
        why=[*(plainly(reason) for reason in one.reasons), *said],
        facts=[
            *one.facts,
            Fact(name="free to promise today (ATP)", value=count_units(one.atp_today), as_of=one.decided_at),
        ],
        rules=[plainly(rule) for rule in one.rules],
        rejected=[plainly(other) for other in one.rejected],
        would_change=[(turn, _offer_turn(turn)) for turn in turns_of_offer(one)],
        gates=one.gates,
        cap=one.cap,
        asked_at=asked_at,
        decided_at=one.decided_at,
        run_id=one.run_id,
    )


def said_of(
    one: OfferDecision,
    holds: Iterable[Hold],
    dropped: Mapping[Sku, DroppedChange],
    now: datetime,
    local: Local,
) -> Iterator[str]:
    """Say whether a change waits for a person, was let go or was said no to."""
    change, no = one.change, dropped.get(one.sku)
    if change is None or change.is_decrease:
        return
    if no is not None and no.stops(change):
        yield (
            f"A person said no to this change on {local(no.dropped_at)} (hold {no.hold_id}): it is not made "
            "until something else is decided."
        )
        return
    for hold in holds:
        if hold.account != one.account or all(held.sku != one.sku for held in hold.changes):
            continue
        if hold.is_released(now):
            yield f"A person let this change go (hold {hold.hold_id})."
        else:
            yield f"The change waits for a person (hold {hold.hold_id}): {'; '.join(hold.reasons)}."


def _offer_words(one: OfferDecision) -> str:
    """Say what buyers should see, and what they see as long as that is something else."""
    if one.desired is None:
        return "the listing is left as it is."
    # What a listing that sells nothing promises is no promise.
    wanted = describe(one.desired) if one.desired.quantity else count_units(0)
    if one.observed is None:
        return f"{wanted}."
    return f"{wanted}. Amazon shows {'that already' if one.change is None else describe(one.observed)}."


def _offer_turn(turn: Turn) -> str:
    units = "" if turn.units is None else count_units(turn.units)
    match turn.kind:
        case TurnKind.RECORD:
            return (
                "That this cause goes away: a row for it in stock.csv, no lock in catalog.csv, or no other "
                "channel on its listing."
            )
        case TurnKind.FRESH_COUNT:
            return "A stock list that was counted lately: then quantities may rise again."
        case TurnKind.SALES:
            return f"Orders for the {units} that are free, or a count that no longer finds them."
        case TurnKind.STOCK:
            return f"{units} more on the shelf: then it sells from stock."
        case TurnKind.LANDING:
            return (
                f"The next lot with units to spare landing: {turn.name} with {units}, ready to ship "
                f"{turn.on}; waiting orders come first."
            )
        case TurnKind.GATE:
            return _gate_turn(turn, units)
    return _cap_turn(turn, units)


def _gate_turn(turn: Turn, units: str) -> str:
    """Say what opens a gate, and how many units could be sold then."""
    asked = f"{needed(turn.needed)}{remedy(GATES, turn.name)}"
    text = f"{gate_title(turn.name)}: now {turn.now}; needed: {asked}."
    if turn.alone:
        return f"{text} This alone is in the way of selling {units} ahead."
    return f"{text} It is not the only thing in the way."


def _cap_turn(turn: Turn, units: str) -> str:
    """Say what raises the smallest cap, and which the next one is."""
    reach = f"then up to {units} could be sold ahead" if units else "then it would set no limit"
    together = "" if turn.alone else ", together with the other limits as small"
    return f"The limit '{cap_label(turn.name)}'{remedy(CAPS, turn.name)}: {reach}{together}."
