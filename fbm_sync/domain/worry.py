"""What is wrong with a SKU whatever is decided about its offer, told from the same facts."""

from fbm_sync.domain.decision import Worry, WorryKind


def worries_of(
    *, on_hand: int, safety_stock: int, shelf_units: int, taken: int, offered: int, expected: int
) -> tuple[Worry, ...]:
    """Return what is wrong with a SKU's stock and inbound.

    Open orders use `shelf_units` of the `on_hand` ones, of which `safety_stock` should stay. They take
    `taken` units of the `expected` inbound, and so many more are `offered` ahead of it at Amazon. Nothing
    is over-committed while nothing is offered: what orders lack then is a shortage of their own.
    """
    found = []
    withheld = max(0, min(safety_stock, on_hand))
    eaten = min(withheld, shelf_units - (on_hand - withheld))
    if eaten > 0:
        found.append(Worry(kind=WorryKind.SAFETY_STOCK_BREACHED, units=eaten, of_units=safety_stock))
    beyond = taken + offered - expected
    if offered > 0 and beyond > 0:
        found.append(
            Worry(
                kind=WorryKind.INBOUND_OVERCOMMITTED,
                units=beyond,
                of_units=expected,
                taken=taken,
                offered=offered,
            )
        )
    return tuple(found)
