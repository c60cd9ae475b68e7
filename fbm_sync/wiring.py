"""The one place that picks concrete classes: from settings to a house that works.

Here: which ledger, which clock, which Amazon, which channels; the seller's rules as domain values. Not
here: any decision, any order of work (`cycle`, `daemon`). Slow libraries are loaded only when the part
that needs them is asked for, so that a command which only reads the ledger starts quickly.
"""

import dataclasses
import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self

from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.offer import AutomatedHandling
from fbm_sync.domain.shop import ShopTerms
from fbm_sync.domain.telling import LOG_CHANNEL, QuietHours, Silence
from fbm_sync.errors import ConfigError
from fbm_sync.flows.alert import AlertTerms
from fbm_sync.flows.notify import Delivery
from fbm_sync.flows.pull import HintTerms, Means, PullTerms
from fbm_sync.flows.push import PushTerms
from fbm_sync.ports import Clock, Ledger, Notifier, RequestBudget, SupplySource
from fbm_sync.settings import AccountSettings, QueueSettings, Settings, read_credentials

if TYPE_CHECKING:
    from fbm_sync.adapters.notify.pages import Pages
    from fbm_sync.adapters.queue.sqs import SqsHints
    from fbm_sync.adapters.spapi.account import AmazonAccount
    from fbm_sync.adapters.spapi.notifications import Wanted
    from fbm_sync.adapters.store.ledger import SqlLedger

_HOLIDAY_YEARS_AHEAD = 3
_PATIENCE, _MISSED_PULLS = timedelta(hours=1), 3


class SystemClock:
    """Real time."""

    def now(self) -> datetime:
        """Return the present instant, in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


@dataclasses.dataclass
class App:
    """The daemon with everything it needs; parts are made when first asked for, and closed together.

    `clock` is real time unless a simulation brings its own, and so do `extra_notifiers` join the
    configured channels.
    """

    settings: Settings
    clock: Clock = dataclasses.field(default_factory=SystemClock)
    environ: Mapping[str, str] = dataclasses.field(default_factory=lambda: os.environ)
    extra_notifiers: Mapping[str, Notifier] = dataclasses.field(default_factory=dict)
    _accounts: "dict[str, AmazonAccount]" = dataclasses.field(default_factory=dict)
    _queues: "dict[str, tuple[SqsHints, ...]]" = dataclasses.field(default_factory=dict)

    @cached_property
    def ledger(self) -> "SqlLedger":
        """The store. Raises `StoreError` when it cannot be used as it is."""
        from fbm_sync.adapters.store.ledger import open_ledger

        return open_ledger(self.settings.store_url, create=True)

    def bare_store(self) -> "SqlLedger":
        """Return the store whatever its schema, to look at or upgrade; to be used with `with`."""
        from fbm_sync.adapters.store.ledger import SqlLedger

        return SqlLedger(self.settings.store_url)

    def existing_store(self) -> "SqlLedger":
        """Return the store as it is, which is never made; to be used with `with`.

        Raises `StoreError` when there is none, or it is not ours.
        """
        from fbm_sync.adapters.store.ledger import open_ledger

        return open_ledger(self.settings.store_url)

    @cached_property
    def supply(self) -> SupplySource:
        """The seller's records."""
        from fbm_sync.adapters.supply.csv_files import CsvSupply

        return CsvSupply(self.settings.supply.directory)

    @cached_property
    def calendar(self) -> ShipCalendar:
        """The seller's ship days, with the public holidays of the country named in the settings."""
        return self.settings.calendar.ship_calendar(
            _holidays(self.settings.calendar.holidays, self.clock.now())
        )

    @cached_property
    def pages(self) -> "Pages":
        """The words of alerts, on ours or the seller's own templates."""
        from fbm_sync.adapters.notify.pages import Pages
        from fbm_sync.adapters.notify.wording import Wording
        from fbm_sync.settings.marketplaces import MARKETPLACES

        hosts = {
            account.name: MARKETPLACES[account.marketplaces[0]].seller_central
            for account in self.settings.accounts
        }
        wording = Wording(calendars=self.shop_terms.calendars, hosts=hosts)
        return Pages(wording, self.settings.alerts.templates)

    @cached_property
    def notifiers(self) -> Mapping[str, Notifier]:
        """The channels to people and programs by name; the log is always one of them."""
        from fbm_sync.adapters.notify.apprise_channel import AppriseNotifier
        from fbm_sync.adapters.notify.log_channel import LogNotifier

        found: dict[str, Notifier] = {LOG_CHANNEL: LogNotifier(self.pages.wording)}
        for channel in self.settings.alerts.channels:
            found[channel.name] = AppriseNotifier(channel.url, self.pages, clock=self.clock)
        for hook in self.settings.alerts.webhooks:
            from fbm_sync.adapters.notify.webhook import WebhookNotifier

            found[hook.name] = WebhookNotifier(hook.name, hook.url, hook.secret, self.pages, clock=self.clock)
        return {**found, **self.extra_notifiers}

    @cached_property
    def delivery(self) -> Delivery:
        """Who sends what waits in the outbox."""
        return Delivery(
            lambda: self.ledger,
            self.clock,
            lambda: self.notifiers,
            lambda: Silence(manners=self.alert_terms.manners, calendars=self.shop_terms.calendars),
        )

    @cached_property
    def sign_of_life(self) -> Callable[[], None]:
        """What tells the monitor outside that orders were read; nothing where none is configured."""
        url = self.settings.daemon.ping_url
        if not url:
            return lambda: None
        from fbm_sync.adapters.notify.ping import Ping

        return Ping(url).beat

    def account(self, name: str) -> "AmazonAccount":
        """Return one account's doors to Amazon. Raises `ConfigError` when its credentials are missing."""
        if name not in self._accounts:
            self._accounts[name] = self._connect(self._account_settings(name))
        return self._accounts[name]

    @property
    def connected(self) -> "Mapping[str, AmazonAccount]":
        """The accounts that have been used so far."""
        return self._accounts

    def hint_sources(self, name: str) -> "tuple[SqsHints, ...]":
        """Return the queues that one account's notifications come to; none where none are configured.

        Raises `ConfigError` when the AWS library is missing.
        """
        if name not in self._queues:
            self._queues[name] = self._connect_queues(self._account_settings(name))
        return self._queues[name]

    def wanted_notifications(self, name: str) -> "Wanted | None":
        """Return where one account's notifications shall go; `None` where none are configured."""
        from fbm_sync.adapters.spapi.notifications import EventBridge, Wanted

        settings = self._account_settings(name).notifications
        if settings is None:
            return None
        bridge = settings.event_bridge
        return Wanted(
            queue_arn=settings.queue.arn,
            event_bridge=None if bridge is None else EventBridge(region=bridge[0], account=bridge[1]),
        )

    def _account_settings(self, name: str) -> AccountSettings:
        for account in self.settings.accounts:
            if account.name == name:
                return account
        known = ", ".join(account.name for account in self.settings.accounts)
        raise ConfigError([f"--account {name}: there is no such account (known: {known})"])

    def _connect(self, account: AccountSettings) -> "AmazonAccount":
        from fbm_sync.adapters.spapi.account import AmazonAccount
        from fbm_sync.adapters.spapi.gateway import refuse_environment
        from fbm_sync.adapters.spapi.throttle import Throttle
        from fbm_sync.adapters.spapi.tokens import Credentials

        refuse_environment(self.environ)
        secrets = read_credentials(account.name, self.environ)
        return AmazonAccount(
            name=account.name,
            seller_id=account.seller_id,
            marketplaces=account.marketplaces,
            endpoint=account.endpoint,
            token_endpoint=account.token_endpoint,
            credentials=Credentials(
                client_id=secrets.client_id,
                client_secret=secrets.client_secret,
                refresh_token=secrets.refresh_token,
                former_client_secret=secrets.former_client_secret,
            ),
            clock=self.clock,
            throttle=Throttle(
                self.clock,
                rate_factor=account.rate_factor,
                memory=SharedBudget(lambda: self.ledger, account.name),
            ),
        )

    def _connect_queues(self, account: AccountSettings) -> "tuple[SqsHints, ...]":
        settings = account.notifications
        if settings is None:
            return ()
        from fbm_sync.adapters.queue.policy import AMAZON, EVENT_BRIDGE
        from fbm_sync.adapters.queue.sqs import SqsHints
        from fbm_sync.adapters.spapi.hints import read_hint

        def connect(queue: QueueSettings, *senders: str) -> SqsHints:
            return SqsHints(
                account=account.name,
                url=queue.url,
                region=queue.region,
                endpoint=queue.endpoint,
                read=read_hint,
                senders=senders,
            )

        if settings.events_queue is not None:
            return connect(settings.queue, AMAZON), connect(settings.events_queue, EVENT_BRIDGE)
        events = () if settings.event_bridge is None else (EVENT_BRIDGE,)
        return (connect(settings.queue, AMAZON, *events),)

    # --- the seller's rules as the flows want them ---------------------------------------------

    @cached_property
    def shop_terms(self) -> ShopTerms:
        """Policies, calendar, limits and accounts, as the domain decides by them."""
        rhythm = self.settings.daemon
        return ShopTerms(
            policies=self.settings.policies,
            calendar=self.calendar,
            account_calendars={
                account.name: dataclasses.replace(self.calendar, timezone=account.timezone)
                for account in self.settings.accounts
                if account.timezone not in (None, self.calendar.timezone)
            },
            split_shipments=self.settings.orders.split_shipments,
            health=self.settings.health,
            limits=self.settings.limits,
            accounts={
                account.name: AutomatedHandling(account.automated_handling_time)
                for account in self.settings.accounts
            },
            late_limit=self.settings.alerts.late_probability,
            # Worst case from a buyer's order to our reaction: one turn of each step between them.
            lag_minutes=rhythm.pull_minutes + rhythm.plan_minutes + rhythm.push_minutes,
            turn_minutes=rhythm.plan_minutes + rhythm.push_minutes,
            channels={account.name: account.channel for account in self.settings.accounts},
        )

    @cached_property
    def pull_terms(self) -> PullTerms:
        """How far back orders are read."""
        return PullTerms(
            overlap=timedelta(minutes=self.settings.orders.overlap_minutes),
            first=timedelta(days=self.settings.orders.first_days),
            sweep_every=timedelta(hours=self.settings.orders.sweep_every_hours),
            sweep_overlap=timedelta(hours=self.settings.orders.sweep_back_hours),
            recent=max(
                timedelta(hours=self.settings.orders.sweep_back_hours),
                timedelta(hours=self.settings.limits.max_supply_age_hours),
            ),
        )

    def pull_terms_of(self, name: str, *, patience_seconds: float = 0.0) -> PullTerms:
        """How far back to read orders, with what one account may ask of Amazon."""
        account = self.account(name)
        means = Means(
            quota=account.gateway.throttle, reports=account.reports, patience_seconds=patience_seconds
        )
        return dataclasses.replace(self.pull_terms, means=means)

    @property
    def side_by_side(self) -> bool:
        """Whether accounts may be worked for at the same time; a simulated clock has room for one thread."""
        return isinstance(self.clock, SystemClock)

    def hint_terms(self, name: str) -> HintTerms:
        """Whose hints count for an account."""
        account = self._account_settings(name)
        return HintTerms(seller_id=account.seller_id, marketplaces=account.marketplaces)

    def push_terms(
        self, *, confirm_wait_seconds: float = 0.0, turn_seconds: float | None = None
    ) -> PushTerms:
        """The guards on a push, how long to wait for the proof, and how long one turn of many takes."""
        return PushTerms(
            limits=self.settings.limits,
            confirm_wait_seconds=confirm_wait_seconds,
            turn_seconds=turn_seconds,
        )

    @property
    def patience(self) -> timedelta:
        """How long orders may stay unread before that is trouble; longer where they are read rarely."""
        return max(_PATIENCE, _MISSED_PULLS * timedelta(minutes=self.settings.daemon.pull_minutes))

    @cached_property
    def alert_terms(self) -> AlertTerms:
        """Whom to tell, and when not to."""
        quiet = self.settings.alerts.quiet_hours
        return AlertTerms(
            channels=tuple(name for name in self.notifiers if name != LOG_CHANNEL),
            routes=self.settings.alerts.routes,
            quiet_hours=QuietHours(begin=quiet[0], end=quiet[1]) if quiet else None,
            digest_at=self.settings.alerts.digest_at,
            remind_after=self.settings.alerts.remind_after,
            stale_minutes=int(self.patience / timedelta(minutes=1)),
            secrets_created={
                account.name: account.client_secret_created_on
                for account in self.settings.accounts
                if account.client_secret_created_on is not None
            },
        )

    # --- the end -------------------------------------------------------------------------------

    def close(self) -> None:
        """Let go of connections and of the store."""
        if "delivery" in self.__dict__:
            self.delivery.close()
            del self.__dict__["delivery"]
        for account in self._accounts.values():
            account.close()
        self._accounts.clear()
        for queue in (queue for queues in self._queues.values() for queue in queues):
            queue.close()
        self._queues.clear()
        if "ledger" in self.__dict__:
            self.ledger.close()
            del self.__dict__["ledger"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclasses.dataclass(frozen=True)
class SharedBudget:
    """What is left of an account's request limits, kept in the store, which is opened only when asked."""

    ledger: Callable[[], Ledger]
    account: str

    def recall(self) -> Mapping[str, RequestBudget]:
        """Return what is remembered, by operation."""
        with self.ledger().transaction() as books:
            return books.runs.budgets(self.account)

    def revise(self, operation: str, change: Callable[[RequestBudget | None], RequestBudget]) -> None:
        """Replace what is remembered of one operation, in one transaction."""
        with self.ledger().transaction() as books:
            remembered = books.runs.budgets(self.account).get(operation)
            books.runs.record_budget(self.account, operation, change(remembered))


def build(
    settings: Settings,
    *,
    clock: Clock | None = None,
    environ: Mapping[str, str] | None = None,
    extra_notifiers: Mapping[str, Notifier] | None = None,
) -> App:
    """Return the daemon for these settings; nothing is opened or connected yet."""
    return App(
        settings=settings,
        clock=clock or SystemClock(),
        environ=os.environ if environ is None else environ,
        extra_notifiers={} if extra_notifiers is None else extra_notifiers,
    )


def _holidays(country: str, now: datetime) -> frozenset[date]:
    """Return the public holidays around now of "US", "DE-BY" …; none for an empty name."""
    if not country:
        return frozenset()
    import holidays

    code, _, subdivision = country.partition("-")
    years = range(now.year - 1, now.year + _HOLIDAY_YEARS_AHEAD)
    try:
        return frozenset(holidays.country_holidays(code, subdiv=subdivision or None, years=years))
    except NotImplementedError as unknown:
        raise ConfigError(
            [f"calendar.holidays: {country!r} is not known to the holidays library"]
        ) from unknown
