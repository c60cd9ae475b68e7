"""The door to what only those ask who doubt the store: whether it holds together and agrees with Amazon."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from fbm_sync.domain.change import PushReceipt
from fbm_sync.domain.drift import Drift
from fbm_sync.domain.order import OrderId, Sku
from fbm_sync.domain.truth import Invariant


class TruthBook(Protocol):
    """What is asked of the store by those who doubt it."""

    def invariants(self, now: datetime) -> tuple[Invariant, ...]:
        """Check all that must hold in the store whatever happens; each that does not names its culprits.

        What waits to be decided or judged anew may contradict the rest until it is, and is left out.
        """

    def updated_between(self, account: str, since: datetime, until: datetime) -> frozenset[OrderId]:
        """Return the orders whose recorded version is of a span of time, both ends included."""

    def open_ids(self, account: str) -> tuple[OrderId, ...]:
        """Return the account's orders that are recorded as open."""

    def confirmed(self, account: str, skus: Collection[Sku]) -> Mapping[Sku, PushReceipt]:
        """Return the newest answers to changes of these SKUs, of those that were seen live."""

    def written(
        self, account: str, skus: Collection[Sku], since: datetime
    ) -> Mapping[Sku, Sequence[PushReceipt]]:
        """Return Amazon's answers, by SKU, to changes since an instant that may show at Amazon."""

    def returned_units(self, account: str, sku: Sku, since: datetime) -> int:
        """Return the units on orders for a SKU that were cancelled since an instant."""

    def note_drifts(self, drifts: Sequence[Drift]) -> None:
        """Remember drifts; one that is known already stays as it was first seen."""
