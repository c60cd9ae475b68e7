"""Supply: the seller's own records, believed unless they look broken."""

import dataclasses
from collections.abc import Collection

from fbm_sync.domain.supply import SupplySnapshot, doubts_about
from fbm_sync.errors import ConfigError
from fbm_sync.ports import Clock, Ledger, SupplySource


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SupplyPulled:
    """How many SKUs and open lots the seller's records name, or why the new ones were refused."""

    skus: int = 0
    lots: int = 0
    refused: tuple[str, ...] = ()


def pull_supply(
    source: SupplySource,
    ledger: Ledger,
    clock: Clock,
    *,
    policies: Collection[str],
    max_shrink_share: float,
) -> SupplyPulled:
    """Read the seller's records and believe them, unless they look broken.

    Raises `ConfigError` for unreadable files (nothing is half-read). A snapshot that is old, empty or
    shrunken is refused, not an error: the last good one stays and ages.
    """
    snapshot = source.read()
    _refuse_unknown_policies(snapshot, policies)
    now = clock.now()
    with ledger.transaction() as books:
        doubts = doubts_about(snapshot, books.supply.summary(), now=now, max_shrink_share=max_shrink_share)
        if doubts:
            books.supply.record_doubts(doubts, now)
        else:
            books.supply.record(snapshot, now)
    lots = sum(lot.open_units > 0 for lot in snapshot.lots)
    return SupplyPulled(skus=len({count.sku for count in snapshot.stock}), lots=lots, refused=doubts)


def _refuse_unknown_policies(snapshot: SupplySnapshot, policies: Collection[str]) -> None:
    known = ", ".join(sorted(policies))
    problems = [
        f"catalog.csv, SKU {entry.sku}, column policy: there is no [policy.{entry.policy}] (known: {known})"
        for entry in snapshot.catalog
        if entry.policy is not None and entry.policy not in policies
    ]
    if problems:
        raise ConfigError(problems)
