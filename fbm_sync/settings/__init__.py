"""File and environment in, frozen settings and domain policies out; every fault is reported at once.

Here: which options exist (`schema`), what the rest of the program gets to see (`values`), how one
becomes the other (`reader`, with `resolver` and `queues`), where secrets come from (`secrets`), which
marketplaces there are (`marketplaces`). Not here: any decision about orders or offers, any connection.
Only the command line, the daemon, `wiring` and tests may call it; flows are handed values and policies.
This is the only place that reads environment variables.
"""

from fbm_sync.settings.marketplaces import MARKETPLACES, Marketplace, Region
from fbm_sync.settings.reader import find_config, load, load_policies
from fbm_sync.settings.secrets import Credentials, read_credentials
from fbm_sync.settings.values import (
    AccountSettings,
    AlertChannel,
    AlertSettings,
    CalendarSettings,
    DaemonSettings,
    HealthSettings,
    NotificationSettings,
    OrderSettings,
    QueueSettings,
    Settings,
    SupplySettings,
)

__all__ = [
    "MARKETPLACES",
    "AccountSettings",
    "AlertChannel",
    "AlertSettings",
    "CalendarSettings",
    "Credentials",
    "DaemonSettings",
    "HealthSettings",
    "Marketplace",
    "NotificationSettings",
    "OrderSettings",
    "QueueSettings",
    "Region",
    "Settings",
    "SupplySettings",
    "find_config",
    "load",
    "load_policies",
    "read_credentials",
]
