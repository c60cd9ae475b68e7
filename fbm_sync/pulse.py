"""Signs of life: which accounts' orders were read completely of late, and which were not.

Here: the one answer that the probes and `fbm-sync check --alive` give. Not here: the alert that people get of
it (`domain.finding`), the monitor that hears of each reading (`adapters.notify.ping`).
"""

import dataclasses
from collections.abc import Iterable
from datetime import datetime, timedelta

from fbm_sync.ports import Ledger


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """One account's sign of life: when its orders were last read completely, and whether that will do."""

    account: str
    read_at: datetime | None
    alive: bool

    @property
    def complaint(self) -> str:
        """What is wrong with an account that is not alive."""
        since = f"since {self.read_at:%Y-%m-%d %H:%M}Z" if self.read_at else "yet"
        return f"orders of account {self.account} were not read completely {since}"


def take_pulse(
    ledger: Ledger, accounts: Iterable[str], now: datetime, patience: timedelta
) -> tuple[Pulse, ...]:
    """Return the sign of life of each account; one that is as old as the patience will still do."""
    with ledger.snapshot() as books:
        read = {name: books.runs.last_success("pull", name) for name in accounts}
    return tuple(
        Pulse(account=name, read_at=at, alive=at is not None and now - at <= patience)
        for name, at in read.items()
    )
