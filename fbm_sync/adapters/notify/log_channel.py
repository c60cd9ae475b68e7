"""The log as a channel: always there, so that no alert is lost when every other channel is down."""

import logging

import structlog

from fbm_sync.adapters.notify.wording import word
from fbm_sync.domain.alert import Notification, Severity, TransitionKind
from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.logs import ALERT_TOLD

_log = structlog.get_logger()
_LEVELS = {Severity.INFO: logging.INFO, Severity.WARNING: logging.WARNING, Severity.CRITICAL: logging.ERROR}


class LogNotifier:
    """Writes each alert as one line, whose level says how soon a person must act."""

    label = "log"

    def __init__(self, calendar: ShipCalendar) -> None:
        self._calendar = calendar

    def deliver(self, notification: Notification) -> None:
        transition = notification.transition
        finding = transition.alert.finding
        over = transition.kind is TransitionKind.RESOLVED
        # Written the moment it happens: quiet hours hold back what rings, and a log does not.
        message = word(transition, self._calendar, transition.at)
        _log.log(
            logging.INFO if over else _LEVELS[finding.severity],
            ALERT_TOLD,
            key=finding.key,
            kind=finding.kind,
            subject=finding.subject,
            severity=finding.severity.value,
            stage=finding.stage,
            transition=transition.kind.value,
            headline=message.subject,
            text=finding.text,
            action=finding.action,
            orders=list(finding.orders),
        )
