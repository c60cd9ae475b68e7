"""What a scenario or a test wants done with orders, and what it is told afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Line:
    """What a buyer wants of one SKU; without a price the listing's is paid."""

    sku: str
    quantity: int
    price: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """An order to be placed; with only a `created_at` it is history: no units are taken."""

    lines: list[Line]
    order_id: str | None = None
    created_at: datetime | None = None
    pending_seconds: float = 0.0
    hidden_seconds: float = 0.0
    service_level: str = "STANDARD"
    programs: list[str] = field(default_factory=list)
    ship_by_at: datetime | None = None
    deliver_by_at: datetime | None = None
    force: bool = False
    takes_units: bool = False

    @property
    def is_history(self) -> bool:
        """Whether it was sold before the listing's present quantity was counted."""
        return self.created_at is not None and not self.takes_units


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A shipment to confirm: all open units unless lines say which, just now unless it was earlier.

    Without a `tracking_number` it gets one; an empty one means it has none.
    """

    lines: list[Line] | None = None
    shipped_at: datetime | None = None
    carrier: str = "UPS"
    tracking_number: str | None = None
    delivered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one wish; `why` says the reason when it was not done."""

    order_id: str | None
    done: bool
    why: str | None = None
