"""What a checked file means: references and paths resolved, tables seen together, policies inherited."""

import os
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from fbm_sync.domain.change import PushLimits
from fbm_sync.domain.channel import Channel
from fbm_sync.domain.policy import BackorderKind, BackorderPolicy, Lever
from fbm_sync.domain.standing import HealthTerms
from fbm_sync.settings import alerting, notation, schema
from fbm_sync.settings.marketplaces import MARKETPLACES, Region
from fbm_sync.settings.queues import notifications
from fbm_sync.settings.values import (
    AccountSettings,
    AlertSettings,
    CalendarSettings,
    DaemonSettings,
    NotificationSettings,
    OrderSettings,
    QueueSettings,
    Settings,
    SupplySettings,
)

_NEARLY = 1e-9

_POLICY_NAME = re.compile(r"[A-Za-z0-9_-]+")
_SQLITE_FILE = re.compile(r"(?P<scheme>sqlite(\+pysqlite)?):///(?P<file>[^?]+)(?P<rest>\?.*)?")


class Resolver:
    """Turns checked tables into settings, and collects what only shows when tables are seen together."""

    def __init__(self, folder: Path, environ: Mapping[str, str], content: Mapping[str, Any]) -> None:
        self._folder = folder
        self._environ = environ
        self._content = content
        self.faults: list[str] = []

    def settings(self, path: Path, file: schema.ConfigFile) -> Settings:
        """Return the settings; they are complete only when there are no faults."""
        accounts = self._accounts(file.accounts)
        return Settings(
            path=path,
            store_url=self._store_url(file.store.url),
            keep_days=file.store.keep_days,
            accounts=accounts,
            supply=SupplySettings(kind="csv", directory=self._inside(file.supply.directory)),
            calendar=_calendar(file.calendar),
            policies=self._policies(file.policy, accounts),
            limits=PushLimits(**file.limits.model_dump()),
            alerts=self._alerts(file.alerts, accounts),
            orders=OrderSettings(**file.orders.model_dump()),
            daemon=self._daemon(file.daemon),
            health=HealthTerms(**file.health.model_dump()),
        )

    def _inside(self, text: str) -> Path:
        """Return a path of the file, which counts from the file's own folder."""
        return Path(os.path.normpath(self._folder / text))

    # --- the database -----------------------------------------------------------------------------

    def _store_url(self, text: str) -> str:
        url = self._resolved("store.url", text)
        if not url:
            return ""
        if url.startswith("sqlite"):
            match = _SQLITE_FILE.fullmatch(url)
            if match is None or match["file"] == ":memory:":
                self.faults.append(
                    "store.url: a SQLite address needs a file that outlives the process; "
                    'write one like "sqlite:///fbm_sync.db"'
                )
                return ""
            return f"{match['scheme']}:///{self._inside(match['file'])}{match['rest'] or ''}"
        if not url.startswith("postgresql+psycopg://"):
            # The rest of the address may hold a password, so only its beginning is shown.
            self.faults.append(
                f"store.url: {url.partition(':')[0]!r} is not a database that can be used; "
                "write sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME"
            )
        return url

    # --- accounts ---------------------------------------------------------------------------------

    def _accounts(self, tables: Sequence[schema.AccountTable]) -> tuple[AccountSettings, ...]:
        if not self._content.get("accounts"):
            self.faults.append("accounts: missing; write at least one [[accounts]] table")
        accounts = tuple(
            account for account in (self._account(table) for table in tables) if account is not None
        )
        self._refuse_twins(accounts)
        self._refuse_crowded_pools(accounts)
        return accounts

    def _account(self, table: schema.AccountTable) -> AccountSettings | None:
        place = f"accounts.{table.name}"
        marketplaces = [MARKETPLACES[name] for name in table.marketplaces]
        region = marketplaces[0].region
        if any(marketplace.region is not region for marketplace in marketplaces):
            listed = ", ".join(f"{entry.country} ({entry.region})" for entry in marketplaces)
            self.faults.append(
                f"{place}.marketplaces: {listed} are in different regions; "
                "write one [[accounts]] table for each region"
            )
            return None
        endpoint = table.endpoint or region.endpoint
        self._refuse_foreign_endpoint(place, endpoint, region)
        return AccountSettings(
            name=table.name,
            seller_id=table.seller_id,
            marketplaces=tuple(dict.fromkeys(table.marketplaces)),
            region=region,
            currency=marketplaces[0].currency,
            endpoint=endpoint,
            token_endpoint=table.token_endpoint,
            automated_handling_time=table.automated_handling_time,
            push=table.push,
            rate_factor=table.rate_factor,
            channel=Channel(pool=table.pool.strip(), share=table.share, reserve_units=table.reserve_units),
            timezone=table.timezone,
            client_secret_created_on=table.client_secret_created_on,
            notifications=self._notifications(f"{place}.notifications", table.notifications),
        )

    def _notifications(
        self, place: str, table: schema.NotificationsTable | None
    ) -> NotificationSettings | None:
        settings, faults = (None, []) if table is None else notifications(table)
        self.faults += [f"{place}.{fault}" for fault in faults]
        return settings

    def _refuse_foreign_endpoint(self, place: str, endpoint: str, region: Region) -> None:
        """Refuse one region's marketplaces at another region's door: Amazon would only say "forbidden"."""
        host = urlsplit(endpoint).hostname or ""
        for other in Region:
            if other is not region and host.endswith(f"sellingpartnerapi-{other}.amazon.com"):
                self.faults.append(
                    f'{place}.endpoint: "{endpoint}" serves region {other}, but the marketplaces are in '
                    f"{region}; leave it out, or write {region.endpoint}"
                )

    def _refuse_twins(self, accounts: Sequence[AccountSettings]) -> None:
        """Refuse two accounts that would write the same listings, or share a name or a queue."""
        names: set[str] = set()
        sellers: dict[tuple[str, Region], str] = {}
        queues: dict[str, str] = {}
        for account in accounts:
            if account.name in names:
                self.faults.append(f"accounts.{account.name}.name: used twice; give every account its own")
                continue
            names.add(account.name)
            first = sellers.setdefault((account.seller_id, account.region), account.name)
            if first != account.name:
                self.faults.append(
                    f"accounts.{account.name}.seller_id: {account.seller_id} in region {account.region} is "
                    f"account {first} already; list all its marketplaces there"
                )
            for arn in {queue.arn for queue in _queues(account)}:
                first = queues.setdefault(arn, account.name)
                if first != account.name:
                    self.faults.append(
                        f"accounts.{account.name}.notifications: account {first} uses the queue {arn} too; "
                        "give every account a queue of its own, or one takes the other's messages"
                    )

    def _refuse_crowded_pools(self, accounts: Sequence[AccountSettings]) -> None:
        """Refuse pools named by some accounts only, and shares that promise more than the whole."""
        named = [account for account in accounts if account.channel.pool]
        for account in accounts:
            if named and not account.channel.pool:
                self.faults.append(
                    f"accounts.{account.name}.pool: missing, while account {named[0].name} sells from pool "
                    f"{named[0].channel.pool!r} only; name the pool of every account, or of none"
                )
        for pool in sorted({account.channel.pool for account in accounts}):
            sharing = [account for account in accounts if account.channel.pool == pool]
            self.faults += _share_faults(sharing)

    # --- policies ---------------------------------------------------------------------------------

    def _policies(
        self, tables: Mapping[str, schema.PolicyTable], accounts: Sequence[AccountSettings]
    ) -> Mapping[str, BackorderPolicy]:
        default = tables.get("default", schema.PolicyTable())
        policies = {"default": _policy("default", default)}
        for name, table in tables.items():
            if not _POLICY_NAME.fullmatch(name):
                self.faults.append(f"policy.{name}: a name has letters, digits, - and _ only")
            own = {key: getattr(table, key) for key in table.model_fields_set}
            policies[name] = _policy(name, default.model_copy(update=own))
        self._refuse_dead_levers(policies, accounts)
        self._refuse_unsure_promises(policies)
        return MappingProxyType(policies)

    def _refuse_dead_levers(
        self, policies: Mapping[str, BackorderPolicy], accounts: Sequence[AccountSettings]
    ) -> None:
        """Refuse a promise through handling time where Amazon sets handling time itself."""
        if not accounts or any(account.automated_handling_time != "on" for account in accounts):
            return
        for name, policy in policies.items():
            if policy.lever is Lever.HANDLING_TIME and policy.backorder is not BackorderKind.NEVER:
                self.faults.append(
                    f'policy.{name}.lever: "handling_time" has no effect while automated_handling_time is '
                    '"on"; write "restock_date"'
                )

    def _refuse_unsure_promises(self, policies: Mapping[str, BackorderPolicy]) -> None:
        """Refuse dates that are less sure than the units sold for them must be: hardly any could be sold."""
        for name, policy in policies.items():
            needed = 1 - policy.late_risk
            if policy.backorder is not BackorderKind.NEVER and policy.confidence < needed - _NEARLY:
                surer = f", or a confidence of at least {needed:g}" if needed < 1 else ""
                self.faults.append(
                    f"policy.{name}.confidence: {policy.confidence:g} is less than late_risk = "
                    f"{policy.late_risk:g} demands of every unit sold ahead, so hardly any could be sold; "
                    f"write late_risk = {1 - policy.confidence:g}{surer}"
                )

    # --- alerts -----------------------------------------------------------------------------------

    def _alerts(self, table: schema.AlertsTable, accounts: Sequence[AccountSettings]) -> AlertSettings:
        names = [account.name for account in accounts]
        settings, faults = alerting.alerts(table, self._resolved, self._inside, names)
        self.faults += faults
        return settings

    # --- the daemon -------------------------------------------------------------------------------

    def _daemon(self, table: schema.DaemonTable) -> DaemonSettings:
        host, port = notation.listen_address(table.listen)
        rhythm = table.model_dump(exclude={"listen", "ping_url", "verify_at"})
        return DaemonSettings(
            host=host,
            port=port,
            ping_url=self._ping_url(table.ping_url),
            verify_at=notation.maybe_clock_time(table.verify_at),
            **rhythm,
        )

    def _ping_url(self, text: str) -> str:
        """Return the monitor's address; no fault ever shows it."""
        url = self._resolved("daemon.ping_url", text) if text else ""
        if url and not notation.is_secret_address(url):
            self.faults.append(
                "daemon.ping_url: not an address that can be used (hidden: it is a secret); it begins with "
                "https://, or with http:// on this very machine"
            )
        return url

    # --- what the environment holds ---------------------------------------------------------------

    def _resolved(self, place: str, text: str) -> str:
        """Return a text, or what the environment variable holds that it refers to."""
        match = alerting.ENVIRONMENT_REFERENCE.fullmatch(text)
        if match is None:
            if "${" in text:
                self.faults.append(f"{place}: a reference like ${{NAME}} must be the whole text")
            return text
        name = match["plain"] or match["braced"]
        value = self._environ.get(name, "").strip()
        if not value:
            self.faults.append(f"{place}: the environment variable {name} is not set")
        return value


def _share_faults(sharing: Sequence[AccountSettings]) -> list[str]:
    """Say which shares of one stock cannot be: together over 1, or nothing left for an account without."""
    shares = {one.name: one.channel.share for one in sharing if one.channel.share is not None}
    total = sum((Fraction(str(share)) for share in shares.values()), Fraction(0))
    listed = " + ".join(f"{share:g} ({name})" for name, share in shares.items())
    if total > 1:
        first = next(iter(shares))
        return [f"accounts.{first}.share: the shares of one stock are {listed}; write at most 1 in all"]
    return [
        f"accounts.{one.name}.share: missing, and nothing is left for it beside {listed}; write a share"
        for one in sharing
        if total == 1 and one.channel.share is None
    ]


def _queues(account: AccountSettings) -> list[QueueSettings]:
    if account.notifications is None:
        return []
    queues = (account.notifications.queue, account.notifications.events_queue)
    return [queue for queue in queues if queue is not None]


def _calendar(table: schema.CalendarTable) -> CalendarSettings:
    return CalendarSettings(
        timezone=table.timezone,
        weekdays=frozenset(schema.WEEKDAYS.index(day) for day in table.ship_days),
        holidays=table.holidays,
        cut_off=notation.clock_time(table.cut_off),
    )


def _policy(name: str, table: schema.PolicyTable) -> BackorderPolicy:
    """Return the policy of a complete table. Categories compare without regard to capitals."""
    options = table.model_dump(exclude={"max_cash", "late_order_cost"})
    options["firm_statuses"] = frozenset(table.firm_statuses)
    options["excluded_categories"] = frozenset(
        category.strip().lower() for category in table.excluded_categories
    )
    return BackorderPolicy(
        name=name,
        max_cash_minor=_minor(table.max_cash),
        late_order_cost_minor=_minor(table.late_order_cost),
        **options,
    )


def _minor(amount: str | None) -> int | None:
    return None if amount is None else notation.minor_units(amount)
