"""The emulated Amazon seen from outside: what buyers, the seller's hands and bad luck do there."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import httpx


class Amazon:
    """The emulator's control paths, over HTTP like everything else."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self._http = httpx.Client(base_url=base_url, timeout=30, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def advance(self, seconds: float) -> None:
        """Let time pass at Amazon."""
        self._post("advance", {"seconds": seconds})

    def buy(self, baskets: Sequence[Mapping[str, int]]) -> list[str]:
        """Let buyers order; return the ids of the orders Amazon accepted."""
        place = [
            {
                "items": [{"sku": sku, "quantity": units} for sku, units in basket.items()],
                "pending_seconds": 900,
            }
            for basket in baskets
        ]
        answers = self._post("orders", {"place": place})["place"] if place else []
        return [answer["order_id"] for answer in answers if answer["placed"]]

    def ship(self, order_ids: Sequence[str], at: datetime) -> None:
        """Confirm shipments."""
        if order_ids:
            self._post(
                "orders", {"ship": [{"order_id": one, "shipped_at": at.isoformat()} for one in order_ids]}
            )

    def ask_to_cancel(self, order_id: str, reason: str) -> None:
        """Let a buyer ask for a cancellation."""
        self._post("orders", {"request_cancel": [{"order_id": order_id, "reason": reason}]})

    def cancel_for_buyer(self, order_id: str) -> None:
        """Cancel as the seller, with the buyer's request as the reason."""
        entry = {"order_id": order_id, "by": "MERCHANT", "reason": "BUYER_CANCELLED"}
        self._post("orders", {"cancel": [entry]})

    def refuse(self, operation: str, times: int) -> None:
        """Answer the next calls of an operation with "too many requests"."""
        self._post("faults", {"operation": operation, "status": 429, "body": "errors", "count": times})

    def state(self) -> dict[str, Any]:
        """Return Amazon's own view of everything."""
        answer = self._http.get("/_emulator/state")
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        answer = self._http.post(f"/_emulator/{path}", json=body)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found
