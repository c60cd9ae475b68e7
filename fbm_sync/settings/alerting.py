"""What `[alerts]` means: channels with names, who hears of what, when people are left alone."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from fbm_sync.domain.alert import Severity
from fbm_sync.domain.telling import LOG_CHANNEL, Route
from fbm_sync.settings import notation, schema
from fbm_sync.settings.values import AlertChannel, AlertSettings, Webhook

ENVIRONMENT_REFERENCE = re.compile(r"env:(?P<plain>\w+)|\$\{(?P<braced>\w+)\}", re.ASCII)
"""How the file refers to an environment variable; the whole text must be the reference."""

_CHANNEL_NAME = re.compile(r"[a-z0-9_-]+")


def alerts(
    table: schema.AlertsTable,
    resolved: Callable[[str, str], str],
    inside: Callable[[str], Path],
    accounts: Sequence[str],
) -> tuple[AlertSettings, list[str]]:
    """Return the settings of a table, and what is wrong with it beyond single options."""
    faults: list[str] = []
    channels = _channels(table.channels, resolved, faults)
    webhooks = _webhooks(table.webhooks, {one.name for one in channels}, resolved, faults)
    names = [*(one.name for one in channels), *(one.name for one in webhooks)]
    routes = tuple(_route(one) for one in table.routes)
    for number, route in enumerate(routes, start=1):
        faults += _route_faults(f"alerts.routes number {number}", route, names, accounts)
    settings = AlertSettings(
        channels=channels,
        webhooks=webhooks,
        routes=routes,
        quiet_hours=notation.quiet_span(table.quiet_hours),
        digest_at=notation.maybe_clock_time(table.digest_at),
        remind_after={
            Severity(name): timedelta(hours=hours)
            for name, hours in table.remind_hours.model_dump().items()
            if hours
        },
        late_probability=table.late_probability,
        templates=inside(table.templates) if table.templates else None,
    )
    if settings.templates is not None and not settings.templates.is_dir():
        faults.append(f'alerts.templates: "{table.templates}" is not a folder; leave it out to use ours')
    return settings, faults


def _channels(
    texts: Sequence[str], resolved: Callable[[str, str], str], faults: list[str]
) -> tuple[AlertChannel, ...]:
    """Return the channels with names that may be stored and shown: the variable's, or the scheme."""
    channels: dict[str, AlertChannel] = {}
    for text in texts:
        url = resolved("alerts.channels", text)
        scheme, mark, _ = url.partition("://")
        if url and not mark:
            faults.append(
                "alerts.channels: an entry is not an address (hidden: it may hold a password); "
                'write one like "mailtos://…", or "env:NAME" for a variable that holds it'
            )
        reference = ENVIRONMENT_REFERENCE.fullmatch(text)
        wanted = (reference["plain"] or reference["braced"] if reference else scheme).lower()
        name, number = wanted, 1
        while name in channels or name == LOG_CHANNEL:
            number += 1
            name = f"{wanted}-{number}"
        channels[name] = AlertChannel(name=name, url=url)
    return tuple(channels.values())


def _webhooks(
    tables: Mapping[str, schema.WebhookTable],
    taken: set[str],
    resolved: Callable[[str, str], str],
    faults: list[str],
) -> tuple[Webhook, ...]:
    webhooks = []
    for name, table in tables.items():
        place = f"alerts.webhooks.{name}"
        if not _CHANNEL_NAME.fullmatch(name):
            faults.append(f"{place}: a name has small letters, digits, - and _ only")
        if name in taken or name == LOG_CHANNEL:
            faults.append(f"{place}: another channel has this name already; choose another one")
        if ENVIRONMENT_REFERENCE.fullmatch(table.secret) is None:
            faults.append(
                f"{place}.secret: secrets never belong in this file (hidden); "
                'write "env:NAME" for the variable that holds it'
            )
            continue
        webhooks.append(Webhook(name=name, url=table.url, secret=resolved(f"{place}.secret", table.secret)))
    return tuple(webhooks)


def _route(table: schema.RouteTable) -> Route:
    return Route(
        channels=tuple(dict.fromkeys(table.channels)),
        kinds=frozenset(table.kinds),
        accounts=frozenset(table.accounts),
        least_severity=table.least_severity,
        escalate_to=tuple(dict.fromkeys(table.escalate_to)),
        escalate_after=timedelta(minutes=table.escalate_after_minutes),
    )


def _route_faults(place: str, route: Route, names: Sequence[str], accounts: Sequence[str]) -> list[str]:
    """Say which channels and accounts a route names that do not exist."""
    known = ", ".join(names) or "none"
    found = [
        f"{place}.{key}: there is no channel {name!r} (known: {known})"
        for key, named in (("channels", route.channels), ("escalate_to", route.escalate_to))
        for name in named
        if name not in names
    ]
    found += [
        f"{place}.accounts: there is no account {name!r} (known: {', '.join(accounts)})"
        for name in sorted(route.accounts - set(accounts))
    ]
    return found
