"""What `[accounts.notifications]` means: which queue at AWS, in which region, under which name.

AWS's own queue addresses tell all of it; those of other servers lack the region, which the ARN then has.
"""

import re
from urllib.parse import urlsplit

from fbm_sync.settings import schema
from fbm_sync.settings.values import NotificationSettings, QueueSettings

_AWS_HOST = re.compile(
    r"sqs(-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?"
    r"|(?P<former>[a-z0-9-]+)\.queue\.amazonaws\.com(\.cn)?"
)
_PATH = re.compile(r"/(?P<owner>\d{12})/(?P<name>[A-Za-z0-9_-]{1,80}(\.fifo)?)")
_NO_ARN = "arn:aws:sqs:"
_EXAMPLE = "https://sqs.us-east-1.amazonaws.com/123456789012/fbm-sync"
_FIFO = "is a FIFO queue, and Amazon delivers notifications to standard queues only; make a standard queue"


def notifications(table: schema.NotificationsTable) -> tuple[NotificationSettings | None, list[str]]:
    """Return what the table means, and what is wrong with it, each fault beginning with its key."""
    faults: list[str] = []
    main = _queue("queue", table.queue, table, faults)
    if main is not None and table.queue_arn not in {None, main.arn}:
        faults.append(
            f'queue_arn: "{table.queue_arn}" is not that of the queue at {table.queue}; leave it out'
        )
    events = None
    if table.events_queue is not None and table.events_queue != table.queue:
        events = _queue("events_queue", table.events_queue, table, faults)
    bridge = _event_bridge(table, faults)
    if main is None or faults:
        return None, faults
    return NotificationSettings(queue=main, events_queue=events, event_bridge=bridge), faults


def _event_bridge(table: schema.NotificationsTable, faults: list[str]) -> tuple[str, str] | None:
    region, account = table.event_bridge_region, table.event_bridge_account
    if region is not None and account is not None:
        return region, account
    if region is not None:
        faults.append("event_bridge_account: missing; it belongs to event_bridge_region")
    if account is not None:
        faults.append("event_bridge_region: missing; it belongs to event_bridge_account")
    return None


def _queue(key: str, url: str, table: schema.NotificationsTable, faults: list[str]) -> QueueSettings | None:
    """Return one queue, or nothing when its address does not tell what is needed."""
    parts = urlsplit(url)
    path = _PATH.fullmatch(parts.path)
    host = _AWS_HOST.fullmatch(parts.hostname or "")
    _, partition, _, known_region, *_ = (table.queue_arn or _NO_ARN).split(":")
    region = (host["region"] or host["former"]) if host else known_region
    if path is None:
        faults.append(f'{key}: "{url}" is not a queue\'s address; write one like {_EXAMPLE}')
        return None
    if path["name"].endswith(".fifo"):
        faults.append(f'{key}: "{url}" {_FIFO}')
        return None
    if not region:
        faults.append(f"queue_arn: missing; the address of {key} does not tell the queue's region")
        return None
    return QueueSettings(
        url=url,
        arn=f"arn:{partition}:sqs:{region}:{path['owner']}:{path['name']}",
        region=region,
        endpoint=table.endpoint or (None if host else f"{parts.scheme}://{parts.netloc}"),
    )
