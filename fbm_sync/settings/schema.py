"""Which options the configuration file has, and what each may hold.

One class per table of the file, one field per key. A field's description completes the sentence
"… is not allowed; write …", and the message of a failed check is what follows the value. Defaults that
the domain knows are taken from the domain, so that there is one truth. Each option is explained for the
seller in `config/fbm_sync.toml`.
"""

from collections.abc import Callable
from datetime import date
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from fbm_sync.domain.alert import Severity
from fbm_sync.domain.change import PushLimits
from fbm_sync.domain.policy import BackorderKind, BackorderPolicy, Lever
from fbm_sync.domain.standing import Basis, HealthTerms
from fbm_sync.domain.supply import LotStatus
from fbm_sync.settings.marketplaces import MARKETPLACES
from fbm_sync.settings.notation import (
    clock_time,
    listen_address,
    maybe_clock_time,
    minor_units,
    quiet_span,
    web_address,
)

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LARGEST_COUNT = 2_000_000_000


def _known_zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ValueError, OSError, KeyError):  # KeyError: zoneinfo's own "not found"
        raise ValueError("is not a time zone; write one like America/Los_Angeles") from None
    return text


def _known_marketplace(text: str) -> str:
    if text not in MARKETPLACES:
        known = ", ".join(f"{entry.marketplace_id} ({entry.country})" for entry in MARKETPLACES.values())
        raise ValueError(f"is not a marketplace id; known are {known}")
    return text


def _available_kind(text: str) -> str:
    if text in {"sql", "http"}:
        raise ValueError('is not available yet; use "csv"')
    if text != "csv":
        raise ValueError('is not allowed; write "csv"')
    return text


def _checked_with(parse: Callable[[str], object]) -> AfterValidator:
    """Check a text by parsing it, but keep the text: the schema holds what the file holds."""

    def check(text: str) -> str:
        parse(text)
        return text

    return AfterValidator(check)


# An empty text switches a gate off just as 0 does.
_OFF = BeforeValidator(lambda value: 0 if value == "" else value)
_NO_LIST = BeforeValidator(lambda value: [] if value == "" else value)

Count = Annotated[int, Field(ge=0, le=_LARGEST_COUNT, description="a whole number, 0 or more")]
Positive = Annotated[int, Field(ge=1, le=_LARGEST_COUNT, description="a whole number, 1 or more")]
Days = Annotated[int, Field(ge=0, le=366, description="a whole number of days from 0 to 366")]
HandlingDays = Annotated[int, Field(ge=0, le=30, description="a whole number of ship days from 0 to 30")]
Share = Annotated[float, Field(ge=0, le=1, description="a number from 0 to 1")]
_AMOUNT = 'an amount in quotes, like "2500.00"'
Amount = Annotated[str, Field(description=_AMOUNT), _checked_with(minor_units)]
Minutes = Annotated[float, Field(ge=0.01, le=1440, description="a number of minutes above 0, at most 1440")]
ReminderHours = Annotated[float, Field(ge=0, le=720, description="a number of hours from 0 (never) to 720")]
Switch = Annotated[bool, Field(description="true or false")]
Address = Annotated[str, Field(description="a web address in quotes"), AfterValidator(web_address)]
_ZONE = "a time zone like America/Los_Angeles"
Zone = Annotated[str, Field(description=_ZONE), AfterValidator(_known_zone)]
Moment = Annotated[Basis, Field(strict=False, description='"ship_by", "created" or "shipped"')]


class Table(BaseModel):
    """A table of the file: unknown keys are faults, and nothing is silently turned into something else."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class StoreTable(Table):
    """`[store]`."""

    url: Annotated[str, Field(min_length=1, description="a database address in quotes")] = (
        "sqlite:///fbm_sync.db"
    )
    keep_days: Annotated[
        int, Field(ge=0, le=3650, description="a whole number of days from 0 (keep all) to 3650")
    ] = 90


class NotificationsTable(Table):
    """`[accounts.notifications]`, which belongs to the account above it."""

    queue: Address
    queue_arn: Annotated[
        str | None,
        Field(
            pattern=r"\Aarn:aws[a-z-]*:sqs:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,80}(\.fifo)?\z",
            description='the queue\'s ARN in quotes, like "arn:aws:sqs:us-east-1:123456789012:fbm-sync"',
        ),
    ] = None
    endpoint: Annotated[Address | None, Field(description="a web address in quotes")] = None
    event_bridge_region: Annotated[
        str | None, Field(pattern=r"\A[a-z]{2}[a-z0-9-]+\z", description='an AWS region like "us-east-1"')
    ] = None
    event_bridge_account: Annotated[
        str | None,
        Field(pattern=r"\A\d{12}\z", description="the twelve digits of an AWS account in quotes"),
    ] = None
    events_queue: Annotated[Address | None, Field(description="a web address in quotes")] = None


class AccountTable(Table):
    """One of `[[accounts]]`."""

    name: Annotated[
        str, Field(pattern=r"\A[a-z0-9_]+\z", description="small letters, digits and underscores in quotes")
    ]
    seller_id: Annotated[
        str,
        Field(
            pattern=r"\A[A-Z0-9]{5,20}\z",
            description="the merchant token from Seller Central, Account Info (capitals and digits)",
        ),
    ]
    marketplaces: Annotated[
        list[Annotated[str, AfterValidator(_known_marketplace)]],
        Field(min_length=1, description='a list of marketplace ids like ["ATVPDKIKX0DER"]'),
    ]
    endpoint: Annotated[Address | None, Field(description="a web address in quotes")] = None
    token_endpoint: Address = "https://api.amazon.com/auth/o2/token"
    automated_handling_time: Annotated[
        Literal["on", "off", "unknown"], Field(description='"on", "off" or "unknown" in quotes')
    ] = "unknown"
    client_secret_created_on: Annotated[
        date | None, Field(description="a date without quotes, like 2026-06-01")
    ] = None
    push: Switch = False
    rate_factor: Annotated[float, Field(gt=0, le=10_000, description="a number above 0, like 1.0")] = 1.0
    pool: Annotated[str, Field(description="the name of a pool in quotes")] = ""
    share: Annotated[float | None, Field(ge=0, le=1, description="a number from 0 to 1")] = None
    reserve_units: Count = 0
    timezone: Annotated[Zone | None, Field(description=_ZONE)] = None
    notifications: NotificationsTable | None = None


class SupplyTable(Table):
    """`[supply]`."""

    kind: Annotated[str, Field(description='"csv"'), AfterValidator(_available_kind)] = "csv"
    directory: Annotated[str, Field(min_length=1, description="a folder in quotes")] = "supply"


class CalendarTable(Table):
    """`[calendar]`."""

    timezone: Zone = "America/Los_Angeles"
    ship_days: Annotated[
        list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]],
        Field(min_length=1, description=f"a list with at least one of {', '.join(WEEKDAYS)}"),
    ] = ["mon", "tue", "wed", "thu", "fri"]
    holidays: Annotated[
        str,
        Field(
            pattern=r"\A([A-Z]{2}(-[A-Z0-9]{1,3})?)?\z",
            description='a country like "US", a country with its part like "DE-BY", or "" for none',
        ),
    ] = "US"
    cut_off: Annotated[
        str, Field(description='a time of day in quotes, like "14:00"'), _checked_with(clock_time)
    ] = "14:00"


_POLICY = BackorderPolicy()
_LIMITS = PushLimits()
_HEALTH = HealthTerms()


class PolicyTable(Table):
    """`[policy.NAME]`; what a named policy leaves out it takes from `[policy.default]`."""

    backorder: Annotated[
        BackorderKind, Field(strict=False, description='"never", "backorder" or "preorder"')
    ] = _POLICY.backorder
    lever: Annotated[Lever, Field(strict=False, description='"restock_date" or "handling_time"')] = (
        _POLICY.lever
    )
    confidence: Annotated[float, Field(ge=0.5, lt=1, description="a number from 0.5 to below 1")] = (
        _POLICY.confidence
    )
    handling_days: HandlingDays = _POLICY.handling_days
    receiving_days: Days = _POLICY.receiving_days
    past_due_days: Days = _POLICY.past_due_days
    default_slip_days: Days = _POLICY.default_slip_days
    half_life_receipts: Count = _POLICY.half_life_receipts
    firm_statuses: Annotated[
        list[Annotated[LotStatus, Field(strict=False)]],
        Field(description=f"a list of {', '.join(LotStatus)}"),
    ] = sorted(_POLICY.firm_statuses)
    safety_stock: Count = _POLICY.safety_stock
    reopen_units: Positive = _POLICY.reopen_units
    max_listed: Count = _POLICY.max_listed
    latency_risk: Annotated[Share, _OFF] = _POLICY.latency_risk
    min_receipts: Annotated[Count, _OFF] = _POLICY.min_receipts
    max_slip_spread_days: Annotated[Days, _OFF] = _POLICY.max_slip_spread_days
    min_supplier_on_time: Annotated[Share, _OFF] = _POLICY.min_supplier_on_time
    max_demand_cv: Annotated[float, Field(ge=0, le=1000, description="a number, 0 or more"), _OFF] = (
        _POLICY.max_demand_cv
    )
    min_margin: Annotated[Share, _OFF] = _POLICY.min_margin
    max_cancel_rate: Annotated[Share, _OFF] = _POLICY.max_cancel_rate
    excluded_categories: Annotated[
        list[str], Field(description='a list of categories like ["music"]'), _NO_LIST
    ] = sorted(_POLICY.excluded_categories)
    inbound_share: Share = _POLICY.inbound_share
    late_risk: Share = _POLICY.late_risk
    max_units: Annotated[Count | None, Field(description="a whole number, 0 or more")] = _POLICY.max_units
    unproven_units: Annotated[Count, _OFF] = _POLICY.unproven_units
    max_cash: Annotated[Amount | None, Field(description=_AMOUNT)] = None
    late_order_cost: Annotated[Amount | None, Field(description=_AMOUNT)] = None
    account_risk: Share = _POLICY.account_risk
    short_share: Share = _POLICY.short_share
    no_show_share: Share = _POLICY.no_show_share


class LimitsTable(Table):
    """`[limits]`."""

    max_changed: Count = _LIMITS.max_changed
    max_changed_share: Share = _LIMITS.max_changed_share
    max_zeroed: Count = _LIMITS.max_zeroed
    max_zeroed_share: Share = _LIMITS.max_zeroed_share
    max_raised_units: Count = _LIMITS.max_raised_units
    max_raised_share: Annotated[float, Field(ge=0, le=1000, description="a number from 0 to 1000")] = (
        _LIMITS.max_raised_share
    )
    max_lengthened: Count = _LIMITS.max_lengthened
    max_lengthened_share: Share = _LIMITS.max_lengthened_share
    max_order_age_minutes: Positive = _LIMITS.max_order_age_minutes
    max_supply_age_hours: Positive = _LIMITS.max_supply_age_hours
    max_supply_shrink_share: Share = _LIMITS.max_supply_shrink_share
    confirm_grace_minutes: Positive = _LIMITS.confirm_grace_minutes
    feed_patience_minutes: Positive = _LIMITS.feed_patience_minutes


class WebhookTable(Table):
    """`[alerts.webhooks.NAME]`."""

    url: Address
    secret: Annotated[str, Field(min_length=1, description='a reference like "env:ALERT_SECRET"')]


class RouteTable(Table):
    """One of `[[alerts.routes]]`."""

    channels: Annotated[
        list[str], Field(min_length=1, description='a list of channel names like ["alert_mail"]')
    ]
    kinds: Annotated[list[str], Field(description='a list of kinds like ["at_risk"]')] = []
    accounts: Annotated[list[str], Field(description='a list of account names like ["main"]')] = []
    least_severity: Annotated[
        Severity, Field(strict=False, description='"info", "warning" or "critical"')
    ] = Severity.WARNING
    escalate_to: Annotated[list[str], Field(description='a list of channel names like ["alert_pager"]')] = []
    escalate_after_minutes: Annotated[
        int, Field(ge=1, le=1440, description="a whole number of minutes from 1 to 1440")
    ] = 30


class RemindTable(Table):
    """`[alerts.remind_hours]`."""

    warning: ReminderHours = 24
    critical: ReminderHours = 4


class AlertsTable(Table):
    """`[alerts]`."""

    channels: Annotated[
        list[Annotated[str, Field(min_length=1)]],
        Field(description='a list of addresses like ["env:FBM_SYNC_SLACK"]'),
    ] = []
    quiet_hours: Annotated[
        str, Field(description='a span of time in quotes, like "22:00-07:00"'), _checked_with(quiet_span)
    ] = "22:00-07:00"
    digest_at: Annotated[
        str,
        Field(description='a time of day in quotes, like "08:00", or ""'),
        _checked_with(maybe_clock_time),
    ] = "08:00"
    late_probability: Annotated[float, Field(gt=0, lt=1, description="a number between 0 and 1")] = 0.10
    templates: Annotated[str, Field(description='a folder in quotes, or ""')] = ""
    remind_hours: RemindTable = RemindTable()
    webhooks: Annotated[dict[str, WebhookTable], Field(description="[alerts.webhooks.NAME] tables")] = {}
    routes: Annotated[list[RouteTable], Field(description="[[alerts.routes]] tables")] = []


class OrdersTable(Table):
    """`[orders]`."""

    first_days: Annotated[int, Field(ge=1, le=730, description="a whole number of days from 1 to 730")] = 30
    overlap_minutes: Annotated[
        int, Field(ge=0, le=1440, description="a whole number of minutes from 0 to 1440")
    ] = 10
    sweep_every_hours: Annotated[
        float, Field(gt=0, le=168, description="a number of hours above 0, at most 168")
    ] = 6
    sweep_back_hours: Annotated[
        float, Field(gt=0, le=720, description="a number of hours above 0, at most 720")
    ] = 26
    split_shipments: Switch = False


class DaemonTable(Table):
    """`[daemon]`."""

    listen: Annotated[
        str, Field(description='an address in quotes, like "127.0.0.1:9464"'), _checked_with(listen_address)
    ] = "127.0.0.1:9464"
    pull_minutes: Minutes = 5
    offers_minutes: Minutes = 60
    plan_minutes: Minutes = 5
    push_minutes: Minutes = 5
    alert_minutes: Minutes = 2
    hints_minutes: Minutes = 1
    verify_at: Annotated[
        str,
        Field(description='a time of day in quotes, like "04:00", or ""'),
        _checked_with(maybe_clock_time),
    ] = "04:00"
    ping_url: Annotated[str, Field(description='"env:NAME" for a variable that holds a web address')] = ""


class HealthTable(Table):
    """`[health]`."""

    lsr_by: Moment = _HEALTH.lsr_by
    cr_by: Moment = _HEALTH.cr_by
    breach_probability: Annotated[float, Field(gt=0, lt=1, description="a number between 0 and 1")] = (
        _HEALTH.breach_probability
    )


class ConfigFile(Table):
    """The whole file."""

    store: StoreTable = StoreTable()
    accounts: Annotated[list[AccountTable], Field(description="[[accounts]] tables")] = []
    supply: SupplyTable = SupplyTable()
    calendar: CalendarTable = CalendarTable()
    policy: dict[str, PolicyTable] = {}
    limits: LimitsTable = LimitsTable()
    alerts: AlertsTable = AlertsTable()
    orders: OrdersTable = OrdersTable()
    daemon: DaemonTable = DaemonTable()
    health: HealthTable = HealthTable()
