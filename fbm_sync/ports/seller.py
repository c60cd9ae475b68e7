"""The doors to the seller's side: the records to read, the people to tell."""

from typing import Protocol

from fbm_sync.domain.letters import Letter
from fbm_sync.domain.supply import SupplySnapshot


class SupplySource(Protocol):
    """The seller's stock, inbound purchase orders, past receipts and catalogue."""

    def read(self) -> SupplySnapshot:
        """Read everything at once. Raises `ConfigError` listing every bad row with its place."""


class Notifier(Protocol):
    """One channel to people or programs. It never waits for long, and shows no secret of itself."""

    def deliver(self, letter: Letter) -> None:
        """Tell them. Raises `DeliveryError`, which says whether trying again can help."""
