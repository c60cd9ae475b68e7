"""What the daemon says of its own work: set-up, the context every line carries, what is never said.

JSON to stderr for machines, coloured lines on a terminal. Everything, the libraries' own logging
included, passes one redaction: no token, secret or buyer's address gets into a log. *error* means that
a person must act.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from contextlib import AbstractContextManager
from typing import Any, Final, TextIO

import structlog

# Events are named noun_verbed; each run ends with the first one and its counts.
RUN_FINISHED: Final = "run_finished"
STEP_FAILED: Final = "step_failed"
ORDERS_PULLED: Final = "orders_pulled"
PERFORMANCE_PULLED: Final = "performance_pulled"
SUPPLY_PULLED: Final = "supply_pulled"
OFFERS_PULLED: Final = "offers_pulled"
HINTS_PULLED: Final = "hints_pulled"
ACCOUNT_STATUS_TOLD: Final = "account_status_told"
OFFERS_PLANNED: Final = "offers_planned"
OFFERS_PUSHED: Final = "offers_pushed"
ALERTS_UPDATED: Final = "alerts_updated"
ALERTS_TOLD: Final = "alerts_told"
HISTORY_PRUNED: Final = "history_pruned"
TRUTH_VERIFIED: Final = "truth_verified"
ALERT_TOLD: Final = "alert_told"
NOTIFICATION_FAILED: Final = "notification_failed"
CHANNEL_UNKNOWN: Final = "channel_unknown"
TEMPLATE_FAILED: Final = "template_failed"
REQUEST_SENT: Final = "request_sent"
TICK_FAILED: Final = "tick_failed"
DAEMON_STARTED: Final = "daemon_started"
DAEMON_STOPPED: Final = "daemon_stopped"
CONFIG_RELOADED: Final = "config_reloaded"
CONFIG_REFUSED: Final = "config_refused"

HIDDEN: Final = "[hidden]"

_QUIET_LIBRARIES = (
    "sp_api",
    "httpx",
    "httpcore",
    "apscheduler",
    "apprise",
    "uvicorn",
    "uvicorn.access",
    "alembic",
    "boto3",
    "botocore",
    "urllib3",
)
"""Libraries that print tokens at DEBUG, a line for every request, or their own starting up."""

_SECRET_KEY = re.compile(
    r"token$|token_|secret|passw|authorization|credential|api_?key|^client_id$|"
    r"e_?mail|buyer_?(name|info|address)|recipient|shipping_?address|phone",
    re.IGNORECASE,
)
_SECRET_TEXTS = (
    # Access and refresh tokens; client secrets; what follows the header or field that carries one.
    (re.compile(r"At(?:z[a-z]|c)\|[\w\-|+/=.~]+"), HIDDEN),
    (re.compile(r"amzn1\.oa2-cs[\w\-.]*"), HIDDEN),
    (
        re.compile(
            r"(x-amz-access-token|authorization|(?:client_|aws_)?secret(?:_access_key)?|refresh_token|access_token|"
            r"password)(['\"]?\s*[:=]\s*)(?:bearer\s+)?(?:\"[^\"]*\"|'[^']*'|[^\s,;&}\"']+)",
            re.IGNORECASE,
        ),
        rf"\1\2{HIDDEN}",
    ),
    # The user and password of an address.
    (re.compile(r"(\w://)[^/\s@]+@"), rf"\1{HIDDEN}@"),
    # The look-behind keeps a long text without any @ from being searched again from each of its letters.
    (re.compile(r"(?<![\w.+\-%])[\w.+\-%]+@[\w\-]+(?:\.[\w\-]+)+"), HIDDEN),
)
_LONGEST_NESTING = 6

_ALERTS = "fbm_sync.adapters.notify"
"""Where alerts become log lines."""


def configure(*, verbose: bool = False, quiet: bool = False, stream: TextIO | None = None) -> None:
    """Switch logging on for the whole process; calling it again replaces the former set-up.

    Machine-readable unless `stream` (stderr by default) is a terminal. `verbose` adds debug lines, but
    never those of libraries that print secrets; `quiet` leaves warnings and errors only, and of alerts
    nothing, for commands whose answer stands on the terminal.
    """
    output = sys.stderr if stream is None else stream
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_CONTEXT,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for former in [entry for entry in root.handlers if isinstance(entry, _Handler)]:
        root.removeHandler(former)
    root.addHandler(_Handler(output))
    root.setLevel(logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO)
    logging.getLogger(_ALERTS).setLevel(logging.CRITICAL if quiet else logging.NOTSET)
    logging.captureWarnings(capture=True)
    for library in _QUIET_LIBRARIES:
        logging.getLogger(library).setLevel(logging.WARNING)


_CONTEXT: Final[tuple[structlog.typing.Processor, ...]] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
)


class _Handler(logging.StreamHandler[TextIO]):
    """The one door to the outside, for our own lines and for those of the libraries."""

    def __init__(self, output: TextIO) -> None:
        super().__init__(output)
        formatter = structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                *_CONTEXT,
                structlog.stdlib.add_logger_name,
                structlog.stdlib.PositionalArgumentsFormatter(),
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_rendering(on_terminal=output.isatty()),
            ],
        )
        self.setFormatter(formatter)


def _rendering(*, on_terminal: bool) -> list[structlog.typing.Processor]:
    """Return the last steps of a line; the redaction comes after tracebacks have become text."""
    if on_terminal:
        return [
            structlog.processors.format_exc_info,
            redact_event,
            structlog.dev.ConsoleRenderer(event_key="event", timestamp_key="at"),
        ]
    return [
        structlog.processors.format_exc_info,
        redact_event,
        _what_and_when_first,
        structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
    ]


def _what_and_when_first(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Put what a reader looks for at the beginning of the line."""
    first = {name: event.pop(name) for name in ("at", "level", "event") if name in event}
    return {**first, **event}


def bound(**context: str) -> AbstractContextManager[None]:
    """Let every line inside the `with` block carry this context: run_id, flow, account."""
    return structlog.contextvars.bound_contextvars(**context)


def redact(text: str) -> str:
    """Return a text without tokens, secrets and e-mail addresses."""
    for pattern, replacement in _SECRET_TEXTS:
        text = pattern.sub(replacement, text)
    return text


def redact_event(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take what must not be logged out of a line: by the name of a value, and by its looks."""
    for key, value in event.items():
        event[key] = HIDDEN if _is_secret(key, value) else _redacted(value)
    return event


def _is_secret(key: str, value: object) -> bool:
    """Tell whether a name promises a secret; a number under such a name is a count (tokens left)."""
    return _SECRET_KEY.search(key) is not None and not isinstance(value, int | float | None)


def _redacted(value: object, depth: int = 0) -> object:
    """Return a value without secrets at any depth; what cannot be looked into is looked at as text."""
    if isinstance(value, str):
        return redact(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth >= _LONGEST_NESTING:
        return redact(str(value))
    if isinstance(value, Mapping):
        return {
            str(key): HIDDEN if _is_secret(str(key), inner) else _redacted(inner, depth + 1)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted(inner, depth + 1) for inner in value]
    return redact(str(value))
