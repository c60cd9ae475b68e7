"""What one run did: the counts that scripts read, the failures and notes that people read.

Here: adding up what the flows returned, and the two shapes it is given out in. Not here: running anything
(`cycle`), how it looks on a screen (`cli`).
"""

import dataclasses
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fbm_sync.domain.alert import Transition
from fbm_sync.domain.hold import Hold
from fbm_sync.domain.review import checksum_of_accounts
from fbm_sync.flows.alert import AlertReport
from fbm_sync.flows.notify import NotifyReport
from fbm_sync.flows.pull import HintsPulled, OffersPulled, OrdersPulled, SupplyPulled
from fbm_sync.flows.push import PushReport
from fbm_sync.ports import CatchUp, Failure


@dataclasses.dataclass(slots=True)
class RunReport:
    """Everything one run did, part by part; what scripts read of it is `as_json`."""

    orders: Counter[str] = dataclasses.field(default_factory=Counter)
    offers: Counter[str] = dataclasses.field(default_factory=Counter)
    supply: Counter[str] = dataclasses.field(default_factory=Counter)
    plan: Counter[str] = dataclasses.field(default_factory=Counter)
    push: Counter[str] = dataclasses.field(default_factory=Counter)
    alerts: Counter[str] = dataclasses.field(default_factory=Counter)
    hints: Counter[str] = dataclasses.field(default_factory=Counter)
    pruned: Counter[str] = dataclasses.field(default_factory=Counter)
    requests: Counter[str] = dataclasses.field(default_factory=Counter)
    throttled: int = 0
    watermarks: dict[str, datetime | None] = dataclasses.field(default_factory=dict)
    failed: list[Failure] = dataclasses.field(default_factory=list)
    holds: list[Hold] = dataclasses.field(default_factory=list)
    reviewed: dict[str, str] = dataclasses.field(default_factory=dict)
    shown: list[dict[str, Any]] | None = None
    notes: list[str] = dataclasses.field(default_factory=list)
    hinted_at: dict[str, datetime] = dataclasses.field(default_factory=dict)
    transitions: list[Transition] = dataclasses.field(default_factory=list)
    duration_seconds: float = 0.0

    def add(self, part: "RunReport") -> None:
        """Take over what was done for one account."""
        for field in dataclasses.fields(self):
            mine, new = getattr(self, field.name), getattr(part, field.name)
            if isinstance(mine, Counter | dict):
                mine.update(new)
            elif isinstance(mine, list):
                mine.extend(new)

    def note_supply(self, pulled: SupplyPulled) -> None:
        """Add the reading of the seller's records."""
        self.supply.update(skus=pulled.skus, lots=pulled.lots, refused=len(pulled.refused))
        self.notes.extend(f"The new stock list was not believed: {doubt}." for doubt in pulled.refused)

    def note_orders(self, account: str, pulled: OrdersPulled) -> None:
        """Add one account's orders, and how much of a long past is left."""
        self.orders.update(
            pulled=pulled.pulled, new=pulled.new, changed=pulled.changed, quarantined=pulled.quarantined
        )
        self.failed.extend(pulled.failures)
        if (left := pulled.catch_up) is not None:
            self.notes.append(f"Account {account}: {_what_is_left(left)}")

    def note_offers(self, pulled: OffersPulled) -> None:
        """Add one account's listings."""
        self.offers.update(observed=pulled.observed)
        self.failed.extend(pulled.failures)

    def note_hints(self, account: str, pulled: HintsPulled) -> None:
        """Add the hints of one queue."""
        self.hints.update(
            received=pulled.received,
            orders=pulled.orders,
            listings=pulled.listings,
            known=pulled.known,
            ignored=pulled.ignored,
            left=pulled.left,
        )
        if pulled.latest_at is not None:
            self.hinted_at[account] = max(pulled.latest_at, self.hinted_at.get(account, pulled.latest_at))
        self.failed.extend(pulled.failures)

    def note_push(self, pushed: PushReport) -> None:
        """Add one account's push."""
        self.push.update(
            previewed=pushed.previewed,
            applied=pushed.applied,
            held=pushed.held,
            unchanged=pushed.unchanged,
            rejected=pushed.rejected,
            unconfirmed=pushed.unconfirmed,
            deferred=pushed.deferred,
            dropped=pushed.dropped,
            queued=pushed.queued,
            left=pushed.left,
            under_way=pushed.under_way,
        )
        self.failed.extend(pushed.failures)
        self.notes.extend(f"Held back: {reason}." for reason in pushed.hold_reasons)

    def note_alerts(self, told: AlertReport) -> None:
        """Add what changed in the alert list."""
        self.alerts.update(
            opened=told.opened,
            escalated=told.escalated,
            reminded=told.reminded,
            resolved=told.resolved,
        )
        self.transitions.extend(told.transitions)

    def note_told(self, told: NotifyReport) -> None:
        """Add what was told."""
        self.alerts.update(sent=told.sent, failed=told.failed)
        self.notes.extend(f"The channel {name} is slow; it is still sending." for name in told.busy)

    def note_traffic(self, sent: Counter[str]) -> None:
        """Set the requests sent, by operation; those refused for quota are counted under "throttled"."""
        self.requests = Counter(sent)
        self.throttled = self.requests.pop("throttled", 0)

    @property
    def checksum(self) -> str | None:
        """What a person may say was reviewed: all changes of all accounts; `None` if none were looked at."""
        return checksum_of_accounts(self.reviewed) if self.reviewed else None

    def as_json(self) -> dict[str, Any]:
        """Return the documented shape: every field present, unknown ones null."""
        shown = {} if self.shown is None else {"changes": self.shown}
        return shown | {
            "orders": _fields(self.orders, "pulled", "new", "changed", "quarantined"),
            "offers": _fields(self.offers, "observed"),
            "supply": _fields(self.supply, "skus", "lots", "refused"),
            "plan": _fields(self.plan, "skus", "changed"),
            "push": _fields(self.push, *_PUSH_FIELDS),
            "alerts": _fields(self.alerts, "opened", "escalated", "reminded", "resolved", "sent", "failed"),
            "requests": dict(sorted(self.requests.items())),
            "throttled": self.throttled,
            "watermarks": {name: at.isoformat() if at else None for name, at in self.watermarks.items()},
            "failed": [dataclasses.asdict(failure) for failure in self.failed],
            "holds": [_hold(hold) for hold in self.holds],
            "checksum": self.checksum,
            "duration_seconds": round(self.duration_seconds, 3),
        }

    def as_line(self) -> dict[str, Any]:
        """Return the run as one flat log line; what did not happen is left out."""
        line: dict[str, Any] = {}
        for part in ("hints", "orders", "offers", "supply", "plan", "push", "alerts", "pruned"):
            line.update({f"{part}_{name}": count for name, count in getattr(self, part).items() if count})
        line.update(
            requests=sum(self.requests.values()),
            throttled=self.throttled,
            failed=len(self.failed),
            duration_seconds=round(self.duration_seconds, 3),
        )
        return line


_PUSH_FIELDS = (
    *("previewed", "applied", "held", "unchanged", "rejected", "unconfirmed"),
    *("deferred", "queued", "dropped"),
)


def _hold(hold: Hold) -> dict[str, Any]:
    """Return a hold without its changes, which may be many."""
    return {
        "hold_id": hold.hold_id,
        "account": hold.account,
        "held_at": hold.held_at.isoformat(),
        "reasons": list(hold.reasons),
        "changes": len(hold.changes),
        "released_at": None if hold.released_at is None else hold.released_at.isoformat(),
    }


def _what_is_left(catch_up: CatchUp) -> str:
    """Say what of a long past is known and what is not."""
    if not catch_up.open_read:
        return "the list of open orders is not complete yet; the next runs go on with it."
    if catch_up.fresh_up_to <= catch_up.until:
        return "all open orders are known; the next runs go on with the latest changes."
    known = f"all open orders are known, and all changes up to {catch_up.fresh_up_to:%Y-%m-%d %H:%M}Z"
    if catch_up.past_is_read:
        return f"{known}; some orders are still to be read one by one, by the next runs."
    orders = "" if catch_up.left_orders is None else f" of about {catch_up.left_orders} orders"
    span = f"from {catch_up.since:%Y-%m-%d %H:%M}Z to {catch_up.until:%Y-%m-%d %H:%M}Z"
    return f"{known} except the details{orders} changed {span}, which the next runs read page by page."


def _fields(counts: Mapping[str, int], *names: str) -> dict[str, int]:
    return {name: counts.get(name, 0) for name in names}
