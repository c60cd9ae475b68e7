"""What the program gets to see of the configuration: frozen values, complete and checked."""

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import date, time, timedelta
from pathlib import Path
from typing import Literal

from fbm_sync.domain.alert import Severity
from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.change import PushLimits
from fbm_sync.domain.channel import Channel
from fbm_sync.domain.policy import BackorderPolicy
from fbm_sync.domain.standing import HealthTerms
from fbm_sync.domain.telling import Route
from fbm_sync.settings.marketplaces import Region


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    """One queue at AWS; `endpoint` is where to ask for it, `None` for AWS's own address."""

    url: str
    arn: str
    region: str
    endpoint: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NotificationSettings:
    """Where Amazon's notifications about one account arrive.

    `event_bridge` is the region and AWS account of the events about listings, `None` without them;
    `events_queue` the queue they come to, where it is another one.
    """

    queue: QueueSettings
    events_queue: QueueSettings | None = None
    event_bridge: tuple[str, str] | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """One seller account in one region: what to read and write there, without its secrets.

    `push` lets the daemon write to Amazon. `rate_factor` scales Amazon's published request limits.
    `currency` is that of the first marketplace. `client_secret_created_on` is the day the application's
    client secret was made, from which its end follows. Without `notifications` there are none. `channel`
    says which stock it sells, and how much of it. `timezone` is where its orders are due, `None` for the
    calendar's.
    """

    name: str
    seller_id: str
    marketplaces: tuple[str, ...]
    region: Region
    currency: str
    endpoint: str
    token_endpoint: str
    automated_handling_time: Literal["on", "off", "unknown"]
    push: bool
    rate_factor: float
    channel: Channel = dataclasses.field(default_factory=Channel)
    timezone: str | None = None
    client_secret_created_on: date | None = None
    notifications: NotificationSettings | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SupplySettings:
    """Where the seller's own records are."""

    kind: Literal["csv"]
    directory: Path


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CalendarSettings:
    """When parcels leave. `weekdays` uses Monday = 0; `holidays` names a country, or is empty for none."""

    timezone: str
    weekdays: frozenset[int]
    holidays: str
    cut_off: time

    def ship_calendar(self, holidays: Iterable[date] = ()) -> ShipCalendar:
        """Return the calendar with these days closed; the caller knows which dates the country means."""
        return ShipCalendar(
            timezone=self.timezone,
            weekdays=self.weekdays,
            holidays=frozenset(holidays),
            cut_off=self.cut_off,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AlertChannel:
    """One way to reach people. `name` is safe to store and show; `url` may hold a password."""

    name: str
    url: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """One address that takes alerts as signed JSON. `name` is safe to store and show; the rest is not."""

    name: str
    url: str = dataclasses.field(repr=False)
    secret: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AlertSettings:
    """Whom to tell of what, when not to (local times of each account), and from which P(late) on.

    Without `routes` every channel hears of everything. `templates` is the folder of the seller's own.
    """

    channels: tuple[AlertChannel, ...]
    quiet_hours: tuple[time, time] | None
    late_probability: float
    webhooks: tuple[Webhook, ...] = ()
    routes: tuple[Route, ...] = ()
    digest_at: time | None = None
    remind_after: Mapping[Severity, timedelta] = dataclasses.field(default_factory=dict)
    templates: Path | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OrderSettings:
    """How far back the first pull reads, and how far each later one reaches behind its watermark.

    Every `sweep_every_hours` it reaches back by `sweep_back_hours`, for what Amazon showed late. With
    `split_shipments` the lines of an order may leave one by one.
    """

    first_days: int
    overlap_minutes: int
    sweep_every_hours: float
    sweep_back_hours: float
    split_shipments: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DaemonSettings:
    """The daemon's address and rhythm; `ping_url` hears of each complete reading, and is a secret.

    `verify_at` is the time of day, by the house's clock, at which all is compared with Amazon; `None`: never.
    """

    host: str
    port: int
    pull_minutes: float
    offers_minutes: float
    plan_minutes: float
    push_minutes: float
    alert_minutes: float
    hints_minutes: float
    verify_at: time | None = None
    ping_url: str = dataclasses.field(default="", repr=False)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The whole configuration. `path` is the file it came from; `policies` always holds `default`.

    `keep_days` is how long the store keeps what is only history, 0 for ever.
    """

    path: Path
    store_url: str = dataclasses.field(repr=False)
    keep_days: int
    accounts: tuple[AccountSettings, ...]
    supply: SupplySettings
    calendar: CalendarSettings
    policies: Mapping[str, BackorderPolicy]
    limits: PushLimits
    alerts: AlertSettings
    orders: OrderSettings
    daemon: DaemonSettings
    health: HealthTerms
