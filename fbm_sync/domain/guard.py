"""How much one push may change before a person is asked: absolute numbers and shares, whichever is less.

Refuse the absurd: a wrong mass update costs a seller the account. Decreases always go, because they can
cost sales but never the account.
"""

import dataclasses
from collections.abc import Collection, Iterable
from fractions import Fraction

from fbm_sync.domain.change import PushLimits
from fbm_sync.domain.listing import OfferChange

_SMALL_SHOP_CHANGES = 10
"""Share limits never allow fewer SKUs than this: 30 % of three listings would hold everything."""

_SMALL_SHOP_UNITS = 1_000
"""Nor fewer units than this: one ordinary delivery is more than all that a small shop has on sale."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OnSale:
    """What an account shows now: its listings, and the units on sale on them; shares are of these."""

    listings: int = 0
    units: int = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GuardedPush:
    """Changes sorted by what may happen to them: go now, or wait for a person, and why."""

    go: tuple[OfferChange, ...]
    held: tuple[OfferChange, ...] = ()
    reasons: tuple[str, ...] = ()


def guard_push(changes: Iterable[OfferChange], on_sale: OnSale, limits: PushLimits) -> GuardedPush:
    """Let a push go, or hold all of it but its decreases when it would change an absurd part of the shop.

    Decreases count with the rest, though they go: a shop that is being emptied is no time to raise.
    """
    ordered = most_urgent_first(changes)
    reasons = _breached_limits(ordered, on_sale, limits)
    held = tuple(change for change in ordered if not change.is_decrease) if reasons else ()
    if not held:
        return GuardedPush(go=ordered)
    go = tuple(change for change in ordered if change.is_decrease)
    return GuardedPush(go=go, held=held, reasons=reasons)


def is_modest(changes: Collection[OfferChange]) -> bool:
    """Tell whether a push is so small that no share is broken, however little the shop has on sale."""
    raised = sum(change.raised_units for change in changes)
    return len(changes) <= _SMALL_SHOP_CHANGES and raised <= _SMALL_SHOP_UNITS


def most_urgent_first(changes: Iterable[OfferChange]) -> tuple[OfferChange, ...]:
    """Put zero-outs first, then other decreases, then the rest; ties by SKU."""
    return tuple(sorted(changes, key=lambda one: (not one.zeroes, not one.is_decrease, one.sku)))


def _breached_limits(
    changes: tuple[OfferChange, ...], on_sale: OnSale, limits: PushLimits
) -> tuple[str, ...]:
    zeroed = sum(change.zeroes for change in changes)
    raised = sum(change.raised_units for change in changes)
    longer = sum(change.lengthens for change in changes)

    def of_listings(share: float) -> int:
        return max(_SMALL_SHOP_CHANGES, _part(share, on_sale.listings))

    of_units = max(_SMALL_SHOP_UNITS, _part(limits.max_raised_share, on_sale.units))
    checks = (
        ("SKUs changed", len(changes), limits.max_changed, "max_changed"),
        ("SKUs changed", len(changes), of_listings(limits.max_changed_share), "max_changed_share"),
        ("SKUs taken off sale", zeroed, limits.max_zeroed, "max_zeroed"),
        ("SKUs taken off sale", zeroed, of_listings(limits.max_zeroed_share), "max_zeroed_share"),
        ("units raised", raised, limits.max_raised_units, "max_raised_units"),
        ("units raised", raised, of_units, "max_raised_share"),
        ("SKUs promised later", longer, limits.max_lengthened, "max_lengthened"),
        ("SKUs promised later", longer, of_listings(limits.max_lengthened_share), "max_lengthened_share"),
    )
    return tuple(
        f"{count} {what}, limits.{name} allows {allowed}"
        for what, count, allowed, name in checks
        if count > allowed
    )


def _part(share: float, whole: int) -> int:
    """Return a share of a number in whole units, by the decimals that the seller wrote."""
    return int(Fraction(str(share)) * whole)
